"""The table of forms: every example does what the table says."""

from __future__ import annotations

import pytest

from spaf.sale import Late, Reason, Rules, Sale, decode
from spaf.sale.conformance.cases import FORMS, PLAIN, STREAM
from spaf.sale.conformance.forms import Form, at, expected
from spaf.sale.contract import COLUMNS

RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
# Two moments: no form depends on when it is tried, nor on the milliseconds.
MOMENTS_MS = (1_763_800_000_123, 1_000_000_000_999)


@pytest.mark.parametrize("append_ms", MOMENTS_MS)
def test_a_form_does_what_the_table_says(append_ms: int) -> None:
    """Outcome, and every value of the sale, are the promised ones."""
    for form in FORMS:
        found = decode(at(form.example, append_ms), append_ms, RULES)
        assert found == expected(form, append_ms), form


def test_every_kind_is_there() -> None:
    """All seventy kinds of hostile input, each on one of the two tables."""
    kinds = {form.kind for form in FORMS} | {kind for kind, _, _ in STREAM}
    assert kinds == set(range(71))


def test_every_outcome_is_there() -> None:
    """Each reason has an example, and so have accepted and late."""
    words = {form.outcome.rpartition(" ")[2] for form in FORMS}
    assert words == {*Reason, "accepted", "late"}


def test_a_form_after_all_columns_has_as_many_before() -> None:
    """The example of the ninth column is right only while there are eight."""
    assert len(COLUMNS) == 2 * len(PLAIN)


def test_a_promise_that_nothing_can_keep_is_an_error() -> None:
    """A misspelt outcome or change is found, not passed over."""
    form = Form(0, "", "", b"{}", "acepted", "", "")
    with pytest.raises(ValueError, match="acepted"):
        expected(form, 0)
    with pytest.raises(ValueError, match="quantit"):
        expected(form._replace(outcome="accepted", becomes="quantit=1"), 0)


def test_late_and_changes_are_read() -> None:
    """What differs from the plain sale is in the promised one; text may hold any mark."""
    form = Form(0, "", "", b"", "2 late", "category=a; B; quantity=7; event=+5s", "")
    late = Late(Sale("a; B", "BRL", 125, 7, 1_005, None, "p", None, None))
    assert expected(form, 1_700) == (late, late)
