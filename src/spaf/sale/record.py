"""One record of the topic, in the form that all parts of the package use."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One Kafka record; `append_ms` is the broker's append time, epoch milliseconds."""

    partition: int
    offset: int
    append_ms: int
    value: bytes | None
