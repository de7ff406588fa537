"""The recount on its own: what it counts, what it leaves open, and that order does not matter."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from spaf.sale import Reason, Record, Rules
from spaf.verify import Answers, Detection, LedgerCounts, PythonOracle, SummarySums, disagreements

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

BASE_MS = 1_763_800_000_000
RULES = Rules(default_currency="BRL", max_lateness_ms=10_000, max_ahead_ms=1_000)
ALL = {0: 1_000, 1: 1_000}
DETECTION = Detection(6, 5.0, 120, 4.5, ("books", "toys"))


def counted(cut: dict[int, int], *stretches: list[Record]) -> Answers:
    """Return what the records come to, fed in turn."""
    recount = PythonOracle(RULES, cut, DETECTION)
    for stretch in stretches:
        recount.feed(stretch)
    return recount.answers()


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
    recount = counted(
        ALL,
        [
            record(0, 3, BASE_MS),
            record(0, 4, BASE_MS + 999, productQuantity=1, eventTime=BASE_MS + 5),
            record(0, 5, BASE_MS + 1_000, eventTime=BASE_MS - 9_001),
            record(0, 6, BASE_MS + 1_001, productId=""),
            Record(0, 7, BASE_MS + 1_002, None),
        ],
    )
    second = BASE_MS // 1_000
    assert recount.summary == {(second, "books", "BRL"): SummarySums(count=2, units=3, cents=450)}
    assert recount.ledger == {
        (0, second): LedgerCounts(3, 4, accepted=2, readable=4),
        (0, second + 1): LedgerCounts(5, 7, late=1, rejected=2, readable=6),
    }
    assert (recount.records, recount.accepted, recount.late, recount.rejected) == (5, 2, 1, 2)
    assert recount.late_cents == 300
    assert recount.reasons == {Reason.PRODUCT: 1, Reason.UNREADABLE: 1}
    assert recount.open_groups == set()


def test_records_after_the_upper_bound_only_open_rows() -> None:
    """They count nowhere, and the rows that they touch are marked."""
    recount = counted(
        {0: 1},
        [
            record(0, 0, BASE_MS),
            record(0, 1, BASE_MS, productCategory="toys"),
            record(0, 2, BASE_MS + 2_000, productId=""),
            record(1, 0, BASE_MS, eventTime=0),
        ],
    )
    second = BASE_MS // 1_000
    assert recount.records == 1
    assert recount.open_summary == {(second, "toys", "BRL")}
    assert recount.open_ledger == {(0, second), (0, second + 2), (1, second)}
    assert recount.open_groups == recount.open_summary | recount.open_ledger


def test_an_array_counts_for_each_sale_in_it() -> None:
    """The job gets an event for each element of an array, so each is counted."""
    one = record(0, 0, BASE_MS).value or b""
    recount = counted(ALL, [Record(0, 0, BASE_MS, b"[%s,%s,{}]" % (one, one))])
    assert (recount.records, recount.accepted, recount.rejected) == (1, 2, -1)


@given(logs(), st.randoms(use_true_random=False), st.integers(0, 8))
def test_interleaving_does_not_matter(log: list[list[Record]], random: Any, cut: int) -> None:
    """However two partitions are mixed, the answers are the same."""
    one_by_one = counted({0: cut, 1: 8}, *log)
    left, mixed = [list(partition) for partition in log], []
    while any(left):
        mixed.append(random.choice([partition for partition in left if partition]).pop(0))
    assert disagreements(one_by_one, counted({0: cut, 1: 8}, mixed)) == []


@given(logs(), st.integers(0, 8), st.lists(st.integers(1, 7), max_size=3))
def test_a_log_may_be_counted_in_chunks(
    log: list[list[Record]], cut: int, breaks: list[int]
) -> None:
    """Chunks that are counted separately and merged give the result of the whole log."""
    edges = [0, *sorted(breaks), 8]
    whole = PythonOracle(RULES, {0: cut, 1: 8}, DETECTION)
    for partition in log:
        for first, stop in pairwise(edges):
            part = PythonOracle(RULES, {0: cut, 1: 8}, DETECTION)
            part.feed(partition[first:stop])
            whole.merge(part)
    assert disagreements(counted({0: cut, 1: 8}, *log), whole.answers()) == []


@given(logs())
def test_totals_are_the_sums_of_the_rows(log: list[list[Record]]) -> None:
    """Nothing is counted in a total that is not in a row, or the other way round."""
    recount = counted(ALL, *log)
    assert recount.records == 16
    assert sum(group.count for group in recount.summary.values()) == recount.accepted
    intakes = recount.ledger.values()
    assert sum(intake.accepted for intake in intakes) == recount.accepted
    assert sum(intake.late for intake in intakes) == recount.late
    assert sum(intake.rejected for intake in intakes) == recount.rejected


def test_a_second_is_closed_when_every_partition_has_passed_it() -> None:
    """A partition that is behind, or has no readable record, keeps the seconds open."""
    second = BASE_MS // 1_000
    ahead, behind = record(0, 0, BASE_MS + 5_000), record(1, 0, BASE_MS + 2_999)
    assert counted({0: 1, 1: 1}, [ahead, behind]).closed == second + 2
    assert counted({0: 1, 1: 1}, [ahead, Record(1, 0, BASE_MS, b"{")]).closed == 0
    assert counted({0: 1, 1: 1}, [ahead]).closed == 0
    assert counted({0: 1, 1: 0}, [ahead, behind]).closed == 0
