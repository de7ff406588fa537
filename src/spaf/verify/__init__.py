"""The proof: what the topic says, recomputed apart from the job, against what the tables say.

Two formulations that share nothing with the job: plain Python with integers, and DuckDB. This
package knows the contract of the event and the rules of detection, and nothing of the job or of
its SQL.
"""

from __future__ import annotations

from spaf.verify.answers import (
    Answers,
    Group,
    Intake,
    LedgerKey,
    Outlier,
    Repeats,
    SummaryKey,
    Swing,
)
from spaf.verify.compare import Difference, Verdict, compare, disagreements
from spaf.verify.detection import Detection
from spaf.verify.recount import Recount
from spaf.verify.tables import LedgerRow, OutlierRow, RepeatRow, SummaryRow, SwingRow, Tables

__all__ = [
    "Answers",
    "Detection",
    "Difference",
    "Group",
    "Intake",
    "LedgerKey",
    "LedgerRow",
    "Outlier",
    "OutlierRow",
    "Recount",
    "RepeatRow",
    "Repeats",
    "SummaryKey",
    "SummaryRow",
    "Swing",
    "SwingRow",
    "Tables",
    "Verdict",
    "compare",
    "disagreements",
]
