"""The tables on a real PostgreSQL: migrations, roles, the views of the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from spaf import clock
from spaf.errors import StoreError
from spaf.stack.run import Run
from spaf.store import migrate as module
from spaf.store import queries
from spaf.store.access import Access, Role
from spaf.store.statement import statement

SECOND = datetime(2025, 11, 22, 10, 30, tzinfo=UTC)
UPSERT = (
    "INSERT INTO sales_summary "
    "(window_start, category, currency, sales_count, units_sold, total_sales) "
    "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (window_start, category, currency) DO UPDATE "
    "SET sales_count = excluded.sales_count, units_sold = excluded.units_sold, "
    "total_sales = excluded.total_sales"
)
LEDGER = "INSERT INTO ledger_second VALUES (%s, %s, %s, %s, %s, %s, %s)"


@pytest.fixture
def access(stack: Run, name: Callable[[str], str]) -> Access:
    """Return the access to empty tables of the test's own."""
    found = stack.with_tables("unused", name("store")).access
    module.migrate(found)
    return found


def test_migrating_twice_does_nothing(stack: Run, name: Callable[[str], str]) -> None:
    """The first time applies every migration in order, the second none."""
    fresh = stack.with_tables("unused", name("store")).access
    assert module.migrate(fresh) == list(module.migrations())
    assert module.migrate(fresh) == []


def test_a_changed_migration_is_refused(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was changed after it was applied is named, and nothing else is applied."""
    first, *rest = module.migrations().items()
    changed = dict([(first[0], first[1] + "-- a word\n"), *rest, ("9999_new.sql", "SELECT 1")])
    monkeypatch.setattr(module, "migrations", lambda: changed)
    with pytest.raises(StoreError, match=first[0]) as failure:
        module.migrate(access)
    assert "spaf down --wipe" in failure.value.todo
    with access.connect(Role.OWNER) as connection:
        names = connection.execute("SELECT name FROM schema_migration").fetchall()
    assert ("9999_new.sql",) not in names


def test_a_broken_migration_leaves_nothing(
    stack: Run, name: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All migrations of one start are one transaction: half a schema is never seen."""
    fresh = stack.with_tables("unused", name("store")).access
    broken = {**module.migrations(), "9999_new.sql": "SELECT nonsense"}
    monkeypatch.setattr(module, "migrations", lambda: broken)
    with pytest.raises(StoreError, match=r"9999_new\.sql failed"):
        module.migrate(fresh)
    with fresh.connect(Role.READ) as connection:
        found = connection.execute("SELECT to_regnamespace(%s)", [fresh.schema]).fetchone()
    assert found == (None,)


def test_the_sink_writes_rows_and_nothing_else(access: Access) -> None:
    """An upsert replaces the row's numbers, keeps its creation and moves its change."""
    with access.connect(Role.SINK) as connection:
        connection.execute(UPSERT, [SECOND, "books", "BRL", 1, 2, Decimal("3.50")])
    with access.connect(Role.SINK) as connection:
        connection.execute(UPSERT, [SECOND, "books", "BRL", 2, 5, Decimal("9.99")])
    with access.connect(Role.READ) as connection:
        (row,) = queries.newest_sales(connection, 10)
    assert (row["sales_count"], row["units_sold"]) == (2, 5)
    assert row["total_sales"] == Decimal("9.99")
    assert row["updated_at"] > row["created_at"]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE sales_summary",
        "ALTER TABLE sales_summary ADD COLUMN more text",
        "TRUNCATE sales_summary",
        "CREATE TABLE mine (x integer)",
        "DELETE FROM schema_migration",
        "CREATE ROLE somebody",
        "COPY sales_summary TO PROGRAM 'true'",
        "COPY sales_summary TO '/tmp/sales'",
    ],
)
@pytest.mark.parametrize("role", [Role.SINK, Role.READ])
def test_neither_role_can_do_more(access: Access, role: Role, statement: str) -> None:
    """Neither the job's role nor the reader's changes tables or touches the machine."""
    with access.connect(role) as connection:
        connection.execute("SET TRANSACTION READ WRITE")
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_reader_only_reads(access: Access) -> None:
    """It cannot write by default, nor when it asks to, and no query of it runs for ever."""
    values = [SECOND, "books", "BRL", 1, 2, Decimal("3.50")]
    with access.connect(Role.READ) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("1min",)
        with pytest.raises(ReadOnlySqlTransaction):
            connection.execute(UPSERT, values)
        connection.rollback()
        connection.execute("SET TRANSACTION READ WRITE")
        with pytest.raises(InsufficientPrivilege):
            connection.execute(UPSERT, values)
    with access.connect(Role.READ) as connection:
        assert queries.newest_sales(connection, 10) == []


