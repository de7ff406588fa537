"""`spaf.job.batch` with two more requests, so that a process of tests starts one JVM for all.

A request of statements runs as in `spaf.job.batch`. The others begin with their name:

- `[DECODE, records, rows]` runs Flink's decoder. The file `records` has the base64 of a record a
  line; the file `rows` gets what the decoder makes of each, a JSON list of rows a line.
- `[SUBMIT, request, job]` submits a job, or keeps its graph, as `spaf.job.submit` does. The file
  `job` gets its id.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from spaf.job import batch, submit
from spaf.sale.contract import AMOUNTS, COLUMNS

DECODE, SUBMIT = "decode", "submit"
Row = dict[str, str | float | None]
run_statements = batch.run


class Decoder:
    """The decoder of the job's log."""

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
        collected = self._jvm.java.util.ArrayList()
        functions = self._jvm.org.apache.flink.api.common.functions
        self._schema.deserialize(value, functions.util.ListCollector(collected))
        for row in collected:
            if row is None:
                return
            items = map(row.getField, range(len(COLUMNS)))
            yield {
                name: item if item is None or isinstance(item, float) else str(item.toString())
                for name, item in zip(COLUMNS, items, strict=True)
            }


def decode(records: Path, rows: Path) -> None:
    """Write the rows of each record."""
    decoder = Decoder()
    with rows.open("w") as out:
        for line in records.read_text().splitlines():
            out.write(json.dumps(list(decoder.rows(base64.b64decode(line)))) + "\n")


def submit_job(request: str, job: Path) -> None:
    """Submit a job, or keep its graph."""
    read = msgspec.json.decode(request, type=submit.SubmitRequest)
    job.write_text(submit.keep_graph(read) if read.graph else submit.submit(read, lambda: None))


def run(statements: list[str]) -> None:
    """Answer a request."""
    match statements:
        case [name, records, rows] if name == DECODE:
            decode(Path(records), Path(rows))
        case [name, request, job] if name == SUBMIT:
            submit_job(request, Path(job))
        case _:
            run_statements(statements)


if __name__ == "__main__":
    batch.run = run
    batch.main()
