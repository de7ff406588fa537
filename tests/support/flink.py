"""One Flink in batch for all tests of a process, and the job's views over rows made by hand."""

from __future__ import annotations

import base64
import contextlib
import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spaf.bench.detection import batch
from spaf.bench.detection.batch import Batch, files_table, rows
from spaf.job import batch as job_batch
from spaf.job import build, submit
from spaf.job.submit import SubmitRequest, environment
from spaf.sale.contract import AMOUNTS, COLUMNS
from spaf.stack import worker_process
from tests.support.flink_worker import DECODE, SUBMIT, Row
from tests.support.scale import LONG

# Few rows: the second compiler, which pays where a user's file has millions, would cost more here.
JVM_OPTIONS = ("-Xmx1200m",)
REPOSITORY = Path(__file__).parents[2]
# What JSON calls a double that is not finite, and what Java reads as the same.
NOT_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
# Seconds since the epoch; TIMESTAMPDIFF counts in INT, enough until 2038.
SECOND = "TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', {})"
# The columns of each view that a test compares: its type in the answer, and its expression.
Columns = tuple[tuple[str, str], ...]
VIEWS: dict[str, Columns] = {
    "summary_per_second": (
        ("INT", SECOND.format("window_start")),
        ("STRING", "category"),
        ("STRING", "currency"),
        ("BIGINT", "sales_count"),
        ("BIGINT", "units_sold"),
        ("STRING", "total_sales"),
    ),
    "ledger_per_second": (
        ("INT", "kafka_partition"),
        ("INT", SECOND.format("append_second")),
        ("BIGINT", "accepted"),
        ("BIGINT", "late"),
        ("BIGINT", "refused"),
        ("BIGINT", "min_offset"),
        ("BIGINT", "max_offset"),
    ),
    "sale_outlier": (
        ("INT", "kafka_partition"),
        ("BIGINT", "kafka_offset"),
        ("STRING", "kind"),
        ("STRING", "transaction_id"),
        ("STRING", "category"),
        ("STRING", "amount"),
        ("STRING", "expected"),
        ("DOUBLE", "score"),
    ),
    "traffic_per_second": (
        ("INT", SECOND.format("CAST(closed_at AS TIMESTAMP(3))")),
        ("STRING", "category"),
        ("BIGINT", "observed"),
    ),
    "traffic_outlier": (
        ("INT", SECOND.format("window_start")),
        ("STRING", "category"),
        ("STRING", "kind"),
        ("BIGINT", "observed"),
        ("DOUBLE", "expected"),
        ("DOUBLE", "score"),
    ),
}
# Asked for as well where sales are deduplicated.
DUPLICATES: dict[str, Columns] = {
    "duplicates_per_block": (
        ("INT", SECOND.format("block_start")),
        ("BIGINT", "duplicates"),
        ("BIGINT", "conflicting"),
    ),
}
Answers = dict[str, list[list[Any]]]


@contextlib.contextmanager
def batch_worker(log: Path) -> Iterator[Batch]:
    """Start the process that runs SQL, with the decoder, for the length of a block."""
    with pytest.MonkeyPatch.context() as patch:
        # The worker is a module of the tests, which an isolated Python does not find.
        patch.setattr(worker_process, "PYTHON_OPTIONS", ("-X", "utf8"))
        patch.setattr(submit, "environment", _environment_of_tests)
        patch.setattr(batch, "WORKER", "tests.support.flink_worker")
        if not LONG:
            patch.setattr(job_batch, "JVM_OPTIONS", JVM_OPTIONS)
        with batch.running(log) as flink:
            patch.undo()
            yield flink


def _environment_of_tests(*arguments: Any) -> dict[str, str]:
    return {**environment(*arguments), "PYTHONPATH": str(REPOSITORY)}


class SharedSubmission:
    """What `Submission` does for one job by a process of its own, by the process that is there."""

    def __init__(self, flink: Batch, request: SubmitRequest, log: Path) -> None:
        """Keep the request; `log` names the files of its process, which is not needed."""
        self._flink = flink
        self._line = request.line()
        self._answer = log.with_name(f"{uuid.uuid4().hex}.job")

    def submit(self) -> None:
        """Plan the job and submit it."""
        self._flink.run([SUBMIT, self._line, str(self._answer)])

    def job_id(self) -> str:
        """Return the id of the job; a graph that is only to be kept is made for it."""
        if not self._answer.exists():
            self.submit()
        return self._answer.read_text()

    def stop(self) -> None:
        """Do nothing: `submit` has waited for the answer."""


def decoded(flink: Batch, folder: Path, values: Iterable[bytes]) -> list[list[Row]]:
    """Return the rows that Flink's decoder makes of each record."""
    records, out = folder / "records", folder / "rows"
    records.write_text("".join(base64.b64encode(value).decode() + "\n" for value in values))
    flink.run([DECODE, str(records), str(out)])
    return [json.loads(line) for line in out.read_text().splitlines()]


def ask_views(
    flink: Batch, folder: Path, parameters: build.JobParameters, log: Iterable[Row]
) -> Answers:
    """Return the rows of the job's views over a log."""
    views = VIEWS | DUPLICATES if parameters.duplicate_block_s else VIEWS
    return ask(flink, folder, log, build.statements(parameters, build.VIEWS), views)


def ask(
    flink: Batch,
    folder: Path,
    log: Iterable[Row],
    statements: Iterable[str],
    views: dict[str, Columns],
) -> Answers:
    """Return the rows of `views` once `statements` have been run over a log.

    Args:
        flink: the worker.
        folder: where the log and the answers are written.
        log: the rows of `sale_log`, with `append_ms` and `place` for their time and order.
        statements: what creates the views.
        views: what is asked of each.

    """
    file = folder / "log.json"
    file.write_text("".join(map(_line, log)))
    queries = [
        statement for view, columns in views.items() for statement in _query(view, columns, folder)
    ]
    flink.run([*_sale_log(file), *statements, *queries])
    return {
        view: [
            [row.get(f"c{place}") for place in range(len(columns))] for row in rows(folder / view)
        ]
        for view, columns in views.items()
    }


def _query(view: str, columns: Columns, folder: Path) -> Iterator[str]:
    """Yield the statements that write what is asked of a view to a folder."""
    table = ", ".join(f"c{place} {type_}" for place, (type_, _) in enumerate(columns))
    values = ", ".join(f"CAST({expression} AS {type_})" for type_, expression in columns)
    yield files_table(f"answer_{view}", table, folder / view)
    yield f"INSERT INTO answer_{view} SELECT {values} FROM {view}"  # noqa: S608 - names of columns


def _line(row: Row) -> str:
    doubles = {name: NOT_FINITE.get(repr(row.get(name)), row.get(name)) for name in AMOUNTS}
    return json.dumps({**row, **doubles}) + "\n"


def _sale_log(file: Path) -> Iterator[str]:
    """Yield the statements that make a `sale_log` of the lines of a file."""
    columns = ", ".join(f"{name} {'DOUBLE' if name in AMOUNTS else 'STRING'}" for name in COLUMNS)
    yield files_table(
        "line",
        f"kafka_partition INT, kafka_offset BIGINT, append_ms BIGINT, place BIGINT, {columns}",
        file,
    )
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