def test_the_counters_of_the_database_grow(access: Access) -> None:
    """Every role may read them; what is written ahead is counted at once."""
    with access.session(Role.READ, autocommit=True) as connection:
        before = queries.database_counters(connection)
        with access.session(Role.OWNER, autocommit=True) as writer:
            writer.execute("CREATE TABLE counted AS SELECT generate_series(1, 1000)")
        after = queries.database_counters(connection)
    assert after.wal_bytes > before.wal_bytes
    assert after.commits >= before.commits > 0


def test_the_query_of_the_brief_uses_the_index(access: Access) -> None:
    """The newest rows are read from the end of an index, not sorted out of the whole table."""
    with access.connect(Role.READ) as connection:
        connection.execute("SET enable_seqscan = off")
        query = b"EXPLAIN " + statement("spaf.store", "queries/newest_sales")
        plan = connection.execute(query, {"limit": 10}).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert re.search(r"Index Scan Backward using sales_summary_\w*created_at", text)
    assert "Sort" not in text


def test_a_change_is_told_to_who_listens(access: Access) -> None:
    """Each changed row once, fourteen in a notification, the largest names and sums included."""
    category = "\N{GRINNING FACE}" * 64
    most, money = 2**63 - 1, Decimal("9" * 36 + ".99")
    with (
        access.connect(Role.READ, autocommit=True) as listener,
        access.connect(Role.SINK) as writer,
    ):
        listener.execute(f'LISTEN "sales_{access.schema}"'.encode())
        rows = [
            (SECOND + timedelta(seconds=n), category, "BRL", n, most, money) for n in range(1, 21)
        ]
        writer.execute(
            "INSERT INTO sales_summary SELECT * FROM unnest("
            "%s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::numeric[])",
            [list(column) for column in zip(*rows, strict=True)],
        )
        writer.commit()
        notices = [json.loads(n.payload) for n in listener.notifies(timeout=30, stop_after=2)]
    assert [len(news) for news in notices] == [14, 6] or [len(news) for news in notices] == [6, 14]
    found = sorted(news for notice in notices for news in notice)
    expected = [[int(row[0].timestamp()), category, "BRL", row[3], most, "9" * 38] for row in rows]
    assert [news[:6] for news in found] == expected
    assert all(abs(news[6] - clock.now_ms()) < 60_000 for news in found)


def test_an_anomaly_is_told_once(access: Access) -> None:
    """When it is found, and not when it is written again; money in cents, counts as they are."""
    sale = (
        "INSERT INTO sale_anomaly (kafka_partition, kafka_offset, kind, transaction_id, category, "
        "amount, expected, score) VALUES (0, 7, 'price_x10', 't', 'books', 12.34, 1.2, 9.5) "
        "ON CONFLICT (kafka_partition, kafka_offset, kind) DO UPDATE SET score = excluded.score"
    )
    second = (
        "INSERT INTO window_anomaly (window_start, category, kind, observed, expected, score) "
        "VALUES ('2025-11-22T10:30:00Z', 'books', 'surge', 40, 10.5, 6)"
    )
    with (
        access.connect(Role.READ, autocommit=True) as listener,
        access.connect(Role.SINK, autocommit=True) as writer,
    ):
        listener.execute(f'LISTEN "anomalies_{access.schema}"'.encode())
        for statement in (sale, sale, second):
            writer.execute(statement.encode())
        notices = [json.loads(n.payload) for n in listener.notifies(timeout=30, stop_after=2)]
    (one,), (two,) = notices
    assert one[:5] == ["price_x10", "books", "1234", "120", 9.5]
    assert one[6:] == [0, 7, "t"]
    assert two[:5] == ["surge", "books", 40, 10.5, 6]
    assert two[6] == int(SECOND.timestamp())


