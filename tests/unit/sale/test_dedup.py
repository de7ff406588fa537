"""Copies of a sale: which is the first, whatever order they come in, and whether they agree."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.sale import Sale
from spaf.sale.dedup import Copies, Deduplicator, LogPosition

BLOCK_MS = 60_000
PLAIN = Sale("books", "BRL", 100, 1, 5_000, "tx", "p", None, None)


def copy(**changes: object) -> Sale:
    """Return the plain sale with some fields changed."""
    return msgspec.structs.replace(PLAIN, **changes)


places = st.builds(
    LogPosition, st.integers(0, 2 * BLOCK_MS - 1), st.integers(0, 2), st.integers(0, 3)
)
sales = st.builds(
    copy,
    category=st.sampled_from(["books", "toys", "\U0001f600", "\uffff"]),
    unit_cents=st.integers(1, 2),
    transaction_id=st.sampled_from(["a", "b"]),
)
entries = st.lists(st.tuples(places, sales), max_size=12)


def copies(once: Deduplicator) -> dict[tuple[int, str], Copies]:
    """Return a comparable copy of what is known."""
    return {key: replace(copies) for key, copies in once.sales.items()}


def filled(some: list[tuple[LogPosition, Sale]]) -> Deduplicator:
    """Return what knows some sales."""
    once = Deduplicator(BLOCK_MS)
    for place, sale in some:
        once.add(place, sale)
    return once


@given(entries, st.randoms())
def test_order_does_not_matter(some: list[tuple[LogPosition, Sale]], rng: object) -> None:
    """The same sales in any order leave the same first copies, counts and conflicts."""
    mixed = sorted(some, key=lambda _: rng.random())  # type: ignore[attr-defined]
    assert copies(filled(mixed)) == copies(filled(some))


@given(entries, st.integers(0, 12))
def test_parts_can_be_joined(some: list[tuple[LogPosition, Sale]], middle: int) -> None:
    """Two parts of a log, joined, are the whole."""
    whole, first = filled(some), filled(some[:middle])
    first.merge(filled(some[middle:]))
    assert copies(first) == copies(whole)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (LogPosition(1, 9, 9), LogPosition(2, 0, 0)),
        (LogPosition(1, 2, 9), LogPosition(1, 10, 0)),
        (LogPosition(1, 1, 9), LogPosition(1, 1, 10)),
    ],
)
def test_time_then_partition_then_offset(earlier: LogPosition, later: LogPosition) -> None:
    """Numbers are compared as numbers, whichever came in first."""
    once = filled([(later, copy(unit_cents=1)), (earlier, copy(unit_cents=2))])
    (copies,) = once.sales.values()
    assert (copies.position, copies.first.unit_cents, copies.copies) == (earlier, 2, 2)


def test_a_block_ends_what_is_a_copy() -> None:
    """The last millisecond of one block and the first of the next are two sales."""
    once = filled([(LogPosition(BLOCK_MS - 1, 0, 0), PLAIN), (LogPosition(BLOCK_MS, 0, 1), PLAIN)])
    assert [copies.copies for copies in once.sales.values()] == [1, 1]
    assert once.duplicates() == {}


@pytest.mark.parametrize(
    ("changes", "conflicting"),
    [
        ({"unit_cents": 101}, 1),
        ({"quantity": 2}, 1),
        ({"currency": "USD"}, 1),
        ({"category": "toys"}, 1),
        ({"event_ms": 9_000}, 0),
        ({"product_id": "q"}, 0),
        ({"sent_us": 7}, 0),
    ],
)
def test_what_a_conflict_is(changes: dict[str, object], conflicting: int) -> None:
    """Copies may differ in their time, not in what was sold."""
    once = filled([(LogPosition(1, 0, 0), PLAIN), (LogPosition(2, 0, 1), copy(**changes))])
    assert once.duplicates() == {(0, 60): (1, conflicting)}


def test_a_sale_without_an_identifier_is_refused() -> None:
    """It has no copies; to keep it here would lose it."""
    with pytest.raises(ValueError, match="without an identifier"):
        Deduplicator(BLOCK_MS).add(LogPosition(1, 0, 0), copy(transaction_id=None))
