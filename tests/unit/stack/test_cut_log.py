"""Counting from a topic whose first records were deleted: which rows stay, when it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from spaf.settings import JobSettings, SaleSettings, Settings
from spaf.stack.cut_log import CountedPartition, Fences, cut_partition, fences
from spaf.store.retention import CutSeconds

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
SETTINGS = Settings(sale=SaleSettings(max_lateness_s=600, max_ahead_s=60))


@dataclass
class Partition:
    """What was counted of a partition that begins at offset 50 now; it was counted from 0."""

    begin: int = 50
    end: int = 900
    done: int = 800
    first: datetime | None = NOON
    newest: datetime | None = NOON + timedelta(hours=1)

    def counted(self) -> CountedPartition:
        """Return it as the job supervisor finds it."""
        return CountedPartition(
            self.begin, self.end, 0, self.done, CutSeconds(self.first, self.newest)
        )


def test_a_partition_that_is_new_to_the_tables_may_begin_anywhere() -> None:
    """One that was counted from its first record may not."""
    assert cut_partition({0: 5, 1: 9}, {0: 5}) is None
    assert cut_partition({0: 5, 1: 9}, {0: 5, 1: 8}) == 1


def test_rows_of_deleted_records_stay() -> None:
    """Sales may be a minute ahead of their append time."""
    later = Partition(first=NOON + timedelta(minutes=5))
    found = fences({0: Partition().counted(), 1: later.counted()}, SETTINGS)
    ledger = NOON + timedelta(minutes=5, seconds=1)
    assert found == Fences(summary=ledger + timedelta(seconds=60), ledger=ledger)


@pytest.mark.parametrize(
    "wrong",
    [
        Partition(done=49),  # records were deleted before they were counted
        Partition(first=None),  # nothing is known of it
        Partition(newest=None),
        # The next record may be late, and belong to a row that stays.
        Partition(newest=NOON + timedelta(minutes=11)),
    ],
)
def test_no_fence_makes_such_rows_right(wrong: Partition) -> None:
    """The job is refused, as it was before."""
    assert fences({0: wrong.counted()}, SETTINGS) is None
    assert fences({0: Partition().counted(), 1: wrong.counted()}, SETTINGS) is None


def test_a_partition_without_new_records_may_be_old() -> None:
    """Whatever is appended to it later is new."""
    idle = Partition(done=900, newest=NOON)
    assert fences({0: idle.counted()}, SETTINGS) is not None


def test_a_block_of_copies_that_was_cut_is_refused() -> None:
    """Another copy would be the first."""
    deduplicating = SETTINGS.model_copy(update={"job": JobSettings(deduplicate_minutes=10)})
    assert fences({0: Partition().counted()}, deduplicating) is None
