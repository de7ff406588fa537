"""The verifier: recomputes all tables from the topic, independently of the job, and compares them.

Two oracles recompute the tables: plain Python with integers, and DuckDB. This package knows the
contract of the event and the rules of detection; it does not import the job or read its SQL.
"""

from __future__ import annotations

from spaf.verify.answers import (
    Answers,
    BlockDuplicates,
    LedgerCounts,
    LedgerKey,
    SaleOutlier,
    SummaryKey,
    SummarySums,
    TrafficAnomaly,
)
from spaf.verify.compare import Difference, Verdict, compare, disagreements
from spaf.verify.detection import Detection
from spaf.verify.python_oracle import PythonOracle
from spaf.verify.retained import ProvenFrom, Retained, retained
from spaf.verify.tables import (
    DuplicateBlockRow,
    LedgerRow,
    OutlierRow,
    SummaryRow,
    TableRows,
    TrafficAnomalyRow,
)

__all__ = [
    "Answers",
    "BlockDuplicates",
    "Detection",
    "Difference",
    "DuplicateBlockRow",
    "LedgerCounts",
    "LedgerKey",
    "LedgerRow",
    "OutlierRow",
    "ProvenFrom",
    "PythonOracle",
    "Retained",
    "SaleOutlier",
    "SummaryKey",
    "SummaryRow",
    "SummarySums",
    "TableRows",
    "TrafficAnomaly",
    "TrafficAnomalyRow",
    "Verdict",
    "compare",
    "disagreements",
    "retained",
]
