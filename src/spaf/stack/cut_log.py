"""Counting anew from a topic whose first records were deleted: what the tables then keep.

The job writes absolute values. Counted again without their first records, the rows of the oldest
seconds would become smaller. So rows to which a deleted record may belong are kept as they were
counted before, and fences discard what the job writes for them. That is right if every record that
belongs to such a row was counted before the job stopped; otherwise the row cannot be made right.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from spaf.settings import Settings
from spaf.stack.refusal import RefusedJobError
from spaf.stack.submission import JobTarget
from spaf.store import queries, retention
from spaf.store.access import Role
from spaf.store.retention import CutSeconds
from spaf.topic import admin
from spaf.trouble import trouble


class Fences(NamedTuple):
    """Rows of earlier seconds stay as they are."""

    summary: datetime
    """Of event time."""
    ledger: datetime
    """Of append time."""


class CountedPartition(NamedTuple):
    """What was counted of a partition, and what the topic holds of it."""

    begin: int
    """First offset that the topic holds."""
    end: int
    start: int
    """Offset from which the tables were counted."""
    done: int
    """Offset that a checkpoint has passed: of a count that was interrupted, no more."""
    seconds: CutSeconds


def cut_partition(begin: Mapping[int, int], counted_from: Mapping[int, int]) -> int | None:
    """Return a partition whose first counted records were deleted; None if there is none."""
    return next((part for part, at in begin.items() if at > counted_from.get(part, at)), None)


def fences(parts: Mapping[int, CountedPartition], settings: Settings) -> Fences | None:
    """Return which rows must stay as they are; None if rows would be wrong with any fence.

    Args:
        parts: of the topic, by number.
        settings: the rules of the contract.

    """
    sale = settings.sale
    firsts = [part.seconds.first for part in parts.values() if part.begin > part.start]
    known = [first for first in firsts if first is not None]
    # A block of copies that was cut would count another copy first.
    if settings.job.deduplicate_minutes or not known or len(known) < len(firsts):
        return None
    ledger = max(known) + timedelta(seconds=1)
    summary = ledger + timedelta(seconds=sale.max_ahead_s)
    late = timedelta(seconds=sale.max_lateness_s)
    for part in parts.values():
        if part.done < part.begin:
            return None
        # The next record of a partition is not older than its newest second.
        newest = part.seconds.newest
        if part.done < part.end and (newest is None or newest - late < summary):
            return None
    return Fences(summary, ledger)


def kept_rows(target: JobTarget, settings: Settings, begin: Mapping[int, int]) -> Fences | None:
    """Return the rows that stay as they are in a count from a log whose beginning is gone.

    Args:
        target: the job that is about to count.
        settings: the rules of the contract.
        begin: first offset of each partition.

    Returns None if the log is whole.

    Raises:
        RefusedJobError: rows would get smaller values.
        StoreError: PostgreSQL does not answer.
        TopicError: Kafka does not answer.

    """
    with target.access.session(Role.READ) as connection:
        counted_from = queries.start_offsets(connection)
        part = cut_partition(begin, counted_from)
        if part is None:
            return None
        ends = admin.end_offsets(target.kafka, target.topic)
        done = queries.done_offsets(connection)
        parts = {
            number: CountedPartition(
                begin=first,
                end=ends.get(number, first),
                start=counted_from.get(number, first),
                done=done.get(number, first),
                seconds=retention.cut_seconds(connection, number, first, done.get(number, first)),
            )
            for number, first in begin.items()
        }
    kept = fences(parts, settings)
    if kept is None:
        raise RefusedJobError(
            trouble(
                "beginning_deleted",
                topic=target.topic,
                partition=part,
                begin=begin[part],
                position=counted_from[part],
            )
        )
    return kept
