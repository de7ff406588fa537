"""Which parts of the tables are missing, and what may be dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from spaf.store.retention import Part, PassedOffsets, droppable_before, missing_ranges

NOW = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)
KEEP, RESERVE = timedelta(days=3), timedelta(hours=2)
TODAY = datetime(2026, 12, 31, tzinfo=UTC)
OTHER = Part("sales_summary_other", None, None)


def days(*numbers: int) -> list[tuple[datetime, datetime]]:
    """Return days from today on."""
    one = timedelta(days=1)
    return [(TODAY + number * one, TODAY + (number + 1) * one) for number in numbers]


def test_today_and_tomorrow_are_created() -> None:
    """What is there already is not; a gap of days without a run is none."""
    assert missing_ranges([OTHER], NOW, by_day=True) == days(0, 1)
    assert missing_ranges([OTHER, Part("a", *days(0)[0])], NOW, by_day=True) == days(1)
    assert missing_ranges([OTHER, Part("a", *days(-9)[0])], NOW, by_day=True) == days(0, 1)
    assert missing_ranges([Part("a", None, TODAY + timedelta(days=2))], NOW, by_day=True) == []


def test_without_a_limit_a_part_is_a_month() -> None:
    """The first one may begin in the middle, where one of days ended."""
    months = [datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    february = datetime(2027, 2, 1, tzinfo=UTC)
    assert missing_ranges([], NOW, by_day=False) == [tuple(months), (months[1], february)]
    known = Part("a", None, TODAY)
    expected = [(TODAY, months[1]), (months[1], february)]
    assert missing_ranges([known], NOW, by_day=False) == expected


@pytest.mark.parametrize(
    ("progress", "before"),
    [
        # Everything is passed: three days before now, from midnight on.
        ([PassedOffsets(0, 900, NOW), PassedOffsets(1, 50, None)], TODAY - timedelta(days=3)),
        # The job is behind by five days: what it passed, less what may still change a row.
        (
            [PassedOffsets(0, 100, NOW - timedelta(days=5)), PassedOffsets(1, 50, NOW)],
            TODAY - timedelta(days=5),
        ),
        # It was behind by five days and one and a half hours.
        (
            [
                PassedOffsets(0, 100, TODAY - timedelta(days=5, hours=-1.5)),
                PassedOffsets(1, 50, NOW),
            ],
            TODAY - timedelta(days=6),
        ),
        # It counts from the beginning, or a partition was never counted.
        ([PassedOffsets(0, 0, None), PassedOffsets(1, 50, NOW)], None),
        ([PassedOffsets(0, 900, NOW)], None),
    ],
)
def test_only_what_no_record_can_change_is_dropped(
    progress: list[PassedOffsets], before: datetime | None
) -> None:
    """The topic ends at 900 and 50."""
    ends = {0: 900, 1: 50}
    assert droppable_before(progress, ends, NOW, keep=KEEP, reserve=RESERVE) == before
