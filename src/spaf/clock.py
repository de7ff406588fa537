"""The clocks: every other module reads the time here.

Wall-clock times are integers since the epoch, because they are compared with times of other
processes on the same host (append times of Kafka, visibility in PostgreSQL). Durations within a
process come from the monotonic clock, which is never set.
"""

from __future__ import annotations

import time

# Readings of both clocks for one offset: each takes less than a microsecond.
OFFSET_READINGS = 5


def now_us() -> int:
    """Return the wall clock in microseconds since the epoch."""
    return time.time_ns() // 1_000


def now_ms() -> int:
    """Return the wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Return the monotonic clock in seconds, for durations and deadlines."""
    return time.monotonic()  # noqa: TID251 - this is the one place


def offset_us() -> int:
    """Return how far the wall clock is ahead of the monotonic clock, microseconds.

    Both follow the same corrections of the clock's speed, so the difference changes only when the
    wall clock is set, or while the machine is suspended. Of several readings the quickest counts:
    this process may have waited for a core in the middle of another.
    """
    _, offset_ns = min(_offset_ns() for _ in range(OFFSET_READINGS))
    return offset_ns // 1_000


def _offset_ns() -> tuple[int, int]:
    """Return how long a reading took, and the offset that it found, nanoseconds."""
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return after - before, wall - (before + after) // 2


def processor() -> float:
    """Return the processor time of this process so far, by all of its threads, in seconds."""
    return time.process_time()


def sleep(seconds: float) -> None:
    """Wait for this many seconds."""
    time.sleep(seconds)  # noqa: TID251 - this is the one place
