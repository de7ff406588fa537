"""Whether Flink's decoder can read any of the records that wait to be counted.

A record that it cannot read is in the ledger only with the next checkpoint. If nothing else waits,
the job is not stuck.
"""

from __future__ import annotations

from collections.abc import Mapping

from spaf.sale import Reason, Rules, decode
from spaf.topic import record_reader

# Records at the head of the lag that are decoded.
HEAD_RECORDS = 20


class UnreadableHead:
    """Decodes the first waiting records of a topic."""

    def __init__(self, bootstrap: str, topic: str, rules: Rules) -> None:
        """Keep where the topic is; nothing is read yet."""
        self._bootstrap, self._topic, self._rules = bootstrap, topic, rules
        self._decoded: tuple[dict[int, int], bool] | None = None

    def read(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> bool:
        """Return whether none of the first records between the offsets can be read.

        Raises:
            TopicError: the broker does not answer.

        """
        if self._decoded is not None and self._decoded[0] == begins and not self._decoded[1]:
            return False  # a record that was readable once stays readable
        held = {
            part: record_reader.OffsetRange(begins.get(part, 0), end)
            for part, end in ends.items()
            if end > begins.get(part, 0)
        }
        start = {part: span.begin for part, span in held.items()}
        records = record_reader.from_offsets(
            self._bootstrap, self._topic, held, start, HEAD_RECORDS
        )
        outcomes = (decode(record.value, record.append_ms, self._rules) for record in records)
        unreadable = all(outcome == (Reason.UNREADABLE,) for outcome in outcomes)
        self._decoded = (dict(begins), unreadable)
        return unreadable
