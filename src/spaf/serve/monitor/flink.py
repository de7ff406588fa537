"""The Flink job as the page shows it: how busy it is, its checkpoints, its restarts.

Each poll reads the job's state, and every few polls the rest. Busy and back-pressured time are
counters of the tasks: their growth between two polls is exact, while Flink's own rates are means
over a minute. Flink fetches them from the tasks every ten seconds by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spaf import clock
from spaf.job.flink_client import FlinkClient

# All but the state is polled every third time: it changes every few seconds.
DETAIL_EVERY = 3


@dataclass(frozen=True)
class FlinkMetrics:
    """The job at one moment; shares are from 0 to 1, None while they are not known."""

    state: str
    busy: float | None = None
    """Of the busiest vertex."""
    backpressure: float | None = None
    """Of the vertex that waits most for the vertices after it."""
    busiest: str = ""
    """Name of the busiest vertex."""
    completed_ms: int | None = None
    """When the newest checkpoint was complete, epoch ms."""
    restarts: int = 0


@dataclass(frozen=True)
class TaskTimes:
    """Milliseconds that the tasks of a vertex were busy, back-pressured, and idle."""

    busy: float
    backpressured: float
    idle: float

    def since(self, then: TaskTimes | None) -> TaskTimes | None:
        """Return the growth since an earlier poll; None without one, or if tasks restarted."""
        if then is None or self == then:
            return None
        new = TaskTimes(
            self.busy - then.busy, self.backpressured - then.backpressured, self.idle - then.idle
        )
        return new if min(new.busy, new.backpressured, new.idle) >= 0 and new.total > 0 else None

    @property
    def total(self) -> float:
        """Sum of the three."""
        return self.busy + self.backpressured + self.idle


def times(vertex: Mapping[str, Any]) -> TaskTimes:
    """Return the counters of a vertex, as `/jobs/ID` has them; busy time may be NaN: unknown."""
    metrics = vertex.get("metrics", {})

    def ms(name: str) -> float:
        value = metrics.get(f"accumulated-{name}-time", 0)
        return float(value) if isinstance(value, int | float) and value == value else 0.0  # noqa: PLR0124 - NaN

    return TaskTimes(ms("busy"), ms("backpressured"), ms("idle"))


class FlinkProbe:
    """Polls one job."""

    def __init__(self, rest: str, job: Callable[[], str]) -> None:
        """Keep the address, such as http://127.0.0.1:8081, and the callback for the job's id."""
        self._client = FlinkClient(rest)
        self._job = job
        self._times: dict[str, TaskTimes] = {}
        self._shares: dict[str, tuple[str, float, float]] = {}
        self._polls = 0
        self._job_id = ""
        self._completed_ms: int | None = None
        self._restarts = 0

    def poll(self) -> FlinkMetrics:
        """Return the state of the job now.

        Raises:
            JobError: Flink does not answer, or does not know the job.

        """
        job_id = self._job()
        if not job_id:
            return FlinkMetrics("waiting")
        if job_id != self._job_id:
            self._job_id, self._times, self._shares, self._polls = job_id, {}, {}, 0
        state = str(self._client.get(f"/jobs/{job_id}/status")["status"])
        if self._polls % DETAIL_EVERY == 0:
            self._poll_detail(job_id)
        self._polls += 1
        busiest = max(self._shares.values(), key=lambda share: share[1], default=None)
        waits = [waiting for _, _, waiting in self._shares.values()]
        return FlinkMetrics(
            state,
            None if busiest is None else busiest[1],
            max(waits, default=None),
            "" if busiest is None else busiest[0],
            self._completed_ms,
            self._restarts,
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _note(self, vertices: list[dict[str, Any]]) -> None:
        for vertex in vertices:
            now = times(vertex)
            new = now.since(self._times.get(vertex["id"]))
            self._times[vertex["id"]] = now
            if new is not None:
                shares = (new.busy / new.total, new.backpressured / new.total)
                self._shares[vertex["id"]] = (vertex["name"], *shares)

    def _poll_detail(self, job_id: str) -> None:
        self._note(self._client.get(f"/jobs/{job_id}")["vertices"])
        latest = self._client.get(f"/jobs/{job_id}/checkpoints").get("latest") or {}
        completed = latest.get("completed")
        self._completed_ms = None if completed is None else completed["latest_ack_timestamp"]
        for metric in self._client.get(f"/jobs/{job_id}/metrics?get=numRestarts"):
            self._restarts = int(float(metric["value"]))


def checkpoint_age_s(metrics: FlinkMetrics) -> float | None:
    """Return how long ago the newest checkpoint was completed, seconds."""
    if metrics.completed_ms is None:
        return None
    return max(0.0, (clock.now_ms() - metrics.completed_ms) / 1_000)
