"""The ledger cut into ledger_ranges: nothing is left out, nothing is looked at twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.quarantine import offset_ranges as module
from spaf.quarantine.offset_ranges import (
    LedgerRange,
    LedgerSecond,
    PartitionProgress,
    batches,
    ledger_ranges,
)

BEGIN = datetime(2025, 11, 22, 10, 30, tzinfo=UTC)
# What became of a record: accepted, late, refused, unreadable.
LOGS = st.lists(
    st.tuples(st.sampled_from("aaaaaaalru"), st.sampled_from([0, 0, 0, 0, 1, 3])), max_size=120
)
Log = Sequence[tuple[str, int]]


def ledger(log: Log, end: int, start: int) -> list[LedgerSecond]:
    """Return the job's rows of the first records; each comes some seconds after the one before."""
    rows: dict[int, list[int]] = {}
    now = 0
    for offset, (outcome, pause) in enumerate(log[:end], start):
        now += pause
        if outcome == "u":
            continue
        row = rows.setdefault(now, [0, 0, 0, offset, offset])
        row["alr".index(outcome)] += 1
        row[4] = offset
    return [LedgerSecond(BEGIN + timedelta(seconds=s), *row) for s, row in sorted(rows.items())]


def walk(log: Log, polls: list[tuple[int, int]], start: int) -> list[LedgerRange]:
    """Explain the log in several looks, each with the ledger a little ahead of what is certain."""
    place, found = PartitionProgress(start), []
    for done, ahead in polls:
        rows = ledger(log, done + ahead, start)
        if place.second is not None:
            rows = [row for row in rows if row.second >= place.second]
        found += (new := list(ledger_ranges(place, rows, start + done, complete=True)))
        place = new[-1].after if new else place
    return found


@given(LOGS, st.data(), st.integers(0, 1_000))
def test_every_offset_is_in_one_range_with_its_counts(
    log: Log, data: st.DataObject, start: int
) -> None:
    """However the looks fall, counts are those of the log and what is clean holds only sales."""
    cuts = data.draw(st.lists(st.integers(0, len(log)), max_size=6))
    polls = [(cut, data.draw(st.integers(0, 5))) for cut in sorted(cuts)]
    found = walk(log, [*polls, (len(log), 0)], start)
    ends = [start, *(part.end for part in found)]
    assert [part.first for part in found] == ends[:-1]
    assert ends[-1] == start + len(log)
    for part in found:
        outcomes = [outcome for outcome, _ in log[part.first - start : part.end - start]]
        assert part.late == outcomes.count("l")
        assert part.rejected == outcomes.count("r") + outcomes.count("u")
        assert part.dirty == (set(outcomes) != {"a"})
        assert part.after.offset == part.end


@given(LOGS, st.integers(0, 120), st.integers(0, 120))
def test_what_may_still_change_is_left(log: Log, done: int, ahead: int) -> None:
    """No range goes beyond what is certain, and only a second that does is left out."""
    done = min(done, len(log))
    rows = ledger(log, done + ahead, 0)
    found = list(ledger_ranges(PartitionProgress(0), rows, done, complete=True))
    end = found[-1].end if found else 0
    straddling = [row for row in rows if row.first < done <= row.last]
    if not straddling:
        assert end == done
    else:
        assert end == straddling[0].first


def test_behind_the_rows_at_hand_nothing_is_a_gap() -> None:
    """While more rows may follow, the offsets after the last one belong to no range yet."""
    rows = ledger([("a", 0), ("u", 1), ("a", 1)], 2, 0)
    assert [part.end for part in ledger_ranges(PartitionProgress(0), rows, 3, complete=False)] == [
        1
    ]
    assert [part.end for part in ledger_ranges(PartitionProgress(0), rows, 3, complete=True)] == [
        1,
        3,
    ]


def test_a_record_with_several_sales_makes_its_second_dirty() -> None:
    """An array of three sales is one offset with three events: two less than none is rejected."""
    (part,) = ledger_ranges(
        PartitionProgress(5), [LedgerSecond(BEGIN, 3, 0, 0, 5, 5)], 6, complete=True
    )
    assert (part.late, part.rejected, part.dirty) == (0, -2, True)


def test_a_long_gap_is_explained_in_pieces() -> None:
    """Garbage without end is not one transaction without end."""
    found = list(ledger_ranges(PartitionProgress(0), [], 25_000, complete=True))
    assert [(part.first, part.end) for part in found] == [
        (0, 10_000),
        (10_000, 20_000),
        (20_000, 25_000),
    ]
    assert [part.rejected for part in found] == [10_000, 10_000, 5_000]


@given(LOGS, st.integers(1, 9), st.integers(1, 30))
def test_batches_hold_all_ranges(log: Log, short: int, piece: int) -> None:
    """Joined, they keep order and counts; what is not clean is inside what is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_CLEAN_OFFSETS", short)
        patch.setattr(module, "MAX_BATCH_OFFSETS", piece)
        parts = walk(log, [(len(log), 0)], 0)
        found = list(batches(parts))
    dirty = {n for part in parts if part.dirty for n in range(part.first, part.end)}
    looked = {n for span in found for n in range(span.first, span.end)}
    assert dirty <= looked
    assert sum(span.late for span in found) == sum(part.late for part in parts)
    assert sum(span.rejected for span in found) == sum(part.rejected for part in parts)
    assert [span.after.offset for span in found][-1:] == [part.end for part in parts][-1:]
    for before, after in pairwise(found):
        assert before.end <= after.first
    longest = max((part.end - part.first for part in parts), default=0)
    assert all(span.end - span.first <= max(piece, longest) for span in found)
