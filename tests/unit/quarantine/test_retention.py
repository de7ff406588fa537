"""What makes room: the oldest of what there is most of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spaf.quarantine.retention import RetainedRows, Retention

REASONS = ("late", "price", "unreadable")


@given(
    st.dictionaries(st.sampled_from(REASONS), st.integers(1, 50), min_size=1),
    st.integers(1, 60),
)
def test_the_most_frequent_reason_makes_room(counts: dict[str, int], most: int) -> None:
    """What is left is as even as it can be, and no rare reason gives way to a frequent one."""
    room = Retention(most, 1, {reason: RetainedRows(rows, 0) for reason, rows in counts.items()})
    while (found := room.excess()) is not None:
        reason, rows = found
        assert rows > 0
        assert room.held[reason].rows == max(held.rows for held in room.held.values())
        room.held[reason] = RetainedRows(room.held[reason].rows - rows, 0)
    assert room.rows == min(most, sum(counts.values()))
    for reason, rows in counts.items():
        if room.held[reason].rows < rows:
            assert room.held[reason].rows >= max(held.rows for held in room.held.values()) - 1


@given(st.lists(st.tuples(st.sampled_from(REASONS), st.integers(0, 50)), max_size=60))
def test_bytes_have_a_bound_too(sizes: list[tuple[str, int]]) -> None:
    """Few large records are as much as many small ones."""
    room = Retention(1_000, 100)
    for reason, size in sizes:
        room.add(reason, size)
    while (found := room.excess()) is not None:
        reason, rows = found
        held = room.held[reason]
        assert 0 < rows <= held.rows
        room.held[reason] = RetainedRows(
            held.rows - rows, held.size - held.size * rows // held.rows
        )
    assert room.size <= 100


def test_room_is_told_before_it_is_used() -> None:
    """Full is full by rows or by bytes."""
    room = Retention(3, 10)
    room.add("price", 4)
    assert room.has_room(2)
    assert not room.has_room(3)
    room.add("price", 6)
    assert not room.has_room(1)
