"""The limits of the quarantine: the oldest rows of the most frequent reason are deleted first.

Rows that are older than `store.keep` are deleted too; their counts stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import psycopg

from spaf.settings import QuarantineSettings
from spaf.store.statement import statement


class RetainedRows(NamedTuple):
    """Rows of one reason and the bytes of their payloads."""

    rows: int = 0
    size: int = 0


@dataclass
class Retention:
    """The rows that are kept, by reason, and the limits of all reasons together."""

    max_rows: int
    max_size: int
    held: dict[str, RetainedRows] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: QuarantineSettings, connection: psycopg.Connection) -> Retention:
        """Return the limits of the settings and what the table holds now."""
        rows = connection.execute(statement("spaf.quarantine", "retained_rows"))
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
        """Return whether this many more rows fit without a deletion."""
        return self.rows + rows <= self.max_rows and self.size < self.max_size

    def add(self, reason: str, size: int) -> None:
        """Count an inserted row; `size` is the bytes of its payload."""
        held = self.held.get(reason, RetainedRows())
        self.held[reason] = RetainedRows(held.rows + 1, held.size + size)

    def enforce(self, connection: psycopg.Connection) -> None:
        """Delete the oldest rows of the most frequent reason until all is within the limits."""
        while (excess := self.excess()) is not None:
            reason, rows = excess
            values = {"reason": reason, "limit": rows}
            deleted = connection.execute(statement("spaf.quarantine", "delete_oldest"), values)
            sizes = [size for (size,) in deleted.fetchall()]
            held = self.held[reason]
            left = RetainedRows(held.rows - len(sizes), held.size - sum(sizes))
            # Nothing was deleted: the rows are gone already, so they must not be waited for.
            self.held[reason] = left if sizes else RetainedRows()

    def expire(self, connection: psycopg.Connection, before: datetime) -> None:
        """Delete the rows of records that were appended before a time."""
        values = {"before": before}
        for reason, size in connection.execute(
            statement("spaf.quarantine", "delete_expired"), values
        ).fetchall():
            held = self.held.get(reason, RetainedRows(1, size))
            self.held[reason] = RetainedRows(held.rows - 1, held.size - size)

    def excess(self) -> tuple[str, int] | None:
        """Return a reason and how many of its rows exceed the limits, or None.

        At most down to the count of the next reason, so that the reasons are treated alike.
        """
        if self.rows > self.max_rows:
            (most, reason), *others = self._sorted(lambda held: held.rows)
            above_next = most - others[0][0] if others else most
            return reason, min(self.rows - self.max_rows, max(1, above_next))
        if self.size > self.max_size:
            (most, reason), *_ = self._sorted(lambda held: held.size)
            rows = self.held[reason].rows
            # The estimate assumes rows of equal size; if it is too low, there is another round.
            return reason, min(rows, (self.size - self.max_size) * rows // most + 1)
        return None

    def _sorted(self, of: Callable[[RetainedRows], int]) -> list[tuple[int, str]]:
        """Return rows or bytes of each reason with the reason, the largest first."""
        return sorted(((of(held), reason) for reason, held in self.held.items()), reverse=True)
