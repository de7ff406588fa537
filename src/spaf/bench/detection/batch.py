"""The job's own views over files, in batch; the further SQL is in `bench/detection/sql`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from spaf.errors import JobError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.job import batch, build, submit
from spaf.sale.contract import AMOUNTS, COLUMNS
from spaf.settings import Settings
from spaf.stack import process, runtime
from spaf.stack.worker_process import WorkerProcess

# The module that the process runs.
WORKER = "spaf.job.batch"


def parameters(settings: Settings) -> build.JobParameters:
    """Return the parameters of the job's views, without addresses: log and sinks are files.

    Every copy counts: deduplication needs a log that goes on.
    """
    return build.JobParameters.of(settings, CATEGORIES, duplicate_block_s=0)


def text(value: str) -> str:
    """Return a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def statement(name: str, **placeholders: str) -> str:
    """Return the statement of a file in `bench/detection/sql`.

    Raises:
        JobError: a placeholder has no value.

    """
    source = files(__package__).joinpath("sql", f"{name}.sql").read_text()
    return build.render(f"{name}.sql", source, placeholders)


def sale_log(file: Path) -> Iterator[str]:
    """Yield the statements that create `sale_log` over the JSON lines of a file."""
    columns = ", ".join(f"{name} {'DOUBLE' if name in AMOUNTS else 'STRING'}" for name in COLUMNS)
    yield files_table(
        "line", f"kafka_partition INT, kafka_offset BIGINT, append_ms BIGINT, {columns}", file
    )
    yield statement("create_sale_log", fields=", ".join(COLUMNS))


def files_table(name: str, columns: str, path: Path) -> str:
    """Return the statement of a table whose rows are JSON lines of a file, or of a new folder."""
    # Flink decodes no percent sign: it takes the path as it is.
    location = text(f"file://{path.absolute()}")
    return statement("create_files_table", table_name=name, columns=columns, path=location)


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows that an INSERT has written to a folder; NULL columns are missing."""
    for file in sorted(folder.glob("**/part-*")):
        with file.open("rb") as lines:
            yield from map(msgspec.json.decode, lines)


class Batch:
    """The process that runs SQL over files."""

    def __init__(self, talk: WorkerProcess, log: Path) -> None:
        """Keep the process and the path of its log."""
        self._talk = talk
        self._log = log

    def run(self, statements: Sequence[str]) -> None:
        """Run statements in a new table environment, and wait for the end of their INSERTs.

        Raises:
            JobError: Flink refused one of them, or the process has died.

        """
        self._talk.send_line(json.dumps(list(statements)))
        for line in self._talk.lines():
            if line.startswith(batch.MARK):
                error = json.loads(line.removeprefix(batch.MARK)).get("error")
                if error is not None:
                    raise JobError(f"Flink refused the query: {error}")
                return
        raise JobError(f"Flink ended without an answer.\n{process.log_tail(self._log)}")


@contextlib.contextmanager
def running(log: Path) -> Iterator[Batch]:
    """Run the process while the block runs; its standard error goes to `log`.

    Raises:
        SetupError: set-up is not complete.

    """
    runtime.require_installed()
    options = (*batch.JVM_OPTIONS, *runtime.client_archive_options())
    needed = submit.environment(runtime.java_home(), str(runtime.FLINK_HOME), options)
    talk = WorkerProcess("flink-batch", WORKER, needed, log, runtime.SHARE)
    try:
        yield Batch(talk, log)
    finally:
        talk.stop()
