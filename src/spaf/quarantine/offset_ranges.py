"""The ledger as ranges of offsets, each clean or with records that must be read.

The job counts the records that it could read, with the smallest and the largest offset of each
second. A second with as many accepted sales as offsets is clean and is not read again. A second
with late or refused events, or with fewer events than offsets, is read, and so are the offsets
between two seconds. The ledger also gives the number of records of a range that were not accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

# Most offsets of a batch. A batch is one transaction; of each some offsets are read where there are
# too many to read all.
MAX_BATCH_OFFSETS = 10_000
# Clean offsets between two dirty ranges are skipped only if there are more than this: fewer cost
# less than another connection to the broker.
MAX_CLEAN_OFFSETS = 1_000


@dataclass(frozen=True, slots=True)
class LedgerSecond:
    """A row of `ledger_second`: the events that the job could read, and their offsets."""

    second: datetime
    accepted: int
    late: int
    refused: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """The first offset that is not explained, and the explained events of its second."""

    offset: int
    second: datetime | None = None
    accepted: int = 0
    late: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class LedgerRange:
    """Consecutive offsets with their counts in the ledger."""

    first: int
    end: int
    """The first offset after the range."""
    late: int
    rejected: int
    """Below 0 if a record holds several sales."""
    dirty: bool
    after: PartitionProgress


@dataclass(frozen=True, slots=True)
class RangeBatch:
    """Ranges that are explained in one transaction; `first` up to `end` must be read."""

    first: int
    end: int
    late: int
    rejected: int
    after: PartitionProgress
    starts: tuple[int, ...] = ()
    """The first offset of each range that must be read."""

    @property
    def dirty(self) -> bool:
        """Whether there is a record to read."""
        return self.first < self.end

    @property
    def not_accepted(self) -> int:
        """Number of records that were not accepted, and of offsets without a record."""
        return max(0, self.late + self.rejected)


def ledger_ranges(
    progress: PartitionProgress, seconds: Iterable[LedgerSecond], done: int, *, complete: bool
) -> Iterator[LedgerRange]:
    """Yield the ranges from a position up to `done`, consecutive and in order.

    A second with events at or after `done` may still change, so it is left out.

    Args:
        progress: the position to start at.
        seconds: the rows of the ledger from the second of the position on, in order.
        done: the first offset that the ledger may not hold yet.
        complete: whether the rows reach the end of the ledger; if not, the offsets after the last
            row are left out.

    """
    for row in seconds:
        if row.last < progress.offset:
            continue
        for piece in _gap(progress, min(row.first, done)):
            yield piece
            progress = piece.after
        if row.last >= done:
            return
        body = _second(progress, row)
        yield body
        progress = body.after
    if complete:
        yield from _gap(progress, done)


def batches(parts: Iterable[LedgerRange]) -> Iterator[RangeBatch]:
    """Join neighbouring ranges to batches of one transaction each."""
    batch: RangeBatch | None = None
    for part in parts:
        if batch is not None and not _can_join(batch, part):
            yield batch
            batch = None
        if batch is None:
            batch = RangeBatch(part.first, part.first, 0, 0, part.after)
        batch = _join(batch, part)
    if batch is not None:
        yield batch


def _gap(progress: PartitionProgress, end: int) -> Iterator[LedgerRange]:
    """Yield the offsets without an event: the job could read none of their records."""
    for first in range(progress.offset, end, MAX_BATCH_OFFSETS):
        last = min(first + MAX_BATCH_OFFSETS, end)
        after = replace(progress, offset=last)
        yield LedgerRange(first, last, 0, last - first, dirty=True, after=after)


def _second(progress: PartitionProgress, row: LedgerSecond) -> LedgerRange:
    """Return the range of a second from the position on, without its explained events."""
    explained = progress if progress.second == row.second else PartitionProgress(0)
    accepted, late = row.accepted - explained.accepted, row.late - explained.late
    refused = row.refused - explained.refused
    end = row.last + 1
    rejected = end - progress.offset - accepted - late
    after = PartitionProgress(end, row.second, row.accepted, row.late, row.refused)
    dirty = (late, refused, rejected) != (0, 0, 0)
    return LedgerRange(progress.offset, end, late, rejected, dirty=dirty, after=after)


def _can_join(batch: RangeBatch, part: LedgerRange) -> bool:
    if not part.dirty or not batch.dirty:
        return True
    clean, offsets = part.first - batch.end, part.end - batch.first
    return clean <= MAX_CLEAN_OFFSETS and offsets <= MAX_BATCH_OFFSETS


def _join(batch: RangeBatch, part: LedgerRange) -> RangeBatch:
    late, rejected = batch.late + part.late, batch.rejected + part.rejected
    if not part.dirty:
        return replace(batch, late=late, rejected=rejected, after=part.after)
    first = batch.first if batch.dirty else part.first
    return RangeBatch(first, part.end, late, rejected, part.after, (*batch.starts, part.first))
