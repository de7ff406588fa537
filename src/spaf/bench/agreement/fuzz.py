"""Hostile records: seeded mutations of sales, from values down to single bytes.

About a third of the records are accepted sales, so that values and groups are compared as often as
refusals. The same seed, number and append time give the same record.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from spaf.sale.conformance.cases import FORMS
from spaf.sale.conformance.forms import at
from spaf.sale.contract import AMOUNTS, COLUMNS

# Values of each field: right, unusual and wrong.
TEXTS = (
    *(
        b'"p"',
        b'"books"',
        b'"it\'s"',
        b'"\\u0062ooks"',
        b'"caf\xc3\xa9"',
        b'"\xc3\x85"',
        b'"A\xcc\x8a"',
    ),
    *(
        b'""',
        b'" "',
        b'"\\""',
        b'"\\\\"',
        b'"\\/"',
        b'"\\n"',
        b'"\\u0000"',
        b'"a\\u007f"',
        b'"\x80"',
    ),
    *(
        b'"\xf0\x9f\x98\x80"',
        b'"\\ud83d\\ude00"',
        b'"\\ud83d"',
        b'"\xed\xa0\xbd\xed\xb8\x80"',
        b'"\\q"',
    ),
    *(
        b'"\xc0\xaf"',
        b'"\xf8\x88\x80\x80\x80"',
        b'"\xff"',
        b'"\xe2\x80\xae"',
        b'"{"',
        b'"[x"',
        b'"x{"',
    ),
    *(
        b"null",
        b"true",
        b"false",
        b"7",
        b"-0",
        b"1.50",
        b"1e400",
        b"[]",
        b"{}",
        b'{"a":[1.0,"x",null]}',
    ),
    *(b"[%s]" % b",".join([b"1"] * 40), b'"%s"' % (b"n" * 64), b'"%s"' % (b"n" * 65), b'"\\u2028"'),
)
CURRENCIES = (
    *(b'"BRL"', b'"USD"', b'"EUR"', b"null", b'"usd"', b'"US"', b'"USDT"', b'""', b'"\xc3\x9cSD"'),
    *(b'"USD\\n"', b'" USD"', b'"\\u0055SD"', b"986", b'["USD"]', b'"US\xc0\x84"', b'"U$D"'),
)
NUMBERS = (
    *(
        b"1",
        b"2",
        b"3",
        b"10",
        b"0",
        b"-0",
        b"-1",
        b"1.0",
        b"1.5",
        b"0.1",
        b"0.29",
        b"4.35",
        b"8.295",
    ),
    *(b"1234.56005859375", b"16383.990234375", b"32767.990234375", b"1.0004", b"1.0005", b"19.999"),
    *(b"117.01", b"1.005", b"1.00001", b"1.000009", b"1e2", b"1E-2", b"1e10", b"9999999999.99"),
    *(b"9999999999.994", b"1000000", b"1000001", b"999999.5", b"1e400", b"-1e400", b"1e-400"),
    *(
        b'"1"',
        b'" 2\\t"',
        b'"3d"',
        b'"4F"',
        b'"0x1p3"',
        b'"0x.8p1"',
        b'".5"',
        b'"5."',
        b'"+5"',
        b'"007"',
    ),
    *(
        b'"NaN"',
        b'"-Infinity"',
        b'"inf"',
        b'""',
        b'"1,5"',
        b'"1_0"',
        b'"\\u0661"',
        b'"1e"',
        b'"1 0"',
    ),
    *(
        b"null",
        b"true",
        b"{}",
        b"[]",
        b"[1]",
        b'{"a":1}',
        b'"\\q"',
        b"NaN",
        b"01",
        b".5",
        b"+1",
        b"5.",
    ),
    *(
        b"1" * 999,
        b"1" * 1_001,
        b"0." + b"3" * 999,
        b'"' + b"9" * 400 + b'"',
        b"12345678901234567890",
    ),
    *(b"2.675", b"1.115", b"0.145", b"5e-1", b"123456789.99", b"99999999.995", b"0.00", b"1.10"),
)
SHIFTS_MS = (
    *(0, 1, -1, 999, -999, 59_999, 60_000, 60_001, -599_999, -600_000, -600_001, -3_600_000),
    *(-86_400_000, 86_400_000, 3_600_000, -12_345, 30_000, -500_000),
)
TIMES = (
    *(
        b"@",
        b"@",
        b"@",
        b"@",
        b'"@"',
        b'" @ "',
        b"@.9",
        b'"+@"',
        b'"@L"',
        b'"00@"',
        b'"@\\n"',
        b"-@",
    ),
    *(b"0", b"-1", b"1", b"null", b"true", b'""', b'"."', b'"-"', b'"+."', b'"-.5"', b"1763800000"),
    *(b"1763800000123456", b"99999999999", b"100000000000000", b"9223372036854775808", b"1e3"),
    *(b"@000", b'"@000000"', b"@000.5", b"@e0", b"99999999999999999", b"9223372036854775807"),
    *(b'"\\u0665"', b'"0x5"', b"[]", b'{"a":1}', b'"yesterday"', b"9" * 40, b'"1 2"', b'"\\t5"'),
)
ZONES = (
    *(
        "",
        "",
        "",
        "Z",
        "z",
        "+00:00",
        "-00:00",
        "+0000",
        "+01",
        "+15:00",
        "+14:01",
        " Z",
        ".",
        ".5",
    ),
    *(".05Z", ".999", ".123456789Z", ".1234567890", "\\n", " ", ",5", ",25 GMT", " UTC", "GMT"),
    *("-00[UTC]", "Z[Etc/GMT-3]", "[UTC]", " BRT", "+00:00[a b]", "  Z", " -00", "+0000]"),
)
OFFSETS = (
    (60, "+01:00"),
    (-180, "-03:00"),
    (330, "+05:30"),
    (-30, "-00:30"),
    (840, "+14:00"),
    (-180, "-03"),
    (330, " +0530"),
    (-180, ".5-0300"),
    (-180, "-03:00[America/Sao_Paulo]"),
    (840, "+14"),
)
DATES = (
    *(
        b'"1970-01-01T00:00:00"',
        b'"1969-12-31T23:59:59"',
        b'"2037-12-31T23:59:59"',
        b'"2025-02-30T12:00:00"',
    ),
    *(
        b'"2023-02-29 12:00:00"',
        b'"2025-13-01T12:00:00"',
        b'"2025-01-01T24:00:00"',
        b'"2025-01-01"',
        b'"1975-06-01T12:00"',
        b'"1975-06-01 12:00-03"',
        b'"2024-02-29t12:00z"',
        b'"2022-02-29T12:00:00"',
        b'"20250101T120000Z"',
    ),
    *(
        b'"0000-01-01T00:00:00"',
        b'"2038-01-01T00:00:00"',
        b'"\\u0032020-01-01T00:00:00"',
        b"null",
        b"2020",
    ),
)
# Fragments that are inserted into the bytes: tokens of JSON, whole and broken.
PIECES = (
    *(
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\u",
        b"\\u00",
        b"\\ud800",
        b"\\q",
        b"'",
        b"/*",
        b"//",
    ),
    *(
        b"\xe9",
        b"\xc3",
        b"\xc3\xa9",
        b"\xf0\x9f\x98\x80",
        b"\xf0",
        b"\xf0\x9f",
        b"\x80",
        b"\xed\xa0\x80",
    ),
    *(
        b"\xc0\xaf",
        b"\xe2\x82",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xfe\xff",
        b"\x00",
        b"\x01",
        b"\x1f",
        b"\x7f",
    ),
    *(
        b"0",
        b"-",
        b"+1",
        b"1.5e3",
        b"e",
        b".",
        b"1e400",
        b"-0",
        b"1" * 500,
        b"true",
        b"nul",
        b"null",
        b"NaN",
    ),
    *(
        b"Infinity",
        b"-Infinity",
        b" ",
        b"\t",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"\xc2\xa0",
        b"_$",
        b"\\\xc3\xa9",
    ),
    *(
        b'"productId":"z"',
        b',"currency":"QQQ"',
        b'"productQuantity":9,',
        b'"x":{"y":[{}]},',
        b"{},",
        b"[[",
        b"]]",
    ),
)
NAMES = tuple(
    name.encode() for name in (*COLUMNS, *AMOUNTS, "productName", "intendedAt", "sentAt", "x")
)
LIKELY = 0.75
MAX_DEPTH = 3


class Fuzzer:
    """A source of hostile records."""

    def __init__(self, seed: int) -> None:
        """Start; the same seed gives the same records for the same append times."""
        self._rng = random.Random(seed)  # noqa: S311 - not a secret
        self._kinds: tuple[tuple[int, Callable[[int], bytes]], ...] = (
            (6, self._sale),
            (3, lambda append_ms: self._tokens(self._sale(append_ms))),
            (3, lambda append_ms: self._bytes(self._sale(append_ms))),
            (2, self._form),
            (2, self._tree),
            (2, lambda append_ms: self._bytes(self._tree(append_ms))),
            (1, self._array),
            (1, lambda append_ms: self._encoded(self._sale(append_ms))),
            (1, lambda append_ms: self._sale(append_ms) + self._bytes(self._sale(append_ms))),
        )

    def record(self, append_ms: int) -> bytes:
        """Return the next record, for this append time, epoch milliseconds."""
        weights = [weight for weight, _ in self._kinds]
        ((_, make),) = self._rng.choices(self._kinds, weights)
        return make(append_ms)

    def _sale(self, append_ms: int) -> bytes:
        """Return a sale in which each field is right, unusual, wrong, missing or repeated."""
        rng = self._rng
        odd = rng.choice((0.0, 0.1, 0.1, 0.3))
        members = [(name, self._literal(name, append_ms, odd)) for name in self._named()]
        if rng.random() > LIKELY:
            rng.shuffle(members)
        colon, comma = rng.choice(((b":", b","), (b": ", b", "), (b"\t:\n", b" ,\r\n")))
        return b"{%s}" % comma.join(b'"%s"%s%s' % (self._name(n), colon, v) for n, v in members)

    def _named(self) -> list[str]:
        rng = self._rng
        names = [name for name in COLUMNS[:4] if rng.random() > 0.02]  # noqa: PLR2004 - seldom
        names += [name for name in COLUMNS[4:] if rng.random() > LIKELY]
        if rng.random() > LIKELY:
            names.append(rng.choice(("productName", "intendedAt", "x", "customerId")))
        while rng.random() > 0.9:  # noqa: PLR2004 - seldom
            names.append(rng.choice(COLUMNS))
        return names

    def _name(self, name: str) -> bytes:
        if self._rng.random() > 0.02:  # noqa: PLR2004 - seldom
            return name.encode()
        return self._rng.choice(
            (
                name.upper().encode(),
                b"\\u%04x%s" % (ord(name[0]), name[1:].encode()),
                name.encode() + b"\xc3\xa9",
                name.encode() + b" ",
                b"",
                name[:-1].encode() + b"\\q",
            )
        )

    def _literal(self, name: str, append_ms: int, odd: float) -> bytes:
        """Return a value for a field: a valid one or, with probability `odd`, one of the lists."""
        rng = self._rng
        wrong = rng.random() < odd
        if name in AMOUNTS:
            return rng.choice(NUMBERS) if wrong else self._number(name)
        if name == "eventTime":
            text = rng.choice(TIMES) if wrong else b"@"
            return text.replace(b"@", str(append_ms + self._shift()).encode())
        if name == "transactionDate":
            return rng.choice(DATES) if wrong else self._date(append_ms)
        if name == "currency":
            return rng.choice(CURRENCIES) if wrong else rng.choice(CURRENCIES[:3])
        return rng.choice(TEXTS) if wrong else b'"%s%d"' % (name[:2].encode(), rng.randrange(50))

    def _number(self, name: str) -> bytes:
        if name == "productQuantity":
            return str(self._rng.choice((1, 2, 3, self._rng.randint(1, 1_000_000)))).encode()
        cents = int(10 ** self._rng.uniform(0, 12))
        return b"%d.%02d" % (cents // 100, cents % 100)

    def _shift(self) -> int:
        rng = self._rng
        return rng.choice(SHIFTS_MS) if rng.random() > LIKELY else rng.randint(-599_000, 59_000)

    def _date(self, append_ms: int) -> bytes:
        rng = self._rng
        minutes, zone = rng.choice(OFFSETS) if rng.random() > LIKELY else (0, rng.choice(ZONES))
        local = append_ms + self._shift() + minutes * 60_000
        text = at(b"@iso+%d@" % max(local, 0), 0) or b""
        if rng.random() > LIKELY:
            text = text.replace(b"T", b" ")
        return b'"%s%s"' % (text, zone.encode())

    def _tree(self, append_ms: int) -> bytes:
        """Return an object of columns and other names with any values, sometimes nested."""
        return self._object(append_ms, self._rng.randrange(1, 10), 0)

    def _object(self, append_ms: int, size: int, depth: int) -> bytes:
        members = (
            b'"%s":%s' % (self._rng.choice(NAMES), self._any(append_ms, depth)) for _ in range(size)
        )
        return b"{%s}" % b",".join(members)

    def _any(self, append_ms: int, depth: int) -> bytes:
        rng = self._rng
        kind = rng.randrange(10 if depth < MAX_DEPTH else 7)
        if kind < 2:  # noqa: PLR2004 - two of ten
            return rng.choice(NUMBERS)
        if kind < 3:  # noqa: PLR2004
            return b'"%s"' % rng.choice(NAMES)
        if kind < 7:  # noqa: PLR2004
            return self._literal(rng.choice(COLUMNS), append_ms, 0.3)
        size = rng.randrange(4)
        if kind < 8:  # noqa: PLR2004
            return b"[%s]" % b",".join(self._any(append_ms, depth + 1) for _ in range(size))
        return self._object(append_ms, size, depth + 1)

    def _array(self, append_ms: int) -> bytes:
        parts = [self._sale(append_ms) for _ in range(self._rng.randrange(4))]
        if self._rng.random() > LIKELY:
            parts.insert(self._rng.randrange(len(parts) + 1), self._rng.choice(PIECES))
        return b"[%s]" % b",".join(parts)

    def _form(self, append_ms: int) -> bytes:
        """Return one of the hand-made forms with a few bytes changed."""
        return self._bytes((at(self._rng.choice(FORMS).example, append_ms) or b"")[:4_000])

    def _tokens(self, value: bytes) -> bytes:
        """Insert fragments at token boundaries, or replace the byte there."""
        rng = self._rng
        positions = [n for n, byte in enumerate(value) if byte in b'{}[],:"']
        for _ in range(rng.randint(1, 3)):
            position = rng.choice(positions)
            value = value[:position] + rng.choice(PIECES) + value[position + rng.randrange(2) :]
        return value

    def _bytes(self, value: bytes) -> bytes:
        """Change, delete, insert or repeat a few bytes, or truncate the record."""
        rng, data = self._rng, bytearray(value)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            place = rng.randrange(len(data) + 1)
            match rng.randrange(6):
                case 0:
                    del data[place : place + rng.randrange(1, 4)]
                case 1:
                    data[place:place] = rng.choice(PIECES)
                case 2:
                    data[place : place + 1] = rng.choice(PIECES)
                case 3:
                    data[place : place + 1] = bytes([rng.randrange(256)])
                case 4:
                    data[place:place] = data[place : place + rng.randrange(20)]
                case _:
                    data = data[:place] if rng.random() > LIKELY else data
        return bytes(data)

    def _encoded(self, value: bytes) -> bytes:
        """Return the record in another encoding, with a byte order mark or without."""
        text = value.decode("utf-8", "replace")
        name = self._rng.choice(
            ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "utf-7", "cp037")
        )
        return text.encode(name, "replace")


def shown(value: bytes | None) -> str:
    """Return a record as one printable line."""
    return "null" if value is None else json.dumps(value.decode("latin-1"))
