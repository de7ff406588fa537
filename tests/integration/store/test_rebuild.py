"""Tables that were built anew take the place of others, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from spaf.errors import StoreError
from spaf.stack.run import Run
from spaf.store import job_record, queries, rebuild
from spaf.store.access import Access, Role
from spaf.store.job_record import JobClaim, JobRecord
from spaf.store.migrate import migrate

SECOND = datetime(2025, 11, 22, 10, 30, tzinfo=UTC)
INSERT = (
    "INSERT INTO sales_summary "
    "(window_start, category, currency, sales_count, units_sold, total_sales) "
    "VALUES (%s, 'books', 'BRL', %s, 1, 1)"
)
# Rights that everybody has on a table.
TO_ALL = (
    "SELECT count(*) FROM pg_class AS c, aclexplode(c.relacl) AS a "
    "WHERE c.oid = 'ledger_second'::regclass AND a.grantee = 0"
)
CLAIM = JobClaim("id host:/run", "c1", "plan", "spaf-job-2", "topic")


@pytest.fixture
def access(stack: Run, name: Callable[[str], str]) -> Access:
    """Return the access to tables of the test's own, with one row."""
    found = stack.with_tables("unused", name("store")).access
    migrate(found)
    insert(found, 1)
    return found


def insert(access: Access, sales: int) -> None:
    """Insert a row."""
    with access.session(Role.SINK) as connection:
        connection.execute(INSERT, [SECOND, sales])


def execute(access: Access, *statements: str) -> None:
    """Run statements as the owner."""
    with access.session(Role.OWNER) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def one(access: Access, query: str) -> object:
    """Return the one value of a query of the reader."""
    with access.session(Role.READ) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_tables_that_were_built_replace_the_others(access: Access) -> None:
    """With views, rights, triggers and the record of their job; nothing is left of the old ones."""
    execute(
        access,
        "CREATE VIEW mine AS SELECT sum(sales_count) AS sales FROM sales_summary",
        "GRANT SELECT ON mine TO spaf_read",
        "GRANT TRUNCATE ON sales_summary TO spaf_read",
        "GRANT SELECT ON ledger_second TO PUBLIC",
    )
    new = rebuild.create(access)
    insert(new, 7)
    with new.session(Role.SINK) as connection:
        job_record.claim(connection, CLAIM, resumes=False)
    assert rebuild.exists(access)
    assert (one(access, "SELECT sales FROM mine"), counted(access)) == (1, 1)
    with access.connect(Role.READ, autocommit=True) as listener:
        listener.execute(f'LISTEN "sales_{access.schema}"'.encode())
        assert rebuild.swap(access)
        payloads = [note.payload for note in listener.notifies(timeout=5, stop_after=1)]
    assert payloads == [rebuild.REPLACED]
    rebuild.drop(access)
    assert not rebuild.exists(access)
    assert (one(access, "SELECT sales FROM mine"), counted(access)) == (7, 7)
    assert one(access, "SELECT sum(sales_count) FROM sales_day") == 7
    with access.session(Role.READ) as connection:
        record = job_record.read(connection)
    assert (record.group, record.claim, record.plan) == ("spaf-job-2", "c1", "plan")
    assert one(access, "SELECT has_table_privilege('spaf_read', 'sales_summary', 'TRUNCATE')")
    assert one(access, TO_ALL) == 1
    # Its triggers are those of these tables: a row without sales is deleted.
    insert(access, 0)
    assert counted(access) == 0
    assert rebuild.create(access).schema == new.schema, "it can be done again"
    rebuild.drop(access)


def counted(access: Access) -> int:
    """Return how many sales the tables hold."""
    with access.session(Role.READ) as connection:
        return queries.counted_sales(connection)


