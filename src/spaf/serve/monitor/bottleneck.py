"""Which stage holds the sales up.

A sale passes locust, kafka, flink and postgres, and this page shows it (serve). Trouble of one
stage shows in those around it: when PostgreSQL is away Flink's output stands still, when Kafka is
away Locust's sales fail. So three kinds of trouble are looked for, the plainest first, each along
the way of a sale, and the first that is found is the culprit:

1. **away**: the stage is down, starts again, or does not answer within `SILENT_S`. A process that
   is stopped (SIGSTOP) still takes connections; it only never answers.
2. **stuck**: what has waited for the stage for at least one look (a second) is not through, and
   nothing at all has come out since the last look. For kafka the load's sales that are neither
   acknowledged nor failed, for flink the records that are in Kafka and not in the ledger. For
   locust, that no sale came though its rate promises at least `MISSED_SALES` of them.
3. **saturated**: something comes out, but for `BEHIND_S` it lags more and more. That is flink; or
   postgres, if the busiest part of the job is one that writes. For locust, that for as long it
   sold less than `LEAST_ACHIEVED` of its rate.

A job that gathers before it writes (mini-batches, a long flush) stands still in between; it is
stuck after twice that time.

A load that nobody has started is no trouble, and neither is a quiet topic. What Flink's decoder
cannot read is in no ledger before the next checkpoint; if nothing else waits, flink is not stuck.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

STAGES = ("locust", "kafka", "flink", "postgres", "serve")
# A neighbour on the same machine answers in milliseconds. Seconds.
SILENT_S = 1.2
# Sales that the schedule promises, and that did not come; few enough to be seen soon.
MISSED_SALES = 3.0
# How long a stage may lag more and more before it is told, and what is looked back at. Seconds.
BEHIND_S = 5.0
# A load that falls behind by less is told by its own result.
LEAST_ACHIEVED = 0.9
# Part of a vertex's name, where it writes to PostgreSQL.
WRITES = "Writer"
# Shares of time from which on a vertex cannot do more, and from which on it waits for others.
BUSY = 0.9
BEGINS_TO_WAIT = 0.5

HEALTHY = frozenset({"running", "external", "absent"})
# A load that nobody has started, or that somebody has stopped.
RESTING = frozenset({"ready", "stopped"})


@dataclass(frozen=True)
class PipelineFacts:
    """What one look has found; None is unknown. Counts only grow, times are monotonic seconds."""

    at: float
    states: dict[str, str]
    """State of each stage; any that is not `HEALTHY` is trouble, but for a load that rests."""
    rate: float = 0.0
    """What the load is to sell, sales a second; 0 if it is not under way."""
    intended: int | None = None
    settled: int | None = None
    """Sales of the load that are acknowledged or have failed."""
    ends: int | None = None
    """Sum of the offsets behind the last record of each partition."""
    counted: int | None = None
    """Sum of the offsets up to which the ledger knows everything."""
    unreadable: bool = False
    """Whether all that waits for Flink (as far as was looked) is unreadable."""
    busy: float | None = None
    backpressure: float | None = None
    busiest: str = ""
    load_at: float | None = None
    """When the counts of the load were true, if that was before `at`."""
    slots: int | None = None
    """Slots of the load's schedule that came due: a drought that is meant leaves sales out."""

    @property
    def due(self) -> int | None:
        """What tells how far the load is in its schedule."""
        return self.intended if self.slots is None else self.slots

    @property
    def sold_at(self) -> float:
        """When the counts of the load were true."""
        return self.at if self.load_at is None else self.load_at


class BottleneckDetector:
    """Remembers the last looks, and names the culprit."""

    def __init__(self, gathers_s: float = 0.0) -> None:
        """Begin without any; the job gathers for so long before it writes, seconds."""
        self._looks: deque[PipelineFacts] = deque()
        self._pause_s = 2 * gathers_s
        self._behind_s = max(BEHIND_S, self._pause_s)
        # When the load's last sale came, as far as is known.
        self._sold_at = 0.0

    def see(self, now: PipelineFacts) -> str | None:
        """Take a look and return the culprit, or None."""
        last = self._last()
        if last is None or (last.due, last.rate) != (now.due, now.rate):
            self._sold_at = now.sold_at
        self._looks.append(now)
        oldest = now.at - self._behind_s
        while len(self._looks) > 2 and self._looks[1].at <= oldest:  # noqa: PLR2004
            self._looks.popleft()
        return self._away(now) or self._stuck(now) or self._saturated(now)

    def suspects_flink(self, ends: int, counted: int) -> bool:
        """Return whether flink would be told to be stuck if these came next."""
        last = self._last()
        return last is not None and last.counted == counted and ends > counted

    def _last(self) -> PipelineFacts | None:
        return self._looks[-1] if self._looks else None

    @staticmethod
    def _away(now: PipelineFacts) -> str | None:
        for stage in STAGES:
            state = now.states.get(stage, "running")
            if state not in HEALTHY and not (stage == "locust" and state in RESTING):
                return stage
        return None

    def _stuck(self, now: PipelineFacts) -> str | None:
        if len(self._looks) == 1:
            return None
        last = self._looks[-2]
        if now.due is not None and (now.sold_at - self._sold_at) * now.rate >= MISSED_SALES:
            return "locust"
        # An answer that is still the last look's says nothing about what came since.
        new = now.settled is not None and now.sold_at > last.sold_at
        if new and _stands(last.intended, last.settled, now.settled or 0):
            return "kafka"
        if now.counted is None or now.unreadable:
            return None
        then = self._before(now)
        return "flink" if then and _stands(then.ends, then.counted, now.counted) else None

    def _before(self, now: PipelineFacts) -> PipelineFacts | None:
        """Return the newest look but this one that lies as far back as the job gathers."""
        looks = reversed(self._looks)
        return next((one for one in looks if one is not now and self._old(one, now)), None)

    def _old(self, one: PipelineFacts, now: PipelineFacts) -> bool:
        return one.at <= now.at - self._pause_s

    def _saturated(self, now: PipelineFacts) -> str | None:
        then = self._looks[0]
        seconds = now.at - then.at
        if seconds < self._behind_s:
            return None
        if now.rate and then.rate == now.rate and now.due is not None:
            sold = now.due - (then.due or 0)
            promised = now.rate * (now.sold_at - then.sold_at)
            if promised >= MISSED_SALES and 0 <= sold < LEAST_ACHIEVED * promised - MISSED_SALES:
                return "locust"
        if now.unreadable or not self._lags_more(seconds):
            return None
        full = (now.busy or 0.0) >= BUSY or (now.backpressure or 0.0) >= BEGINS_TO_WAIT
        return "postgres" if full and WRITES in now.busiest else "flink"

    def _lags_more(self, seconds: float) -> bool:
        """Return whether flink has lagged more at every look, and now by more than it can do."""
        lags: list[int] = []
        for look in self._looks:
            if look.ends is None or look.counted is None:
                return False
            lags.append(look.ends - look.counted)
        first, now = self._looks[0], self._looks[-1]
        done = (now.counted or 0) - (first.counted or 0)
        grows = all(later > earlier for earlier, later in pairwise(lags))
        return grows and lags[-1] > done / seconds


def _stands(then_in: int | None, then_out: int | None, now_out: int) -> bool:
    """Return whether something had come in by the last look, and nothing has come out since."""
    return then_in is not None and then_out == now_out and now_out < then_in
