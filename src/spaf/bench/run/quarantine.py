"""Why records were not accepted, once the process that explains them has caught up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spaf.quarantine.explain import LATE
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.queries import QuarantineTotals, Row

# It explains thousands of records in this time; a flood it explains later, seconds.
CATCH_UP_SECONDS = 10.0


@dataclass(frozen=True)
class Explained:
    """What the quarantine says of a run."""

    whole: QuarantineTotals
    reasons: list[Row]
    late: list[Row]

    def as_dict(self) -> dict[str, Any]:
        """Return everything for --json."""
        return {
            **asdict(self.whole),
            "sampled": self.whole.sampled,
            "reasons": self.reasons,
            "late": self.late,
        }

    def line(self) -> str:
        """Return rejections by reason, late sales with their money, and what must be said."""
        rejected = [
            f"{row['records']:,} {row['reason'].replace('_', ' ')}"
            for row in self.reasons
            if row["reason"] != LATE
        ]
        late = [
            f"{row['sales']:,} of unknown worth"
            if row["currency"] is None
            else f"{row['sales']:,} worth {row['currency']} {row['amount']:,.2f}"
            for row in self.late
        ]
        parts = [f"rejected: {', '.join(rejected)}"] if rejected else []
        parts += [f"late: {', '.join(late)}"] if late else []
        parts += ["sampled: too many came at once to read each"] if self.whole.sampled else []
        if self.whole.waiting:
            parts.append(f"{self.whole.waiting:,} not explained yet")
        return "; ".join(parts)


def explained(session: Run) -> Explained:
    """Return what the quarantine says, after waiting a little for it to be complete.

    Raises:
        StoreError: PostgreSQL does not answer.

    """
    wait_until(lambda: _ask(session).whole.waiting == 0, CATCH_UP_SECONDS, poll=0.5)
    return _ask(session)


def _ask(session: Run) -> Explained:
    with session.access.session(Role.READ) as connection:
        return Explained(
            queries.quarantine(connection),
            queries.quarantine_summary(connection),
            queries.quarantine_late(connection),
        )
