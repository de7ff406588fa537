"""Why records were not accepted, after the quarantine process has explained them."""

from __future__ import annotations

from typing import Any

import msgspec

from spaf.quarantine.explain import LATE
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.queries import QuarantineTotals, Row

# The quarantine process explains thousands of records in this time; a flood takes it longer.
CATCH_UP_TIMEOUT_S = 10.0


class Explained(msgspec.Struct, frozen=True):
    """What the quarantine holds of a run."""

    whole: QuarantineTotals
    reasons: list[Row]
    late: list[Row]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json: the totals, then the rows."""
        totals = msgspec.to_builtins(self.whole)
        rows = {"reasons": self.reasons, "late": self.late}
        return {**totals, "sampled": self.whole.sampled, **rows}

    def line(self) -> str:
        """Return one line: rejections by reason, late sales with amounts, and reservations."""
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


def explained(run: Run) -> Explained:
    """Return what the quarantine holds, after waiting until it is complete or the time is over.

    Raises:
        StoreError: PostgreSQL does not answer.

    """
    wait_until(lambda: _query(run).whole.waiting == 0, CATCH_UP_TIMEOUT_S, poll=0.5)
    return _query(run)


def _query(run: Run) -> Explained:
    with run.access.session(Role.READ) as connection:
        return Explained(
            queries.quarantine_totals(connection),
            queries.quarantine_summary(connection),
            queries.quarantine_late(connection),
        )