def test_sink_finds_its_tables_before_and_after(access: Access) -> None:
    """Its connection looks in both schemas, and its statements are prepared."""
    new = rebuild.create(access)
    path = f"{new.schema},{access.schema}"
    assert f"currentSchema={new.schema}%2C{access.schema}&" in new.jdbc_url(moves_to=access.schema)
    update = "UPDATE sales_summary SET sales_count = sales_count + 1"
    insert(new, 10)
    with access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute(f"SET search_path = {path}")
        sink.execute(update.encode(), prepare=True)
        assert (counted(new), counted(access)) == (11, 1)
        assert rebuild.swap(access)
        sink.execute(update.encode(), prepare=True)
        assert counted(access) == 12
        rebuild.drop(access)
        sink.execute(update.encode(), prepare=True)
    assert counted(access) == 13


def test_swap_waits_for_a_reader_without_holding_others_up(access: Access) -> None:
    """It is tried again when the reader has ended."""
    insert(rebuild.create(access), 7)
    with access.connect(Role.READ) as reader:
        reader.execute("SELECT count(*) FROM sales_summary")
        assert not rebuild.swap(access)
        assert counted(access) == 1
    assert rebuild.swap(access)
    assert counted(access) == 7
    rebuild.drop(access)


def test_what_depends_on_the_tables_is_named(access: Access) -> None:
    """Views of the same account are led to the new tables, the rest is not."""
    execute(access, "CREATE VIEW mine AS SELECT count(*) AS seconds FROM ledger_second")
    assert rebuild.blockers(access) == []
    execute(
        access,
        "CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS sales FROM sales_summary",
        "CREATE TABLE noted (block_start timestamptz REFERENCES duplicate_block)",
    )
    assert rebuild.blockers(access) == [
        f"foreign key of {access.schema}.noted",
        f"materialized view {access.schema}.kept",
    ]


def test_schema_of_another_owner_is_not_changed(access: Access) -> None:
    """Whatever it is called."""
    theirs = rebuild.built(access).schema
    execute(access, f"CREATE SCHEMA {theirs}")
    for act in (rebuild.create, rebuild.drop, rebuild.exists):
        with pytest.raises(StoreError, match=f"The schema {theirs} is needed"):
            act(access)
    assert one(access, f"SELECT to_regnamespace('{theirs}') IS NOT NULL")


def test_record_of_a_job_is_kept_by_its_run_alone(access: Access) -> None:
    """Another one that has taken it over is distinguished from it."""
    mine = JobRecord("", CLAIM.owner, claim="c1", job_id="j", checkpoint="s3://b/chk-1")
    with access.session(Role.SINK) as connection:
        assert job_record.read(connection) == JobRecord("spaf-job")
        job_record.claim(connection, CLAIM, resumes=False)
        assert job_record.keep(connection, mine)
        assert not job_record.keep(connection, mine._replace(owner="other"))
        assert not job_record.keep(connection, mine._replace(claim="c2"))
        job_record.claim(connection, CLAIM._replace(claim="c2"), resumes=True)
        resumed = job_record.read(connection)
        assert (resumed.checkpoint, resumed.job_id) == ("s3://b/chk-1", "")
        assert resumed.owner_age_s is not None
        job_record.release(connection, mine._replace(claim="c2"))
        assert job_record.read(connection).owner_age_s is None
        job_record.claim(connection, CLAIM, resumes=False)
        assert job_record.read(connection).checkpoint == ""
    with access.connect(Role.READ) as connection, pytest.raises(psycopg.Error):
        job_record.claim(connection, CLAIM, resumes=False)


def test_money_is_that_of_the_new_tables(access: Access) -> None:
    """A view of SPAF's own reads them by their new names."""
    new = rebuild.create(access)
    with new.session(Role.SINK) as connection:
        connection.execute(
            "INSERT INTO sales_summary VALUES (%s, 'toys', 'BRL', 2, 2, 3.50)", [SECOND]
        )
    assert rebuild.swap(access)
    rebuild.drop(access)
    assert one(access, "SELECT total_sales FROM sales_minute") == Decimal("3.50")
