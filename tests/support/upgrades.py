"""What is seen of an upgrade: a reader that polls the tables throughout, while sales go on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from spaf.job.flink_client import FlinkClient
from spaf.stack.run import Run
from spaf.store.access import Access, Role
from spaf.topic.producer import open_producer

# Sums that only grow while sales go on.
SUMS = (
    "SELECT sum(sales_count), sum(total_sales) FROM sales_summary",
    "SELECT sum(sales_count) FROM sales_day",
    "SELECT records FROM ingest_total",
    "SELECT count(*) FROM ledger_second",
)
FLUSH_TIMEOUT_S = 60.0
# Between two sales, seconds.
PAUSE_S = 0.01

Reading = tuple[Any, ...]
"""Number of the query, and its row; -1 and the error if one has failed."""


@contextlib.contextmanager
def reading(access: Access, queries_: tuple[str, ...]) -> Iterator[list[Reading]]:
    """Read sums of the tables throughout a block, as a psql does; a failure is a row too."""
    found: list[Reading] = []
    ended = threading.Event()

    def read() -> None:
        with access.connect(Role.READ, autocommit=True) as connection:
            while not ended.is_set():
                for number, query in enumerate(queries_):
                    row = connection.execute(query.encode()).fetchone()
                    found.append((number, *(row or ())))

    def read_safely() -> None:
        try:
            read()
        except Exception as error:  # noqa: BLE001 - it is what the test looks for
            found.append((-1, error))

    thread = threading.Thread(target=read_safely)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def selling(session: Run, value: bytes) -> Iterator[None]:
    """Sell throughout a block."""
    producer = open_producer(session.kafka, "spaf-test")
    ended = threading.Event()

    def sell() -> None:
        while not ended.wait(PAUSE_S):
            producer.produce(session.topic, value)
            producer.poll(0)

    thread = threading.Thread(target=sell)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        assert producer.flush(FLUSH_TIMEOUT_S) == 0


def steps_back(found: list[Reading], sums: tuple[str, ...]) -> list[object]:
    """Return every reading that has failed, found no row, or less than the one before."""
    wrong: list[object] = [row for row in found if row[0] < 0 or None in row]
    for number, query in enumerate(sums):
        readings = [row[1:] for row in found if row[0] == number]
        wrong += [(query, a, b) for a, b in pairwise(readings) if None not in (*a, *b) and b < a]
    return wrong


def restored(client: FlinkClient, job_id: str) -> str:
    """Return the checkpoint from which a job has started; empty without one."""
    found = client.get(f"/jobs/{job_id}/checkpoints")["latest"]["restored"]
    return "" if found is None else str(found["external_path"])
