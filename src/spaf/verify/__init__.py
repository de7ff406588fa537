"""The proof: what the topic says, recomputed apart from the job, against what the tables say.

This package knows the contract of the event and nothing of the job or of its SQL.
"""

from __future__ import annotations

from spaf.verify.compare import Difference, LedgerRow, SummaryRow, Tables, Verdict, compare
from spaf.verify.recount import Group, Intake, LedgerKey, Recount, SummaryKey

__all__ = [
    "Difference",
    "Group",
    "Intake",
    "LedgerKey",
    "LedgerRow",
    "Recount",
    "SummaryKey",
    "SummaryRow",
    "Tables",
    "Verdict",
    "compare",
]
