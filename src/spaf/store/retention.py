"""Retention of the tables: parts by time are created ahead, and dropped when they are too old.

What is dropped keeps its sums, so that every record of the topic stays accounted for. A row that
was dropped is not written again: a job that counts the topic from its beginning writes the rows of
every second, and fences discard those of dropped ones.

Rows are dropped up to a second that no later record can change: the job has passed it by a
checkpoint and so has the quarantine, late sales and the lifetime of the job's state included.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.errors import CheckViolation, LockNotAvailable

from spaf.store.access import Access, Role
from spaf.store.statement import composed, statement

log = logging.getLogger(__name__)

# The tables that are divided by time, and the column of it.
DIVIDED = {"sales_summary": "window_start", "ledger_second": "append_second"}
# Other transactions wait behind one that waits for all of them: for this long at most.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '100ms'"
# The fences let the deletions of this transaction pass.
DROPS = "SET LOCAL spaf.drops = 'on'"
# Attempts to get the locks before all is put off. Each waits for the timeout.
MAX_ATTEMPTS = 20
ATTEMPT = "retention"
_LOCK = 0x52_45_54


class PassedOffsets(NamedTuple):
    """How far job and quarantine are in a partition."""

    partition: int
    passed: int
    """Every record before this offset is in the tables, and explained if it was not accepted."""
    newest: datetime | None
    """The newest second that is passed as a whole."""


class Part(NamedTuple):
    """A part of a table; None is no bound."""

    name: str
    begins: datetime | None
    ends: datetime | None


class RetentionState(NamedTuple):
    """What was dropped, and the fences; None is none."""

    dropped_before: datetime | None
    summary_fence: datetime | None
    ledger_fence: datetime | None


class CutSeconds(NamedTuple):
    """Where the tables stand in a partition whose first records were deleted from the topic."""

    first: datetime | None
    """Second of the first record that the topic still holds."""
    newest: datetime | None
    """The newest second that a checkpoint has passed as a whole."""


def state(connection: psycopg.Connection) -> RetentionState:
    """Return what was dropped, and the fences."""
    rows = connection.execute(_sql("state")).fetchall()
    return RetentionState(*rows[0])


def dropped_offsets(connection: psycopg.Connection) -> dict[int, int]:
    """Return the last readable record of the dropped seconds, by partition."""
    return dict(connection.execute(_sql("ledger")).fetchall())


def cut_seconds(
    connection: psycopg.Connection, partition: int, offset: int, done: int
) -> CutSeconds:
    """Return where the tables stand in a partition.

    Args:
        connection: to the tables.
        partition: of the topic.
        offset: the first one that the topic holds.
        done: the one that a checkpoint has passed.

    """
    values = {"partition": partition, "offset": offset, "done": done}
    rows = connection.execute(_sql("cut_seconds"), values).fetchall()
    return CutSeconds(*rows[0])


def create_ahead(access: Access, now: datetime, *, by_day: bool) -> list[str]:
    """Create the parts of the present time and of the next, and return their names.

    Args:
        access: to the tables.
        now: the present time.
        by_day: a part is a day, so that whole parts can be dropped; otherwise a month.

    Raises:
        StoreError: PostgreSQL does not answer.

    """
    created = []
    with access.session(Role.OWNER, autocommit=True) as connection:
        for table in DIVIDED:
            parts = _parts(connection, table)
            for begins, ends in missing_ranges(parts, now, by_day=by_day):
                name = f"{table}_{begins:%Y%m%d}"
                if _create(connection, table, name, begins, ends):
                    created.append(name)
    return created


def missing_ranges(
    parts: Sequence[Part], now: datetime, *, by_day: bool
) -> list[tuple[datetime, datetime]]:
    """Return begin and end of each part that is missing for the present time and the next."""
    known = [part.ends for part in parts if part.ends is not None]
    begins = max([*known, _period(now, by_day=by_day)])
    horizon = _next_period(_next_period(now, by_day=by_day), by_day=by_day)
    ranges = []
    while begins < horizon:
        ends = _next_period(begins, by_day=by_day)
        ranges.append((begins, ends))
        begins = ends
    return ranges


def droppable_before(
    progress: Sequence[PassedOffsets],
    ends: Mapping[int, int],
    now: datetime,
    *,
    keep: timedelta,
    reserve: timedelta,
) -> datetime | None:
    """Return the first second of the rows to keep, the beginning of a day; None drops nothing.

    Args:
        progress: of every partition that was counted.
        ends: end of each partition of the topic, asked for after `now`.
        now: the present time.
        keep: rows are kept for this long at least.
        reserve: how long after a second a record may still change its rows.

    """
    known = {one.partition: one for one in progress}
    bounds = [now - keep]
    for partition, end in ends.items():
        one = known.get(partition)
        if one is None:
            return None
        if one.passed >= end:
            bounds.append(now - reserve)  # the next record is appended later than that
        elif one.newest is None:
            return None
        else:
            bounds.append(one.newest - reserve)
    return _period(min(bounds), by_day=True)


def progress(connection: psycopg.Connection) -> list[PassedOffsets]:
    """Return how far job and quarantine are."""
    return [PassedOffsets(*row) for row in connection.execute(_sql("progress")).fetchall()]


def drop_before(access: Access, before: datetime) -> bool:
    """Drop the rows before a second, keep their sums, and return whether there were any.

    It is put off if other transactions use the tables all the time.

    Raises:
        StoreError: PostgreSQL does not answer.

    """
    with access.session(Role.OWNER) as connection:
        # Of two processes that drop at once the second finds it done.
        connection.execute(_sql("wait_for_turn"), {"lock": _LOCK})
        known = state(connection).dropped_before
        if known is not None and known >= before:
            return False
        if connection.execute(_sql("has_older"), {"before": before}).fetchone() != (True,):
            return False
        connection.execute(DROPS)
        _delete_single_rows(connection, before)
        if not _lock(connection):
            connection.rollback()
            log.info("rows before %s are dropped later: the tables are in use", before)
            return False
        for table in DIVIDED:
            for part in _parts(connection, table):
                if part.ends is not None and part.ends <= before:
                    connection.execute(_composed("drop_partition", part=sql.Identifier(part.name)))
        connection.execute(_sql("set_dropped"), {"before": before})
        _raise_fences(connection, dropped=before)
    log.info("rows before %s were dropped", before)
    return True


def raise_fences(access: Access, *, summary: datetime, ledger: datetime) -> None:
    """Keep rows of earlier seconds as they are, though the job is about to count anew.

    Raises:
        StoreError: PostgreSQL does not answer, or other transactions use the tables all the time.

    """
    with access.session(Role.OWNER) as connection:
        connection.execute(_sql("set_fences"), {"summary": summary, "ledger": ledger})
        _raise_fences(connection, dropped=state(connection).dropped_before)


def _delete_single_rows(connection: psycopg.Connection, before: datetime) -> None:
    """Delete what is not in a part that ends before a second, and add up what is dropped."""
    values = {"before": before}
    connection.execute(_sql("add_ledger"), values)
    connection.execute(_sql("subtract_without_record"))
    connection.execute(_sql("delete_gaps"))
    connection.execute(_sql("delete_sale_anomalies"))
    connection.execute(_sql("delete_traffic_anomalies"), values)
    connection.execute(_sql("add_duplicates"), values)
    for table, column in DIVIDED.items():
        for part in _parts(connection, table):
            whole = part.ends is not None and part.ends <= before
            later = part.begins is not None and part.begins >= before
            if not whole and not later:
                connection.execute(
                    _composed(
                        "delete_before",
                        part=sql.Identifier(part.name),
                        moment=sql.Identifier(column),
                        before=sql.Literal(before),
                    )
                )


def _lock(connection: psycopg.Connection) -> bool:
    """Lock the tables for the moment that dropping takes; return whether that was possible."""
    connection.execute(LOCK_TIMEOUT)
    for _ in range(MAX_ATTEMPTS):
        try:
            with connection.transaction(ATTEMPT):
                connection.execute(_sql("lock_tables"))
        except LockNotAvailable:
            continue
        return True
    return False


def _raise_fences(connection: psycopg.Connection, dropped: datetime | None) -> None:
    """Create the triggers that discard rows before the fences, which never go back."""
    found = state(connection)
    if found.summary_fence is not None:
        _fence(connection, "sales_summary", "window_start", "<", found.summary_fence)
    if found.ledger_fence is not None:
        _fence(connection, "ledger_second", "append_second", "<", found.ledger_fence)
    if dropped is None:
        return
    _fence(connection, "window_anomaly", "window_start", "<", dropped)
    _fence(connection, "duplicate_block", "block_end", "<=", dropped)
    cases = [
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(partition), sql.Literal(offset))
        for partition, offset in dropped_offsets(connection).items()
    ]
    if cases:
        condition = sql.SQL("new.kafka_offset <= CASE new.kafka_partition {} ELSE -1 END")
        _create_fence(connection, "sale_anomaly", condition.format(sql.SQL(" ").join(cases)))


def _fence(
    connection: psycopg.Connection, table: str, column: str, operator: str, bound: datetime
) -> None:
    before = sql.SQL("{} {} {}").format(
        sql.Identifier(column), sql.SQL(operator), sql.Literal(bound)
    )
    _create_fence(connection, table, sql.SQL("new.{}").format(before))
    if table in DIVIDED:
        _create_fence(connection, table, sql.SQL("old.{}").format(before), of_delete=True)


def _create_fence(
    connection: psycopg.Connection,
    table: str,
    condition: sql.Composable,
    *,
    of_delete: bool = False,
) -> None:
    connection.execute(
        _composed(
            "create_delete_fence" if of_delete else "create_fence",
            # Of several triggers the first name comes first: nothing is done for a discarded row.
            fence=sql.Identifier(f"{table}_a_{'delete_' if of_delete else ''}fence"),
            table=sql.Identifier(table),
            condition=condition,
        )
    )


def _create(
    connection: psycopg.Connection, table: str, name: str, begins: datetime, ends: datetime
) -> bool:
    """Create a part, unless rows of its time are there already or the table is in use."""
    command = _composed(
        "create_partition",
        part=sql.Identifier(name),
        table=sql.Identifier(table),
        begins=sql.Literal(begins),
        ends=sql.Literal(ends),
    )
    try:
        with connection.transaction():
            connection.execute(LOCK_TIMEOUT)
            connection.execute(command)
    except CheckViolation:
        log.info("%s is not created: rows of its time are in the part for all others", name)
        return False
    except LockNotAvailable:
        log.info("%s is created later: the table is in use", name)
        return False
    return True


def _parts(connection: psycopg.Connection, table: str) -> list[Part]:
    return [Part(*row) for row in connection.execute(_sql("partitions"), {"parent": table})]


def _period(moment: datetime, *, by_day: bool) -> datetime:
    """Return the beginning of the day or of the month of a moment, UTC."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if by_day else day.replace(day=1)


def _next_period(moment: datetime, *, by_day: bool) -> datetime:
    days = 1 if by_day else 32
    return _period(_period(moment, by_day=by_day) + timedelta(days=days), by_day=by_day)


def _sql(name: str) -> bytes:
    return statement("spaf.store", f"retention/{name}")


def _composed(file: str, **parts: sql.Composable) -> sql.Composed:
    return composed("spaf.store", f"retention/{file}", **parts)
