"""The end offsets of the topic, polled each second with one small request."""

from __future__ import annotations

from typing import NamedTuple

from spaf import clock
from spaf.errors import TopicError
from spaf.topic.admin import begin_offsets_of, end_offsets_of, partitions

# Partitions are added by hand, and seldom.
PARTITIONS_EVERY_S = 60.0
# A broker that does not answer counts as silent long before this.
TIMEOUT_S = 3.0


class OffsetBounds(NamedTuple):
    """First offset and end offset of each partition."""

    begins: dict[int, int]
    ends: dict[int, int]


class OffsetProbe:
    """Polls the offsets of one topic."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Keep where the topic is; nothing is polled yet."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._parts: list[tuple[str, int]] = []
        self._begins: dict[int, int] = {}
        self._known_at = 0.0

    def poll(self) -> OffsetBounds:
        """Return first and end offset of each partition; the first ones may be a minute old.

        Raises:
            TopicError: the broker does not answer, or has no such topic.

        """
        try:
            if not self._parts or clock.monotonic() - self._known_at > PARTITIONS_EVERY_S:
                self._read_partitions()
            ends = end_offsets_of(self._bootstrap, self._parts, TIMEOUT_S)
        except TopicError:
            self._parts = []
            raise
        return OffsetBounds(self._begins, {part: end for (_, part), end in ends.items()})

    def _read_partitions(self) -> None:
        numbers = partitions(self._bootstrap, self._topic)
        parts = [(self._topic, number) for number in numbers]
        begins = begin_offsets_of(self._bootstrap, parts, TIMEOUT_S)
        self._begins = {part: begin for (_, part), begin in begins.items()}
        self._parts, self._known_at = parts, clock.monotonic()