def test_no_row_steps_back(access: Access) -> None:
    """A job that counts again since its checkpoint writes the values of before; none is shown."""
    row = (SECOND, "eletronicos", "BRL")
    with access.connect(Role.SINK, autocommit=True) as sink:
        for count in (5, 3, 5, 6):
            sink.execute(UPSERT, (*row, count, count, Decimal(count)))
            shown = sink.execute("SELECT sales_count, total_sales FROM sales_summary").fetchone()
            assert shown == (max(count, 5), max(count, 5))
        for end in (9, 7, 9, 11):
            again = " ON CONFLICT (kafka_partition, append_second) DO UPDATE SET"
            again += " accepted = excluded.accepted, max_offset = excluded.max_offset"
            sink.execute(LEDGER + again, (0, SECOND, end + 1, 0, 0, 0, end))
            shown = sink.execute("SELECT accepted, max_offset FROM ledger_second").fetchone()
            assert shown == (max(end, 9) + 1, max(end, 9))


def test_sink_cannot_make_a_row_disappear(access: Access) -> None:
    """It deletes one between the two halves of a change; readers would miss its sales."""
    row = (SECOND, "eletronicos", "BRL")
    delete = "DELETE FROM {} WHERE {} = %s"
    with access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute(UPSERT, (*row, 5, 5, Decimal(5)))
        sink.execute(LEDGER, (0, SECOND, 5, 0, 0, 0, 4))
        sink.execute(delete.format("sales_summary", "window_start").encode(), [SECOND])
        sink.execute(delete.format("ledger_second", "append_second").encode(), [SECOND])
        assert (queries.counted_sales(sink), queries.readable_records(sink)) == (5, 5)
        sink.execute(UPSERT, (*row, 0, 0, Decimal(0)))
        assert queries.counted_sales(sink) == 0, "a second that has lost its only sale is deleted"
    with access.session(Role.SINK) as sink:
        queries.delete_counts(sink)
        assert queries.readable_records(sink) == 0


def test_counts_shrink_for_a_job_that_removes_copies(access: Access) -> None:
    """A sale moves to the second of its earlier copy."""
    row = (SECOND, "eletronicos", "BRL")
    with access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute("SET spaf.counts_may_shrink = 'on'")
        for count in (2, 1):
            sink.execute(UPSERT, (*row, count, count, Decimal(count)))
        assert sink.execute("SELECT sales_count FROM sales_summary").fetchone() == (1,)


# Partition → its position (start, done), its seconds, and what the ledger must say of it as
# (second, accepted, late, rejected, min_offset, max_offset).
Seconds = list[tuple[int, int, int, int, int, int]]
CASES: dict[str, tuple[tuple[int, int], Seconds, Seconds]] = {
    "no gap": ((0, 10), [(0, 7, 2, 1, 0, 9)], [(0, 7, 2, 1, 0, 9)]),
    "a gap inside a second": ((0, 10), [(0, 3, 1, 1, 0, 9)], [(0, 3, 1, 6, 0, 9)]),
    "a gap between two seconds is the later one's": (
        (0, 12),
        [(0, 3, 0, 0, 0, 2), (1, 4, 0, 0, 8, 11)],
        [(0, 3, 0, 0, 0, 2), (1, 4, 0, 5, 3, 11)],
    ),
    "a gap at the start": ((5, 12), [(0, 4, 0, 0, 8, 11)], [(0, 4, 0, 3, 5, 11)]),
    "a gap at the end, as far as a checkpoint says": (
        (0, 20),
        [(0, 2, 0, 0, 0, 1), (2, 1, 1, 0, 2, 3)],
        [(0, 2, 0, 0, 0, 1), (2, 1, 1, 16, 2, 19)],
    ),
    "rows that are ahead of the checkpoint": (
        (0, 2),
        [(0, 2, 0, 0, 0, 1), (1, 3, 0, 0, 2, 4)],
        [(0, 2, 0, 0, 0, 1), (1, 3, 0, 0, 2, 4)],
    ),
    "garbage only": ((3, 9), [], [(-1, 0, 0, 6, 3, 8)]),
    "nothing at all": ((4, 4), [], []),
}


