"""How much the quarantine keeps, and what makes room: the oldest of what there is most of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from spaf.settings import QuarantineSettings

EVICT = (
    "DELETE FROM quarantine AS q USING ("
    "SELECT kafka_partition, kafka_offset FROM quarantine WHERE reason = %s "
    "ORDER BY append_time, kafka_partition, kafka_offset LIMIT %s) AS o "
    "WHERE q.kafka_partition = o.kafka_partition AND q.kafka_offset = o.kafka_offset "
    "RETURNING coalesce(octet_length(q.payload), 0)"
)


class RetainedRows(NamedTuple):
    """What is kept of one reason."""

    rows: int = 0
    size: int = 0


@dataclass
class Retention:
    """What is kept, by reason, and the bounds of all together."""

    max_rows: int
    max_size: int
    held: dict[str, RetainedRows] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: QuarantineSettings, connection: psycopg.Connection) -> Retention:
        """Return the bounds of the settings and what the table holds now."""
        rows = connection.execute(
            "SELECT reason, count(*), coalesce(sum(octet_length(payload)), 0)::bigint "
            "FROM quarantine GROUP BY reason"
        )
        held = {reason: RetainedRows(count, size) for reason, count, size in rows}
        return cls(settings.max_records, settings.max_mib * 2**20, held)

    @property
    def rows(self) -> int:
        """Rows of all reasons."""
        return sum(held.rows for held in self.held.values())

    @property
    def size(self) -> int:
        """Bytes of all payloads."""
        return sum(held.size for held in self.held.values())

    def has_room(self, rows: int) -> bool:
        """Say whether so many more could be kept without giving up others."""
        return self.rows + rows <= self.max_rows and self.size < self.max_size

    def add(self, reason: str, size: int) -> None:
        """Note a row."""
        held = self.held.get(reason, RetainedRows())
        self.held[reason] = RetainedRows(held.rows + 1, held.size + size)

    def make(self, connection: psycopg.Connection) -> None:
        """Delete the oldest of the most frequent reason until all is within the bounds."""
        while (found := self.excess()) is not None:
            reason, rows = found
            sizes = connection.execute(EVICT, [reason, rows]).fetchall()
            held = self.held[reason]
            left = RetainedRows(held.rows - len(sizes), held.size - sum(size for (size,) in sizes))
            # A row that somebody else has deleted must not be waited for.
            self.held[reason] = left if sizes else RetainedRows()

    def excess(self) -> tuple[str, int] | None:
        """Return a reason and how many of its rows have to go, or None.

        Only down to the next reason's level at a time, so that none is given up for another's sake.
        """
        if self.rows > self.max_rows:
            (most, reason), *others = self._sorted(lambda held: held.rows)
            above_next = most - others[0][0] if others else most
            return reason, min(self.rows - self.max_rows, max(1, above_next))
        if self.size > self.max_size:
            (most, reason), *_ = self._sorted(lambda held: held.size)
            rows = self.held[reason].rows
            # As many rows as hold what is too much, if all are alike; else there is another round.
            return reason, min(rows, (self.size - self.max_size) * rows // most + 1)
        return None

    def _sorted(self, of: Callable[[RetainedRows], int]) -> list[tuple[int, str]]:
        """Return each reason behind its rows or bytes, the largest first."""
        return sorted(((of(held), reason) for reason, held in self.held.items()), reverse=True)
