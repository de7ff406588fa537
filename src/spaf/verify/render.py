"""The tables that a correct job would have written; the self-test damages them."""

from __future__ import annotations

from decimal import Decimal

from spaf.verify.answers import Answers
from spaf.verify.ledger import expected_rows
from spaf.verify.tables import (
    DuplicateBlockRow,
    LedgerRow,
    OutlierRow,
    SummaryRow,
    TableRows,
    TrafficAnomalyRow,
)


def tables_of(answers: Answers) -> TableRows:
    """Return the rows of all tables, for a result in which nothing is open."""
    return TableRows(
        summary=[
            SummaryRow(*key, group.count, group.units, amount(group.cents))
            for key, group in answers.summary.items()
        ],
        ledger=[
            LedgerRow(*key, row.accepted, row.late, known(row[2]), known(row[3]), known(row[4]))
            for key, row in expected_rows(answers).items()
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
        traffic=[TrafficAnomalyRow(*key, *row) for key, row in answers.traffic.items()],
        duplicate_blocks=[
            DuplicateBlockRow(*key, *row) for key, row in answers.duplicate_blocks.items()
        ],
    )


def amount(cents: Decimal | int) -> Decimal:
    """Return cents as the decimal amount that the tables store."""
    return Decimal(cents).scaleb(-2)


def known(value: int | None) -> int:
    """Return a value of the ledger, which is known if nothing is open.

    Raises:
        ValueError: the value is not known, because a row is open.

    """
    if value is None:
        raise ValueError("the ledger of an open log has values that are not known")
    return value
