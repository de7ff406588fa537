"""Which stage holds the sales up.

A sale passes locust, kafka, flink and postgres, and this page shows it (serve). Trouble of one
stage shows in its neighbours: when PostgreSQL is down, Flink's output stops; when Kafka is down,
Locust's sales fail. So three kinds of trouble are checked, the most certain first, each in the
order of the stages. The first match is the bottleneck:

1. **away**: the stage is down, restarts, or has not answered for `SILENT_S`. A process that is
   stopped (SIGSTOP) still accepts connections but never answers.
2. **stuck**: something has waited for the stage since the previous snapshot (a second), and nothing
   has left the stage since. Kafka: sales of the load that are neither acknowledged nor
   failed. Flink: records in Kafka that are not in the ledger. Locust: no sale was sent although the
   schedule has at least `MISSED_SALES` due.
3. **saturated**: something leaves the stage, but its lag has grown for `SATURATED_S`. That is
   Flink, or PostgreSQL if the busiest vertex of the job is one that writes. Locust: it has sold
   less than `MIN_ACHIEVED` of its rate for as long.

A job that buffers rows (mini-batches, a long flush interval) has pauses in its output; it is stuck
after twice that interval.

A load that was not started is no trouble, and neither is an idle topic. A record that Flink's
decoder cannot read is not in the ledger before the next checkpoint; if nothing else waits, Flink is
not stuck.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from spaf.serve.monitor.snapshot import STAGES, PipelineSnapshot

# Sales that the schedule has due and that were not sent; few, so that it is noticed soon.
MISSED_SALES = 3.0
# How long a lag must grow before the stage counts as saturated.
SATURATED_S = 5.0
# A load that falls behind by less is reported by its own result.
MIN_ACHIEVED = 0.9
# Part of the name of a vertex that writes to PostgreSQL.
WRITER = "Writer"
# Shares of time: a vertex at its limit, and one that waits for the vertices after it.
BUSY = 0.9
BACKPRESSURED = 0.5

HEALTHY_STATES = frozenset({"running", "external", "absent"})
# A load that was not started, or was stopped.
IDLE_STATES = frozenset({"ready", "stopped"})


class BottleneckDetector:
    """Keeps the snapshots of the last seconds, and names the bottleneck."""

    def __init__(self, write_interval_s: float = 0.0) -> None:
        """Begin without a snapshot; the job buffers rows for `write_interval_s`."""
        self._snapshots: deque[PipelineSnapshot] = deque()
        self._pause_s = 2 * write_interval_s
        self._saturated_s = max(SATURATED_S, self._pause_s)
        # When the load's last sale was sent, as far as is known.
        self._sold_at = 0.0

    def update(self, now: PipelineSnapshot) -> str | None:
        """Add a snapshot; return the stage that is the bottleneck, or None."""
        last = self._snapshots[-1] if self._snapshots else None
        if last is None or (last.due, last.rate) != (now.due, now.rate):
            self._sold_at = now.passed_at("locust")
        self._snapshots.append(now)
        oldest = now.at - self._saturated_s
        while len(self._snapshots) > 2 and self._snapshots[1].at <= oldest:  # noqa: PLR2004
            self._snapshots.popleft()
        return self._away(now) or self._stuck(now) or self._saturated(now)

    @staticmethod
    def _away(now: PipelineSnapshot) -> str | None:
        for stage in STAGES:
            state = now.state(stage)
            idle = stage == "locust" and state in IDLE_STATES
            if state not in HEALTHY_STATES and not idle:
                return stage
        return None

    def _stuck(self, now: PipelineSnapshot) -> str | None:
        if len(self._snapshots) == 1:
            return None
        last, sold_at = self._snapshots[-2], now.passed_at("locust")
        if now.due is not None and (sold_at - self._sold_at) * now.rate >= MISSED_SALES:
            return "locust"
        # A status that is that of the previous snapshot still shows no progress.
        is_new = now.settled is not None and sold_at > last.passed_at("locust")
        if is_new and _no_progress(last.passed("locust"), last.settled, now.settled or 0):
            return "kafka"
        if now.counted is None or now.unreadable:
            return None
        then = self._before_pause(now)
        return "flink" if then and _no_progress(then.ends, then.counted, now.counted) else None

    def _before_pause(self, now: PipelineSnapshot) -> PipelineSnapshot | None:
        """Return the newest earlier snapshot that is older than the job's longest pause."""
        earlier = (snapshot for snapshot in reversed(self._snapshots) if snapshot is not now)
        return next(
            (snapshot for snapshot in earlier if snapshot.at <= now.at - self._pause_s), None
        )

    def _saturated(self, now: PipelineSnapshot) -> str | None:
        then = self._snapshots[0]
        seconds = now.at - then.at
        if seconds < self._saturated_s:
            return None
        if now.rate and then.rate == now.rate and now.due is not None:
            sold = now.due - (then.due or 0)
            promised = now.rate * (now.passed_at("locust") - then.passed_at("locust"))
            if promised >= MISSED_SALES and 0 <= sold < MIN_ACHIEVED * promised - MISSED_SALES:
                return "locust"
        if now.unreadable or not self._lag_grows(seconds):
            return None
        flink = now.flink
        if flink is None or WRITER not in flink.busiest:
            return "flink"
        full = (flink.busy or 0.0) >= BUSY or (flink.backpressure or 0.0) >= BACKPRESSURED
        return "postgres" if full else "flink"

    def _lag_grows(self, seconds: float) -> bool:
        """Return whether Flink's lag grew in every snapshot, and exceeds its output of a second."""
        lags: list[int] = []
        for snapshot in self._snapshots:
            if snapshot.ends is None or snapshot.counted is None:
                return False
            lags.append(snapshot.ends - snapshot.counted)
        first, now = self._snapshots[0], self._snapshots[-1]
        done = (now.counted or 0) - (first.counted or 0)
        grows = all(later > earlier for earlier, later in pairwise(lags))
        return grows and lags[-1] > done / seconds


def _no_progress(entered: int | None, left: int | None, left_now: int) -> bool:
    """Return whether something had entered a stage, and nothing has left it since."""
    return entered is not None and left == left_now and left_now < entered
