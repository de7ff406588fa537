"""Two programs, one contract: Flink's decoder and the job's SQL against `spaf.sale`.

Each record goes through the real decoder of the job's log, and what that yields through the job's
real views, in batch.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from spaf.bench.detection.batch import Batch
from spaf.job import build
from spaf.sale import Late, Outcome, Reason, Rules, decode
from spaf.sale.contract import AMOUNTS, COLUMNS
from spaf.sale.jackson.rows import rows
from spaf.sale.validation import double
from spaf.settings import Settings
from tests.support.flink import ask, decoded
from tests.support.flink_worker import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
APPEND_MS = 1_763_800_000_123
# Late in the last second of the last year that the job reads, so that each date before it counts.
LAST_YEAR_MS = 2_145_916_799_999
FIELDS = b'"productId":"p","productCategory":"books","productPrice":1.25,"productQuantity":3'
PARAMETERS = build.JobParameters.of(Settings(), ("books", "it's"))
# The codes of accepted, late and refused, as the job's views tell them apart.
OUTCOME = """CASE
    WHEN {accepted} THEN 0
    WHEN append_ms - event_ms > {max_lateness_ms} THEN 1
    WHEN append_ms - event_ms < -{max_ahead_ms} THEN 2
END"""
NAMES = (
    *(
        '""',
        '"p"',
        '" "',
        "null",
        "7",
        "-0",
        "1.50",
        "true",
        '"\\u0000"',
        '"a\\r\\nb"',
        '"\\u001b"',
    ),
    *('"\\u007f"', '"\\u009f"', '"\\u00a0"', '"\\ud800"', '"\\ud83d\\ude00"', '"{a"', '"[a"'),
    *('"a{"', "{}", "[]", '{"a": [1, 2.50, null]}', '[1e400, "\\n"]', '"it\'s"', '"\\u2028"'),
    *(json.dumps(dict.fromkeys("abcdefghijkl", 7)), f"[{'1,' * 30}1]", f"[{'1,' * 31}1]"),
    *(f'"{c * n}"' for c in ("n", "\N{GRINNING FACE}", "é") for n in (63, 64, 65)),
    *('"x\'); DROP TABLE s;--"', '"%s%n${a}"', '"\\q"', '"\\\\"', '"a\tb"', '"a\\u0085b"', "[{}]"),
)
CURRENCIES = (
    *('"BRL"', '"USD"', "null", '""', '"usd"', '"USDT"', '"US"', '"USD\\n"', '"\\nUSD"', "986"),
    *('" USD"', '"ÜSD"', '"U$D"', '"\\uff35SD"', "true", '["USD"]', '{"USD":1}', '"USD\\u0000"'),
)
DOUBLES = (
    *("0", "-0", "-0.0", "0.01", "0.1", "0.29", "1.005", "1.1", "117.01", "1e2", "1E-2", "1e-400"),
    *(
        "1e400",
        "-1e400",
        "1e10",
        "9999999999.99",
        "9999999999.999",
        "-0.01",
        "-1e-9",
        "1.000009",
        "1.0004",
        "1.0005",
        "0.9995",
    ),
    *("1234.56005859375", "4999.990234375", "16383.990234375", "32767.990234375", "19.999"),
    *("1.00001", "1.0000101", "0.009991", "1000000", "1000001", "999999.5", "4.35", "8.295"),
    *('"1"', '" 1\\t"', '"1d"', '"1F"', '"0x1p3"', '"0x.8p1"', '"0x1p99999"', '"0x1"', '".5"'),
    *('"5."', '"+5"', '"007"', '"NaN"', '"Infinity"', '"-Infinity"', '"inf"', '""', '" "', '"1,5"'),
    *('"1_0"', '"\\u0661"', '"1 0"', '"\\u00a01"', '"1dd"', '"1e"', '"e1"', '"."', '"-"', '"1e5f"'),
    *("null", "true", "false", "{}", "[]", "[1]", '{"a":1}', '"\\q"', "9" * 400, f'"{"9" * 400}"'),
    *("1" * 1_000, "1" * 1_001, f"0.{'3' * 999}", f"0.{'3' * 1_000}", "1e5", "2.0", "2.5", "1"),
)
EPOCHS = (
    *(
        "0",
        "-0",
        "-1",
        "1",
        "1.9",
        "1e3",
        "1763800000123",
        "1763800000123.999",
        "true",
        "null",
        "[]",
    ),
    *('"1763800000123"', '" 1763800000123 "', '"\\t1763800000123"', '"1763800000123\\n"', '""'),
    *('" "', '"."', '"+"', '"-"', '"+."', '"-."', '"-0.9"', '"-1.0"', '"+5"', '"--5"', '"5L"'),
    *('"5."', '".5"', '"5.x"', '"1.2.3"', '"1e3"', '"0x5"', '"1 2"', '"\\u0665"', '"\\u00a05"'),
    *('"5\\u0000"', '"99999999999"', '"100000000000"', '"9223372036854775807"', "1763800000"),
    *(
        "1763800000.123",
        "1763800000.12",
        "1763800000123456",
        "1763800000123456789",
        "99999999999999",
    ),
    *(
        "100000000000000",
        "99999999999999999",
        "100000000000000000",
        "1763800000123.5",
        "-1763800000",
    ),
    *(
        '"9223372036854775808"',
        '"-9223372036854775808"',
        '"-9223372036854775809"',
        f'"{"0" * 40}7"',
    ),
    *(f'"{"9" * 5_000}"', '"yesterday"', '"2025-11-22T12:00:00"', '{"a":1}', '"NaN"', '"\\u30005"'),
    *(str(APPEND_MS + ms) for ms in (-600_001, -600_000, -1, 0, 1, 60_000, 60_001)),
)
ZONES = (
    *("", "Z", "z", "+00:00", "-00:00", "+01:00", "-03:00", "+05:30", "-00:30", "-05:45", "+13:59"),
    *(
        "-03",
        "-0300",
        " -03:30",
        " UTC",
        "GMT",
        " GMT",
        " Z",
        "z",
        "+14",
        "+1400",
        "-1400",
        "+1430",
    ),
    *(
        "-03:00[America/Sao_Paulo]",
        "Z[UTC]",
        "[UTC]",
        "-03[Etc/GMT+3]",
        "-0330[X]",
        ",5",
        ",25-0330",
    ),
    *(" BRT", " utc", "  UTC", "+00:00[a b]", "[", "-03:00[]", "+0560", "UTC+3", "+5:30", ".5 -03"),
    *("+14:00", "-14:00", "+14:01", "+15:00", "+01:60", "+1:00", "+0100", "+01", " Z", "+01:00Z"),
    *(
        ".Z",
        ".5",
        ".05Z",
        ".005",
        ".9999",
        ".123456789Z",
        ".1234567890",
        ".5-03:00",
        "\n",
        " ",
        ",",
    ),
)
MOMENTS = (
    *("1970-01-01T00:00:00", "1969-12-31T23:59:59", "2037-12-31T23:59:59", "2038-01-01T00:00:00"),
    *("2024-02-29T12:00:00", "2023-02-29T12:00:00", "2025-02-30T12:00:00", "2025-04-31 12:00:00"),
    *("2025-00-01T12:00:00", "2025-13-01T12:00:00", "2025-01-00T12:00:00", "2025-01-32T12:00:00"),
    *("2025-11-22T24:00:00", "2025-11-22T12:60:00", "2025-11-22T12:00:60", "2025-11-22T25:00:00"),
    *("2025-11-22", "2025-11-22T12:00", "2025-11-22t12:00:00", "2025-11-22  12:00:00", "", "now"),
    *("2025-1-22T12:00:00", "25-11-22T12:00:00", " 2025-11-22T12:00:00", "2025-11-22T12:00:00\x00"),
    *(
        "\u0662025-11-22T12:00:00",
        "+2025-11-22T12:00:00",
        "12025-11-22T12:00:00",
        "1500-02-29 00:00",
    ),
    *(
        "2025-11-22T12:34Z",
        "2025-11-22 12:34-0330",
        "2025-11-22T12:34.5",
        "2025-11-22T24:00",
        "2025-11-22T12",
    ),
    *(
        "20251122T123456Z",
        "2025-11-22T12:34:56Z[America/Sao_Paulo]",
        "2025-11-31T00:00",
        "2036-02-29t00:00z",
    ),
    *(
        "1972-02-29T00:00:00",
        "1974-02-29T00:00:00",
        "2034-02-29T00:00",
        "2025-06-31T00:00:00",
        "2025-11-22T1:00:00",
    ),
    *("0000-01-01T00:00:00", "9999-12-31T23:59:59", "2000-02-29T00:00:00", "1900-01-01T00:00:00"),
)
FRAMES = (
    *(
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[1]",
        b"{",
        b"{%s}" % FIELDS,
        b"{%s" % FIELDS,
        b"{%s}x" % FIELDS,
    ),
    *(b"[{%s},{},{%s}]" % (FIELDS, FIELDS), b"[{%s},1,{%s}]" % (FIELDS, FIELDS)),
    b"\xef\xbb\xbf{%s}" % FIELDS,
    # The inside of a value that is no double is read on as the row's.
    b'{"productPrice":{"productId":"q"},%s}' % FIELDS,
    b'{"productPrice":[%s,1,{"productId":"q","a":[{}]},2],%s}' % (b'"productCategory"', FIELDS),
    b'{%s,"productQuantity":{"x":1}}' % FIELDS,
    b'{%s,"productQuantity":{"productQuantity":{"productQuantity":7}},"productId":""}' % FIELDS,
    b'{%s,"productPrice":["productPrice",5,"currency"]}' % FIELDS,
    b'{%s,"productPrice":["currency"],"USD":"x","productPrice":2}' % FIELDS,
    b'{%s,"productPrice":["a"],"productPrice":"productPrice","productPrice":4}' % FIELDS,
    b'[{%s,"productPrice":{}},{%s}]' % (FIELDS, FIELDS),
    b'{%s,"productPrice":[{"productPrice":1,"a":2}],"currency":"usd"}' % FIELDS,
    b'{%s,"productPrice":[1,"productPrice",{"productPrice":3}]}' % FIELDS,
    b'{%s,"productPrice":[[]],"productPrice":3}' % FIELDS,
    b'{%s,"currency":null,"currency":null,"productPrice":[1,2,3],"productId":[}' % FIELDS,
    b'{%s,%s,"productPrice":[],"productId":""}' % (FIELDS, FIELDS),
    b'{%s,%s,"productId":[{}],"productId":""}' % (FIELDS, FIELDS),
)


class Case(NamedTuple):
    """A record, and when it was appended."""

    value: bytes
    append_ms: int


class Event(NamedTuple):
    """What the views say of a row; the details are None where it is refused."""

    outcome: int
    category: str | None = None
    currency: str | None = None
    transaction_id: str | None = None
    quantity: int | None = None
    cents: int | None = None
    event_second: int | None = None


def cases() -> Iterator[Case]:
    """Yield every record of this test."""
    for value in FRAMES:
        yield Case(value, APPEND_MS)
    texts = {
        **dict.fromkeys(["productId", "productCategory", "transactionId"], NAMES),
        "currency": CURRENCIES,
        **dict.fromkeys(AMOUNTS, DOUBLES),
        "eventTime": EPOCHS,
    }
    for name, literals in texts.items():
        for literal in literals:
            yield Case(b'{%s,"%s":%s}' % (FIELDS, name.encode(), literal.encode()), APPEND_MS)
    for date in dates():
        text = re.sub(r"[\x00-\x1f]", lambda match: f"\\u{ord(match[0]):04x}", date)
        value = b'{%s,"transactionDate":"%s"}' % (FIELDS, text.encode())
        yield Case(value, LAST_YEAR_MS)


def dates() -> Iterator[str]:
    """Yield good and bad transaction dates, some of them by chance."""
    yield from MOMENTS
    yield from (f"2025-11-22T12:34:56{zone}" for zone in ZONES)
    yield from (f"1970-01-01 00:59:59{zone}" for zone in ZONES[:16])
    chance = random.Random(7)  # noqa: S311 - not a secret
    limits = ((1968, 2039), (0, 13), (0, 32), (0, 24), (0, 60), (0, 60))
    for _ in range(150):
        year, month, day, hour, minute, second = (chance.randint(*limit) for limit in limits)
        date = f"{year}-{month:02}-{day:02}{chance.choice('T ')}"
        yield f"{date}{hour:02}:{minute:02}:{second:02}{chance.choice(ZONES)}"


class Flink(NamedTuple):
    """What Flink makes of the records: the decoder's rows of each, and an event of each row."""

    rows: list[list[Row]]
    events: list[Event]


