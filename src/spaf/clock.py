"""The clocks: every other module reads the time here.

Wall-clock times are integers since the epoch, because they are compared with times of other
processes on the same host (append times of Kafka, visibility in PostgreSQL). Durations within a
process come from the monotonic clock, which is never set.
"""

from __future__ import annotations

import time


def now_us() -> int:
    """Return the wall clock in microseconds since the epoch."""
    return time.time_ns() // 1_000


def now_ms() -> int:
    """Return the wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Return the monotonic clock in seconds, for durations and deadlines."""
    return time.monotonic()  # noqa: TID251 - this is the one place


def processor() -> float:
    """Return the processor time of this process so far, by all of its threads, in seconds."""
    return time.process_time()


def sleep(seconds: float) -> None:
    """Wait for this many seconds."""
    time.sleep(seconds)  # noqa: TID251 - this is the one place
