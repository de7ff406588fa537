"""The recount on its own: what it counts, what it leaves open, and that order does not matter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from spaf.sale import Reason, Record, Rules
from spaf.verify import Group, Intake, Recount

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

BASE_MS = 1_763_800_000_000
RULES = Rules(default_currency="BRL", max_lateness_ms=10_000, max_ahead_ms=1_000)
ALL = {0: 1_000, 1: 1_000}


def record(partition: int, offset: int, append_ms: int, **fields: Any) -> Record:
    """Return a record of one sale; fields replace those of a plain one."""
    sale = {
        "productId": "p",
        "productCategory": "books",
        "productPrice": 1.5,
        "productQuantity": 2,
    }
    return Record(partition, offset, append_ms, json.dumps(sale | fields).encode())


@st.composite
def logs(draw: DrawFn) -> list[list[Record]]:
    """Draw the records of two partitions: good, late, ahead, refused, unreadable."""
    return [[draw(_records(partition, offset)) for offset in range(8)] for partition in (0, 1)]


def _records(partition: int, offset: int) -> st.SearchStrategy[Record]:
    append_ms = BASE_MS + offset * 500
    broken = st.sampled_from([None, b"", b"{", b"{}", b'[{"productId":""},{}]'])
    return st.one_of(
        broken.map(lambda value: Record(partition, offset, append_ms, value)),
        st.builds(
            record,
            st.just(partition),
            st.just(offset),
            st.just(append_ms),
            productCategory=st.sampled_from(["books", "toys"]),
            productQuantity=st.integers(0, 3),
            currency=st.sampled_from(["BRL", "USD"]),
            eventTime=st.integers(append_ms - 12_000, append_ms + 1_200),
        ),
    )


def test_each_outcome_has_its_place() -> None:
    """Accepted, late and rejected records are counted apart, unreadable ones as rejected."""
    recount = Recount(RULES, ALL)
    recount.feed(
        [
            record(0, 3, BASE_MS),
            record(0, 4, BASE_MS + 999, productQuantity=1, eventTime=BASE_MS + 5),
            record(0, 5, BASE_MS + 1_000, eventTime=BASE_MS - 9_001),
            record(0, 6, BASE_MS + 1_001, productId=""),
            Record(0, 7, BASE_MS + 1_002, None),
        ]
    )
    second = BASE_MS // 1_000
    assert recount.summary == {(second, "books", "BRL"): Group(count=2, units=3, cents=450)}
    assert recount.ledger == {
        (0, second): Intake(3, 4, accepted=2),
        (0, second + 1): Intake(5, 7, late=1, rejected=2),
    }
    assert (recount.records, recount.accepted, recount.late, recount.rejected) == (5, 2, 1, 2)
    assert recount.late_cents == 300
    assert recount.reasons == {Reason.PRODUCT: 1, Reason.UNREADABLE: 1}
    assert recount.open_groups == set()


def test_records_behind_the_cut_only_leave_groups_open() -> None:
    """They count nowhere, and the rows that they touch are marked."""
    recount = Recount(RULES, {0: 1})
    recount.feed(
        [
            record(0, 0, BASE_MS),
            record(0, 1, BASE_MS, productCategory="toys"),
            record(0, 2, BASE_MS + 2_000, productId=""),
            record(1, 0, BASE_MS, eventTime=0),
        ]
    )
    second = BASE_MS // 1_000
    assert recount.records == 1
    assert recount.open_summary == {(second, "toys", "BRL")}
    assert recount.open_ledger == {(0, second), (0, second + 2), (1, second)}
    assert recount.open_groups == recount.open_summary | recount.open_ledger


def test_an_array_counts_for_each_sale_in_it() -> None:
    """The job gets an event for each element of an array, so each is counted."""
    one = record(0, 0, BASE_MS).value or b""
    recount = Recount(RULES, ALL)
    recount.feed([Record(0, 0, BASE_MS, b"[%s,%s,{}]" % (one, one))])
    assert (recount.records, recount.accepted, recount.rejected) == (1, 2, -1)


@given(logs(), st.randoms(use_true_random=False), st.integers(0, 8))
def test_interleaving_does_not_matter(log: list[list[Record]], random: Any, cut: int) -> None:
    """However two partitions are mixed, the answers are the same."""
    one_by_one = Recount(RULES, {0: cut, 1: 8})
    for partition in log:
        one_by_one.feed(partition)
    mixed = Recount(RULES, {0: cut, 1: 8})
    left = [list(partition) for partition in log]
    while any(left):
        mixed.feed([random.choice([partition for partition in left if partition]).pop(0)])
    assert mixed.summary == one_by_one.summary
    assert mixed.ledger == one_by_one.ledger
    assert mixed.open_groups == one_by_one.open_groups
    assert mixed.reasons == one_by_one.reasons


@given(logs())
def test_totals_are_the_sums_of_the_rows(log: list[list[Record]]) -> None:
    """Nothing is counted in a total that is not in a row, or the other way round."""
    recount = Recount(RULES, ALL)
    for partition in log:
        recount.feed(partition)
    assert recount.records == 16
    assert sum(group.count for group in recount.summary.values()) == recount.accepted
    intakes = recount.ledger.values()
    assert sum(intake.accepted for intake in intakes) == recount.accepted
    assert sum(intake.late for intake in intakes) == recount.late
    assert sum(intake.rejected for intake in intakes) == recount.rejected
