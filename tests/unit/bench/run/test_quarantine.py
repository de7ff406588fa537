"""What the verdict of a demo says of the records that were not accepted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from spaf.bench.run.quarantine import Explained
from spaf.store.queries import QuarantineTotals, Row


def row(reason: str, records: int) -> Row:
    """Return a row of the summary."""
    return {"reason": reason, "records": records, "kept": records}


def late(currency: str | None, sales: int, amount: str | None) -> Row:
    """Return a row of the late sales."""
    return {
        "currency": currency,
        "sales": sales,
        "amount": None if amount is None else Decimal(amount),
    }


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (Explained(QuarantineTotals(0, 0, 0, 0), [], []), ""),
        (
            Explained(
                QuarantineTotals(1_242, 1_242, 0, 0),
                [row("unreadable", 1_200), row("late", 30), row("price", 12)],
                [late("BRL", 20, "1234.5"), late("USD", 10, "7")],
            ),
            "rejected: 1,200 unreadable, 12 price; late: 20 worth BRL 1,234.50, 10 worth USD 7.00",
        ),
        (
            Explained(
                QuarantineTotals(105, 5, 3, 100),
                [row("not_read", 95), row("late", 10)],
                [late("BRL", 5, "1"), late(None, 5, None)],
            ),
            (
                "rejected: 95 not read; late: 5 worth BRL 1.00, 5 of unknown worth; "
                "sampled: too many came at once to read each; 3 not explained yet"
            ),
        ),
    ],
)
def test_one_line_tells_reasons_and_money(found: Explained, line: str) -> None:
    """Nothing if all was accepted; what is not known is said."""
    assert found.line() == line
    assert found.as_dict()["sampled"] == (found.whole.not_read > 0)
