"""The ends of the topic, asked for each second: one small question, and no list of all topics."""

from __future__ import annotations

from typing import NamedTuple

from spaf import clock
from spaf.errors import TopicError
from spaf.topic.admin import begin_offsets_of, end_offsets_of, partitions

# Partitions are added by hand, and seldom. Seconds.
PARTITIONS_EVERY_S = 60.0
# A broker that does not answer within this is told to be silent long before. Seconds.
ANSWER_S = 3.0


class OffsetBounds(NamedTuple):
    """First offset and end of each partition."""

    begins: dict[int, int]
    ends: dict[int, int]


class OffsetProbe:
    """Asks for the offsets of one topic."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Keep where the topic is; nothing is asked yet."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._parts: list[tuple[str, int]] = []
        self._begins: dict[int, int] = {}
        self._known_at = 0.0

    def look(self) -> OffsetBounds:
        """Return begin and end of each partition; the begins may be a minute old.

        Raises:
            TopicError: the broker does not answer, or has no such topic.

        """
        try:
            if not self._parts or clock.monotonic() - self._known_at > PARTITIONS_EVERY_S:
                self._learn()
            found = end_offsets_of(self._bootstrap, self._parts, ANSWER_S)
        except TopicError:
            self._parts = []
            raise
        return OffsetBounds(self._begins, {part: end for (_, part), end in found.items()})

    def _learn(self) -> None:
        numbers = partitions(self._bootstrap, self._topic)
        parts = [(self._topic, number) for number in numbers]
        begins = begin_offsets_of(self._bootstrap, parts, ANSWER_S)
        self._begins = {part: begin for (_, part), begin in begins.items()}
        self._parts, self._known_at = parts, clock.monotonic()
