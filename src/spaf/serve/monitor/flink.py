"""What the page tells of the Flink job: how busy it is, its checkpoints, its restarts.

Small answers of Flink's REST over one connection: at each look the job's state, and now and then
the rest. Busy and back-pressured time are counters
of the tasks; what two looks have between them is exact, while Flink's own rates are means over a
minute. Flink fetches them from the tasks every ten seconds unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spaf import clock
from spaf.job.flink_client import FlinkClient

# All but the state is asked for every so many looks: it changes every few seconds.
SELDOM = 3


@dataclass(frozen=True)
class FlinkMetrics:
    """The job at one moment; shares are from 0 to 1, None while they are not known."""

    state: str
    busy: float | None = None
    """Of the busiest vertex."""
    backpressure: float | None = None
    """Of the vertex that waits most for those behind it."""
    busiest: str = ""
    """Name of the busiest vertex."""
    completed_ms: int | None = None
    """When the newest checkpoint was complete, epoch ms."""
    restarts: int = 0


@dataclass(frozen=True)
class TaskTimes:
    """Milliseconds that the tasks of a vertex were busy, waiting for others, and idle."""

    busy: float
    backpressured: float
    idle: float

    def since(self, then: TaskTimes | None) -> TaskTimes | None:
        """Return what came since an earlier look; None without it, or if tasks began anew."""
        if then is None or self == then:
            return None
        new = TaskTimes(
            self.busy - then.busy, self.backpressured - then.backpressured, self.idle - then.idle
        )
        return new if min(new.busy, new.backpressured, new.idle) >= 0 and new.all > 0 else None

    @property
    def all(self) -> float:
        """The whole time."""
        return self.busy + self.backpressured + self.idle


def times(vertex: Mapping[str, Any]) -> TaskTimes:
    """Return the counters of a vertex, as `/jobs/ID` has them; busy time may be NaN: unknown."""
    metrics = vertex.get("metrics", {})

    def ms(name: str) -> float:
        value = metrics.get(f"accumulated-{name}-time", 0)
        return float(value) if isinstance(value, int | float) and value == value else 0.0  # noqa: PLR0124 - NaN

    return TaskTimes(ms("busy"), ms("backpressured"), ms("idle"))


class FlinkProbe:
    """Asks Flink's REST about one job, over one connection."""

    def __init__(self, rest: str, job: Callable[[], str]) -> None:
        """Keep the address, such as http://127.0.0.1:8081, and what tells the job's id."""
        self._client = FlinkClient(rest)
        self._job = job
        self._seen: dict[str, TaskTimes] = {}
        self._shares: dict[str, tuple[str, float, float]] = {}
        self._looks = 0
        self._of = ""
        self._completed_ms: int | None = None
        self._restarts = 0

    def look(self) -> FlinkMetrics:
        """Return how the job is now.

        Raises:
            JobError: Flink does not answer, or does not know the job.

        """
        name = self._job()
        if not name:
            return FlinkMetrics("waiting")
        if name != self._of:
            self._of, self._seen, self._shares, self._looks = name, {}, {}, 0
        state = str(self._client.get(f"/jobs/{name}/status")["status"])
        if self._looks % SELDOM == 0:
            self._look_seldom(name)
        self._looks += 1
        busiest = max(self._shares.values(), key=lambda one: one[1], default=None)
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
            new = now.since(self._seen.get(vertex["id"]))
            self._seen[vertex["id"]] = now
            if new is not None:
                shares = (new.busy / new.all, new.backpressured / new.all)
                self._shares[vertex["id"]] = (vertex["name"], *shares)

    def _look_seldom(self, name: str) -> None:
        self._note(self._client.get(f"/jobs/{name}")["vertices"])
        latest = self._client.get(f"/jobs/{name}/checkpoints").get("latest") or {}
        completed = latest.get("completed")
        self._completed_ms = None if completed is None else completed["latest_ack_timestamp"]
        for metric in self._client.get(f"/jobs/{name}/metrics?get=numRestarts"):
            self._restarts = int(float(metric["value"]))


def age_s(look: FlinkMetrics) -> float | None:
    """Return how long ago the newest checkpoint was complete, seconds."""
    if look.completed_ms is None:
        return None
    return max(0.0, (clock.now_ms() - look.completed_ms) / 1_000)
