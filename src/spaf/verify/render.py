"""The tables that a right job would have written, from answers: the self-test damages those."""

from __future__ import annotations

from decimal import Decimal

from spaf.verify.answers import Answers
from spaf.verify.ledger import bookings
from spaf.verify.tables import (
    DuplicateBlockRow,
    LedgerRow,
    OutlierRow,
    SummaryRow,
    TableRows,
    TrafficAnomalyRow,
)


def tables_of(answers: Answers) -> TableRows:
    """Return all tables of answers in which nothing is open."""
    return TableRows(
        summary=[
            SummaryRow(*key, group.count, group.units, amount(group.cents))
            for key, group in answers.summary.items()
        ],
        ledger=[
            LedgerRow(*key, row.accepted, row.late, known(row[2]), known(row[3]), known(row[4]))
            for key, row in bookings(answers).items()
        ],
        outliers=[
            OutlierRow(
                *key,
                row.transaction_id,
                row.category,
                amount(row.cents),
                amount(round(row.expected)),
                row.score,
            )
            for key, row in answers.outliers.items()
        ],
        swings=[TrafficAnomalyRow(*key, *row) for key, row in answers.swings.items()],
        repeats=[DuplicateBlockRow(*key, *row) for key, row in answers.repeats.items()],
    )


def amount(cents: Decimal | int) -> Decimal:
    """Return cents as the tables hold them."""
    return Decimal(cents).scaleb(-2)


def known(value: int | None) -> int:
    """Return a value of the ledger that is known because nothing is open.

    Raises:
        ValueError: something is.

    """
    if value is None:
        raise ValueError("the answers are those of an open log")
    return value
