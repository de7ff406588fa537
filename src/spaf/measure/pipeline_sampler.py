"""Samples the job and the database of a run once a second, while a measurement goes on.

The figures are those of the page: records that are not in the tables yet, how busy the busiest
task is, how long tasks wait for those after them. In addition every checkpoint, and commits and
write-ahead log of PostgreSQL. A service that does not answer leaves a gap (NaN).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray

from spaf import clock
from spaf.errors import NotUpError, SpafError
from spaf.job.flink_client import Checkpoint, FlinkClient
from spaf.measure.system_sampler import Series
from spaf.serve.monitor.flink import FlinkProbe
from spaf.serve.monitor.ledger import LedgerReader
from spaf.serve.monitor.offsets import OffsetProbe
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role

INTERVAL_S = 1.0
# Flink keeps the last ten checkpoints, and one is due every few seconds.
CHECKPOINTS_EVERY = 5

Figure = Callable[[NDArray[np.float64]], Any]


class PipelineUse(msgspec.Struct, frozen=True):
    """What the job and the database did in an interval; None for what did not answer."""

    lag_records_mean: float | None
    lag_records_max: float | None
    busy_share: float | None
    """Mean of the busiest task."""
    backpressured_share: float | None
    """Mean of the task that waits most for those after it."""
    checkpoints: int
    checkpoint_ms_max: float | None
    checkpoint_mib_max: float | None
    commits_per_second: float | None
    wal_mib_per_second: float | None

    @classmethod
    def of(cls, series: Series, start_us: int, end_us: int) -> Self:
        """Return the figures of an interval from the series of a run."""

        def figure(
            name: str, over: Figure, scale: float = 1.0, of: str = "pipeline"
        ) -> float | None:
            if name not in series:
                return None
            at_us, values = series[f"{of}/at_us"], series[name].astype(np.float64)
            inside = values[(at_us >= start_us) & (at_us <= end_us) & np.isfinite(values)]
            return round(float(over(inside)) / scale, 4) if inside.size else None

        done = series["checkpoint/at_us"]
        return cls(
            figure("job/lag_records", np.mean),
            figure("job/lag_records", np.max),
            figure("job/busy_share", np.mean),
            figure("job/backpressured_share", np.mean),
            int(np.count_nonzero((done >= start_us) & (done <= end_us))),
            figure("checkpoint/ms", np.max, of="checkpoint"),
            figure("checkpoint/bytes", np.max, 2**20, of="checkpoint"),
            figure("postgres/commits_per_second", np.mean),
            figure("postgres/wal_bytes_per_second", np.mean, 2**20),
        )


class PipelineSampler:
    """Samples in a thread of its own while the block runs."""

    def __init__(self, run: Run, interval_s: float = INTERVAL_S) -> None:
        """Prepare the probes; no request is sent yet."""
        self._run = run
        self._interval_s = interval_s
        self._ledger = LedgerReader(run.access, once=bool(run.rules.dedup_block_ms))
        self._offsets = OffsetProbe(run.kafka, run.topic)
        self._flink = FlinkProbe(run.flink, self._job)
        self._client = FlinkClient(run.flink)
        self._database: psycopg.Connection | None = None
        self._counted: queries.DatabaseCounters | None = None
        self._counted_s = 0.0
        self._ticks: list[tuple[int, dict[str, float]]] = []
        self._checkpoints: dict[int, Checkpoint] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample_all, name="pipeline", daemon=True)

    def __enter__(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """End the thread and the connections."""
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(SpafError):
            self._read_checkpoints()
        for probe in (self._ledger, self._flink, self._client):
            probe.close()
        if self._database is not None:
            self._database.close()

    def series(self) -> Series:
        """Return every series; those of the checkpoints have times of their own."""
        names = sorted({name for _, values in self._ticks for name in values})
        arrays: Series = {
            "pipeline/at_us": np.array([at_us for at_us, _ in self._ticks], dtype=np.int64)
        }
        for name in names:
            arrays[name] = np.array([values.get(name, np.nan) for _, values in self._ticks])
        done = [checkpoint for _, checkpoint in sorted(self._checkpoints.items())]
        arrays["checkpoint/at_us"] = np.array(
            [checkpoint.triggered_ms * 1_000 for checkpoint in done], np.int64
        )
        arrays["checkpoint/ms"] = np.array(
            [checkpoint.duration_ms for checkpoint in done], np.int64
        )
        arrays["checkpoint/bytes"] = np.array(
            [checkpoint.state_bytes for checkpoint in done], np.int64
        )
        return arrays

    def _job(self) -> str:
        try:
            return self._run.state().job.id
        except NotUpError:
            return ""

    def _sample_all(self) -> None:
        while not self._ended.wait(self._interval_s):
            if len(self._ticks) % CHECKPOINTS_EVERY == 0:
                with contextlib.suppress(SpafError):
                    self._read_checkpoints()
            self._ticks.append((clock.now_us(), dict(self._values())))

    def _values(self) -> Iterator[tuple[str, float]]:
        """Yield what answers now; what does not is missing."""
        with contextlib.suppress(SpafError):
            counted = sum(part.end for part in self._ledger.poll().parts.values())
            # After the tables, so that it is never less.
            yield "job/lag_records", sum(self._offsets.poll().ends.values()) - counted
        with contextlib.suppress(SpafError):
            metrics = self._flink.poll()
            if metrics.busy is not None and metrics.backpressure is not None:
                yield "job/busy_share", round(metrics.busy, 4)
                yield "job/backpressured_share", round(metrics.backpressure, 4)
            yield "job/restarts", metrics.restarts
        with contextlib.suppress(SpafError, psycopg.Error):
            yield from self._database_values()

    def _database_values(self) -> Iterator[tuple[str, float]]:
        before, self._counted = self._counted, None
        since_s, self._counted_s = self._counted_s, clock.monotonic()
        if self._database is None or self._database.closed:
            self._database = self._run.access.connect(Role.READ, autocommit=True)
        self._counted = queries.database_counters(self._database)
        if before is not None:
            seconds = max(self._counted_s - since_s, 1e-9)
            commits, wal_bytes = (
                round((now - then) / seconds, 1)
                for now, then in zip(self._counted, before, strict=True)
            )
            yield "postgres/commits_per_second", commits
            yield "postgres/wal_bytes_per_second", wal_bytes

    def _read_checkpoints(self) -> None:
        job = self._job()
        if job:
            self._checkpoints |= {
                checkpoint.id: checkpoint for checkpoint in self._client.checkpoints(job)
            }