@pytest.fixture(scope="module")
def answer(flink: Batch, tmp_path_factory: pytest.TempPathFactory) -> Flink:
    """Return what Flink makes of the records."""
    folder = tmp_path_factory.mktemp("agreement")
    decoded_rows = decoded(flink, folder, [case.value for case in cases()])
    log = list(log_of(decoded_rows))
    read, judge, *others = build.statements(PARAMETERS, build.VIEWS)
    (outlier,) = (other for other in others if "VIEW sale_outlier " in other)
    shown = re.search(r"CASE\s+WHEN REGEXP\(transaction_id.*?END", outlier, re.DOTALL)
    assert shown is not None, "sale_outlier no longer says which transaction_id it shows"
    columns = (
        ("BIGINT", "kafka_offset"),
        ("INT", OUTCOME.format(**PARAMETERS.placeholders())),
        ("STRING", "category"),
        ("STRING", "currency"),
        ("STRING", shown[0]),
        ("BIGINT", "quantity"),
        ("BIGINT", "unit_cents * quantity"),
        ("BIGINT", "event_ms / 1000"),
    )
    answers = ask(flink, folder, log, [read, judge], {"classified_sale": columns})
    events = [Event(*row[1:]) for row in sorted(answers["classified_sale"], key=itemgetter(0))]
    assert len(events) == len(log)
    return Flink(decoded_rows, events)


