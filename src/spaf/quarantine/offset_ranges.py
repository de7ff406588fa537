"""Which offsets need a look: the ledger, cut into stretches that are clean or are not.

The job counts what it could read, with the smallest and the largest offset of each second. So a
second with as many accepted sales as offsets is clean, and needs no look; one with late or refused
events, or with fewer events than offsets, does; and offsets between two seconds could not be read.
How many records of a stretch were not accepted is known before one of them is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

# A long gap is explained in pieces of this many offsets: each is one transaction, and some of each
# are read where not all can be.
PIECE_OFFSETS = 10_000
# Clean offsets between two stretches that are read rather than passed over: fewer cost less than
# another connection to the broker.
SHORT_OFFSETS = 1_000


@dataclass(frozen=True, slots=True)
class LedgerSecond:
    """A row of `ledger_second`: the events that the job could read."""

    second: datetime
    accepted: int
    late: int
    refused: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """Up to where a partition is explained, and what of its last second is."""

    offset: int
    second: datetime | None = None
    accepted: int = 0
    late: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class LedgerRange:
    """Offsets that follow each other, with what the ledger says of them."""

    first: int
    end: int
    """The first offset behind it."""
    late: int
    rejected: int
    """Less than none where a record holds several sales."""
    dirty: bool
    after: PartitionProgress


@dataclass(frozen=True, slots=True)
class RangeBatch:
    """Stretches that are explained in one transaction; only `first` to `end` needs to be read."""

    first: int
    end: int
    late: int
    rejected: int
    after: PartitionProgress

    @property
    def dirty(self) -> bool:
        """Whether there is anything to read."""
        return self.first < self.end

    @property
    def bad(self) -> int:
        """How many records were not accepted."""
        return max(0, self.late + self.rejected)


def stretches(
    place: PartitionProgress, seconds: Iterable[LedgerSecond], done: int, *, all_known: bool
) -> Iterator[LedgerRange]:
    """Yield what lies between a place and `done`, in order and without gaps.

    A second with events at or behind `done` may still change; what comes before it is certain.

    Args:
        place: where to begin.
        seconds: the rows of the ledger from the place's own second on, in order.
        done: everything before this offset is in the ledger for certain.
        all_known: whether the rows go on to the end of the ledger; else what follows the last of
            them is left for another time.

    """
    for row in seconds:
        if row.last < place.offset:
            continue
        for piece in _gap(place, min(row.first, done)):
            yield piece
            place = piece.after
        if row.last >= done:
            return
        body = _body(place, row)
        yield body
        place = body.after
    if all_known:
        yield from _gap(place, done)


def spans(parts: Iterable[LedgerRange]) -> Iterator[RangeBatch]:
    """Join neighbouring stretches to spans worth a transaction."""
    span: RangeBatch | None = None
    for part in parts:
        if span is not None and not _fits(span, part):
            yield span
            span = None
        if span is None:
            span = RangeBatch(part.first, part.first, 0, 0, part.after)
        span = _joined(span, part)
    if span is not None:
        yield span


def _gap(place: PartitionProgress, end: int) -> Iterator[LedgerRange]:
    """Yield offsets that the job has passed without an event: none could be read."""
    for first in range(place.offset, end, PIECE_OFFSETS):
        last = min(first + PIECE_OFFSETS, end)
        after = replace(place, offset=last)
        yield LedgerRange(first, last, 0, last - first, dirty=True, after=after)


def _body(place: PartitionProgress, row: LedgerSecond) -> LedgerRange:
    """Return a second from the place on, less what was explained of it before."""
    known = place if place.second == row.second else PartitionProgress(0)
    accepted, late = row.accepted - known.accepted, row.late - known.late
    refused = row.refused - known.refused
    end = row.last + 1
    rejected = end - place.offset - accepted - late
    after = PartitionProgress(end, row.second, row.accepted, row.late, row.refused)
    dirty = (late, refused, rejected) != (0, 0, 0)
    return LedgerRange(place.offset, end, late, rejected, dirty=dirty, after=after)


def _fits(span: RangeBatch, part: LedgerRange) -> bool:
    if not part.dirty or not span.dirty:
        return True
    return part.first - span.end <= SHORT_OFFSETS and part.end - span.first <= PIECE_OFFSETS


def _joined(span: RangeBatch, part: LedgerRange) -> RangeBatch:
    late, rejected = span.late + part.late, span.rejected + part.rejected
    if not part.dirty:
        return replace(span, late=late, rejected=rejected, after=part.after)
    first = span.first if span.dirty else part.first
    return RangeBatch(first, part.end, late, rejected, part.after)