@pytest.fixture
def ledger(access: Access) -> Access:
    """Return tables with a partition for each case."""
    with access.connect(Role.SINK) as connection:
        for partition, ((start, done), seconds, _) in enumerate(CASES.values()):
            queries.upsert_position(connection, {partition: start}, {partition: done})
            for second, *rest in seconds:
                moment = SECOND + timedelta(seconds=second)
                connection.execute(LEDGER, [partition, moment, *rest])
    return access


def test_gaps_between_offsets_are_rejected_records(ledger: Access) -> None:
    """What the job never saw is counted, in the right second, from start to checkpoint."""
    with ledger.connect(Role.READ) as connection:
        rows = queries.ledger(connection)
    found: dict[int, list[tuple[Any, ...]]] = {partition: [] for partition in range(len(CASES))}
    for partition, second, *rest in sorted(rows):
        # A partition of garbage has no second of its own: it gets that of its checkpoint.
        place = second - int(SECOND.timestamp())
        found[partition].append((place if 0 <= place < 60 else -1, *rest))
    for partition, (case, (_, _, expected)) in enumerate(CASES.items()):
        assert found[partition] == [(*row, 0) for row in expected], case


def test_the_account_agrees_with_the_ledger(ledger: Access) -> None:
    """The sums of a partition are those of its seconds, and every offset is in one of them."""
    with ledger.connect(Role.READ) as connection:
        accounts = queries.ingest_account(connection)
    assert len(accounts) == len(CASES)
    for account, (case, (_, _, expected)) in zip(accounts, CASES.items(), strict=True):
        sums = [sum(row[column] for row in expected) for column in (1, 2, 3)]
        assert [account["accepted"], account["late"], account["rejected"]] == sums, case
        assert account["end_offset"] - account["start_offset"] == sum(sums), case


def test_a_day_of_seconds_is_read_in_one_pass(access: Access) -> None:
    """Also when PostgreSQL knows the size of the table: a look-up a second would take hours."""
    with access.connect(Role.OWNER, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ledger_second SELECT 0, timestamp '2026-01-01' + g * interval '1 second', "
            "1, 0, 0, 2 * g, 2 * g FROM generate_series(0, 86399) AS g"
        )
        connection.execute("ANALYZE ledger_second")
        queries.upsert_position(connection, {0: 0}, {0: 2 * 86_400})
        rows = queries.ledger(connection)
    assert len(rows) == 86_400
    assert sum(rejected for _, _, _, _, rejected, *_ in rows) == 86_400


def test_a_position_is_written_once_and_moves_on(access: Access) -> None:
    """The start stays where the job began; the end follows it."""
    with access.connect(Role.SINK) as connection:
        queries.upsert_position(connection, {0: 3}, {0: 3})
        queries.upsert_position(connection, {0: 0}, {0: 8})
    with access.connect(Role.READ) as connection:
        (row,) = queries.ingest_account(connection)
        assert queries.done_offsets(connection) == {0: 8}
    assert (row["start_offset"], row["end_offset"]) == (3, 8)


def test_coarser_grains_hold_the_same_money(access: Access) -> None:
    """Minutes and days are sums of seconds; currencies stay apart; a day ends at midnight UTC."""
    midnight = datetime(2025, 11, 22, 23, 59, 59, tzinfo=UTC)
    with access.connect(Role.SINK) as connection:
        for offset, currency in ((-1, "BRL"), (0, "BRL"), (0, "USD"), (1, "BRL")):
            moment = midnight + timedelta(seconds=offset)
            connection.execute(UPSERT, [moment, "books", currency, 1, 2, Decimal("0.10")])
    query = "SELECT currency, sales_count, total_sales FROM {} ORDER BY window_start, currency"
    expected = [
        ("BRL", 2, Decimal("0.20")),
        ("USD", 1, Decimal("0.10")),
        ("BRL", 1, Decimal("0.10")),
    ]
    with access.connect(Role.READ) as connection:
        for view in ("sales_minute", "sales_day"):
            assert connection.execute(query.format(view).encode()).fetchall() == expected


def test_an_unreachable_database_is_one_message() -> None:
    """The message names address and account, never the password."""
    away = Access.external("postgresql://me:secret@127.0.0.1:1/none", "public")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1 refused me") as failure:
        away.connect(Role.READ)
    assert "secret" not in str(failure.value)
    assert isinstance(failure.value.__cause__, psycopg.OperationalError)
