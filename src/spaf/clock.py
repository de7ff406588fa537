"""The only reader of time: one host, one clock, integers.

Wall-clock stamps are microseconds since the epoch, because they are compared with stamps of other
processes on the same host (Kafka's append time, PostgreSQL's visibility). Durations inside one
process come from the monotonic clock, which never steps.
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
    """Return a clock in seconds that never steps, for durations and deadlines."""
    return time.monotonic()  # noqa: TID251 - this is the one place


def sleep(seconds: float) -> None:
    """Wait between two looks at a condition."""
    time.sleep(seconds)  # noqa: TID251 - this is the one place
