"""A drain by a program: how fast it reads a full topic, what that costs, and whether it is exact.

A drain has no common first moment: one program starts in half a second, another one in ten. So the
first half of the topic is not measured: it is the start, and warms the code. A program that is not
so far in its time, or writes most of the topic at once, is measured from its first rows, or from
its start: a span of a few writes says when they came, not how fast the program reads.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec

from spaf import clock
from spaf.bench.peers.answers import Deviation, Expected, counted, deviation, with_new_tables
from spaf.bench.peers.compared import DRAIN, KILL, ComparedProgram, RunningProgram
from spaf.bench.progress import Progress
from spaf.bench.results import recording
from spaf.errors import JobError
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role

WARM_SHARE = 0.5
# A first batch above this share of the topic leaves too little to measure after it.
MAX_FIRST_SHARE = 0.8
# A rate over a span is wrong by the time between two writes at most: a quarter of it, at four.
MIN_WRITES = 4
POLL_S = 0.05
# Reading the memory of a JVM takes it milliseconds.
MEMORY_EVERY_S = 0.5
# The program is killed when it has counted this share of the topic.
KILL_SHARE = 0.4
# Nothing changes any more: longer than the interval of any program's writing.
SETTLED_S = 4.0
# A program that counts nothing for this long has stopped. After a kill, members of a consumer group
# wait for the session of the dead ones, 45 s by default.
STALLED_S = 75.0


class PeerDrain(msgspec.Struct, frozen=True):
    """The drains of a program; figures are medians."""

    events: int
    """Measured ones: those after the first half."""
    seconds: float
    events_per_second: int
    cpu_us_per_event: float
    exact: bool | None
    """None if the drain has been ended before its end."""
    complete: bool
    drains: int

    @classmethod
    def of(cls, drains: Sequence[DrainSample]) -> Self:
        """Return the medians of drains."""
        rates = [drain.events / drain.seconds for drain in drains]
        middle = drains[rates.index(statistics.median_low(rates))]
        exact = [drain.deviation.exact for drain in drains if drain.deviation is not None]
        return cls(
            middle.events,
            round(middle.seconds, 3),
            round(statistics.median(rates)),
            round(statistics.median(1e6 * drain.cpu_s / drain.events for drain in drains), 3),
            all(exact) if exact else None,
            len(exact) == len(drains),
            len(drains),
        )


class DrainSample(NamedTuple):
    """One drain."""

    events: int
    seconds: float
    cpu_s: float
    memory_mib: float
    deviation: Deviation | None
    """None if the drain was ended before its end."""
    reasons: list[str]
    """What has disturbed the machine."""


class FullTopic(NamedTuple):
    """A topic that was filled before."""

    run: Run
    wanted: Expected
    partitions: int
    """Of the topic; the last record of each closes the others, and is not measured."""


class Reading(NamedTuple):
    """What a program has counted and used at a moment."""

    at_s: float
    cpu_s: float
    sales: int


class _Watch:
    """Follows what a running program has counted."""

    def __init__(self, run: Run, program: RunningProgram, cap_s: float) -> None:
        self._connection = run.access.connect(Role.READ, autocommit=True)
        self._program = program
        self.start = self.read(0)
        self._end_s = self.start.at_s + cap_s
        self._moved_s, self._last = self.start.at_s, 0
        self.write_interval_s = 0.0
        self._memory_at_s = 0.0
        self.memory_mib = 0.0

    def close(self) -> None:
        self._connection.close()

    def read(self, sales: int) -> Reading:
        at_s = clock.monotonic()
        memory_mib, cpu_s = self._program.usage()
        self.memory_mib = max(getattr(self, "memory_mib", 0.0), memory_mib)
        return Reading(at_s, cpu_s, sales)

    def until(self, sales: int) -> Reading | None:
        """Wait until this many sales are counted; None if the time is over before."""
        while (done := queries.counted_sales(self._connection)) < sales:
            now_s = clock.monotonic()
            self._note(done, now_s)
            if now_s > self._end_s:
                return None
            self._require_progress(now_s)
            clock.sleep(POLL_S)
        self._note(done, clock.monotonic())
        return self.read(done)

    def until_settled(self) -> int:
        """Wait until the count stays the same, and return it."""
        last, since_s = -1, clock.monotonic()
        while clock.monotonic() - since_s < SETTLED_S:
            done = queries.counted_sales(self._connection)
            if done != last:
                last, since_s = done, clock.monotonic()
            clock.sleep(POLL_S)
        return last

    def _note(self, done: int, now_s: float) -> None:
        """Keep when the count has moved, and the longest time between two moves after the first."""
        if done == self._last:
            return
        if self._last:
            self.write_interval_s = max(self.write_interval_s, now_s - self._moved_s)
        self._last, self._moved_s = done, now_s

    def _require_progress(self, now_s: float) -> None:
        if now_s - self._memory_at_s > MEMORY_EVERY_S:
            self._memory_at_s = now_s
            self.read(0)
            if failure := self._program.failure():
                raise JobError(failure)
        if now_s - self._moved_s > STALLED_S:
            raise JobError(f"it counts no further than {self._last:,} sales")


def drain_once(
    compared: ComparedProgram, topic: FullTopic, cap_s: float, progress: Progress
) -> DrainSample:
    """Let a program read a full topic into new tables.

    Args:
        compared: the program.
        topic: what it reads.
        cap_s: the drain is ended after this time, and computed from what was done.
        progress: is called while it goes on.

    Raises:
        JobError: the program has ended, or counts nothing more.
        ServiceError: it cannot be started.

    """
    run, wanted, partitions = topic
    target = with_new_tables(run, run.topic, compared.name)
    events = wanted.sales - partitions
    progress(f"{compared.name}: draining")
    with compared.running(target, partitions, DRAIN) as program:
        measured = recording.interval(f"{compared.name} drain")
        watch = _Watch(target, program, cap_s)
        try:
            begun = watch.until(1)
            warm = watch.until(int(events * WARM_SHARE))
            last = None if warm is None else watch.until(events)
            now = last or watch.read(counted(target))
            write_interval_s = watch.write_interval_s
            reasons = measured.reasons
            differing = None
            if last is not None:
                watch.until(wanted.sales)
                differing = _settled(watch, target, wanted)
        finally:
            watch.close()
    first = first_measured(now, (warm, begun), watch.start, MIN_WRITES * write_interval_s)
    if now.sales <= first.sales:
        raise JobError(f"it has counted nothing within {cap_s:g} s")
    span_s, cpu_s = now.at_s - first.at_s, now.cpu_s - first.cpu_s
    return DrainSample(now.sales - first.sales, span_s, cpu_s, watch.memory_mib, differing, reasons)


def kill_in_drain(
    compared: ComparedProgram, topic: FullTopic, cap_s: float, progress: Progress
) -> str:
    """Kill a program in the middle of a drain, start it again, and return what it has counted.

    Raises:
        JobError: the program has ended before, or counts nothing more.
        ServiceError: it cannot be started.

    """
    run, wanted, partitions = topic
    target = with_new_tables(run, run.topic, compared.name)
    progress(f"{compared.name}: killing it in a drain")
    with compared.running(target, partitions, KILL) as program:
        watch = _Watch(target, program, cap_s)
        try:
            at = watch.until(int(wanted.sales * KILL_SHARE))
            if at is None:
                return f"it had not counted enough to be killed within {cap_s:g} s"
            if at.sales >= wanted.sales:
                return "it was through before it could be killed"
            program.kill_and_restart()
            if watch.until(wanted.sales) is None:
                watch.until_settled()
                left = wanted.sales - counted(target)
                return f"{left:,} sales are missing {cap_s:g} s after its start"
            return str(_settled(watch, target, wanted))
        finally:
            watch.close()


def first_measured(
    now: Reading, candidates: Sequence[Reading | None], start: Reading, min_span_s: float
) -> Reading:
    """Return the reading from which a drain is measured, so that enough is left after it.

    Args:
        now: the last reading.
        candidates: when half of the topic was counted, and the first rows were there, if ever.
        start: when the program was started.
        min_span_s: the shortest span that says more than when the program has written.

    """

    def leaves_enough(first: Reading) -> bool:
        return first.sales <= MAX_FIRST_SHARE * now.sales and now.at_s - first.at_s >= min_span_s

    return next(
        (candidate for candidate in candidates if candidate and leaves_enough(candidate)), start
    )


def _settled(watch: _Watch, target: Run, wanted: Expected) -> Deviation:
    """Return the deviation: at once if there is none, else when nothing changes any more."""
    differing = deviation(target, wanted)
    if differing.exact:
        return differing
    watch.until_settled()
    return deviation(target, wanted)