def log_of(decoded_rows: list[list[Row]]) -> Iterator[Row]:
    """Yield the rows of the log: those of each record, in order."""
    appended = (
        (case.append_ms, row)
        for case, some in zip(cases(), decoded_rows, strict=True)
        for row in some
    )
    for place, (append_ms, row) in enumerate(appended):
        yield {
            "kafka_partition": 0,
            "kafka_offset": place,
            "place": place,
            "append_ms": append_ms,
            **row,
        }


def test_the_decoder_agrees(answer: Flink) -> None:
    """Flink's decoder makes the same rows of a record as `spaf.sale` does."""
    for case, expected in zip(cases(), answer.rows, strict=True):
        found = [plain({name: row.get(name) for name in COLUMNS}) for row in rows(case.value)]
        assert found == list(map(plain, expected)), case.value[:200]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its doubles read; what is not finite keeps no rule and counts as none."""
    found = dict(row)
    for name in AMOUNTS:
        item = row[name]
        number = double(item) if isinstance(item, str) else item
        found[name] = number if number is not None and math.isfinite(number) else None
    return found


def test_the_views_agree(answer: Flink) -> None:
    """The job accepts, delays and refuses what `spaf.sale` does, and reads the same from it."""
    events = iter(answer.events)
    seen: Counter[int] = Counter()
    for case, found in zip(cases(), answer.rows, strict=True):
        judged = [next(events) for _ in found]
        outcomes = decode(case.value, case.append_ms, RULES)
        expected = [] if outcomes == (Reason.UNREADABLE,) else list(map(event, outcomes))
        assert list(map(comparable, judged)) == expected, case.value[:200]
        seen.update(it.outcome for it in expected)
    assert min(seen[outcome] for outcome in (0, 1, 2)) > 50


def comparable(judged: Event) -> Event:
    """Return what a row of the views says of a record with its outcome."""
    if judged.outcome == 2:
        return Event(2)
    return judged._replace(event_second=None) if judged.outcome == 1 else judged


def event(outcome: Outcome) -> Event:
    """Return an outcome as the views state it; they keep no event time of a late sale."""
    if isinstance(outcome, Reason):
        return Event(2)
    sale, code = (outcome.sale, 1) if isinstance(outcome, Late) else (outcome, 0)
    return Event(
        code,
        sale.category,
        sale.currency,
        sale.transaction_id,
        sale.quantity,
        sale.cents,
        None if code else sale.event_ms // 1_000,
    )
