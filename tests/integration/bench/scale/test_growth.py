"""Two levels of a factor, measured on the real services; rows that are loaded."""

from __future__ import annotations

import contextlib

import pytest

from spaf.bench.progress import no_progress
from spaf.bench.scale import level as level_module
from spaf.bench.scale.factors import FACTORS, Conditions
from spaf.bench.scale.growth import Growth
from spaf.bench.scale.level import Timing, level_job
from spaf.bench.scale.preload import ROWS_PER_SECOND, load_rows
from spaf.bench.scale.scale import FactorResult
from spaf.errors import JobError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.job.flink_client import FlinkClient
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.statement import statement
from tests.support.runs import Own

# Sales that are left out and measured, seconds; sales a second.
TIMING = Timing(0.2, 1.0)
RATES = (100.0, 1_000.0)
TABLE_OF_TEN = """
    SELECT count(*), count(DISTINCT window_start), count(DISTINCT category), bool_and(
        created_at = window_start + interval '1 second'
    )
    FROM sales_summary
"""
COUNTED_BEFORE = """
    INSERT INTO ledger_second VALUES (0, '2025-11-22T09:26:40Z', 7, 0, 0, 0, 6)
"""
BOUNDS = """
    SELECT
        extract(epoch FROM min(window_start))::bigint,
        extract(epoch FROM max(window_start))::bigint + 1
    FROM sales_summary
"""
DIFFERENCES = """
    SELECT
        (SELECT count(*) FROM (TABLE loaded EXCEPT ALL TABLE sales_summary) AS d),
        (SELECT count(*) FROM (TABLE sales_summary EXCEPT ALL TABLE loaded) AS d)
"""
INDEXES = """
    SELECT indexdef
    FROM pg_indexes
    WHERE tablename = 'sales_summary' AND schemaname = %s
    ORDER BY 1
"""


def test_the_cost_of_a_sale_falls_with_the_rate(
    stack: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One job sells both levels; each has its cost, latency, memory and state."""
    monkeypatch.setitem(FACTORS, "rate", FACTORS["rate"]._replace(fixed={"records": 1_000}))
    growth = Growth(stack.settings, lambda _: None, no_progress)
    monkeypatch.setattr(growth, "_on", lambda _: stack)
    with contextlib.closing(growth):
        growth.measure_factor("rate", RATES, TIMING, repeats=1)
    assert not growth.failures
    found = FactorResult.of("rate", growth.factors["rate"])
    assert [one.level for one in found.levels] == list(RATES)
    for level in found.levels:
        (measured,) = level.repeats
        assert level.counted
        assert 0.5 * level.level <= measured.sales <= 1.5 * level.level
        assert 0 < measured.taskmanager_us < measured.stack_us
        assert measured.p50 is not None
        assert measured.p99 is not None
        assert 0 < measured.p50 <= measured.p99
        assert {"kafka", "jobmanager", "taskmanager", "postgres"} <= set(measured.memory_mib)
    slope = found.slopes["stack_us"]
    assert slope is not None
    assert slope.exponent < 0
    with contextlib.closing(FlinkClient(stack.flink)) as client:
        jobs = client.get("/jobs/overview")["jobs"]
    states = [job["state"] for job in jobs if "scale_" in job["name"]]
    assert states == ["CANCELED"]


def test_the_job_of_a_visit_counts_its_own_records(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sales begin once it has read the topic, not once the job of an earlier visit had."""
    run = own(1)
    counted: list[int] = []

    def started(target: Run, *_: object, **__: object) -> None:
        with target.access.session(Role.READ, autocommit=True) as connection:
            counted.append(queries.readable_records(connection))
        raise JobError("seen")

    with run.access.session(Role.OWNER, autocommit=True) as connection:
        connection.execute(COUNTED_BEFORE)
        assert queries.readable_records(connection) == 7
    monkeypatch.setattr(level_module, "own_job", started)
    with pytest.raises(JobError), level_job(run, Conditions(), no_progress):
        pass
    assert counted == [0]


def test_loaded_rows_are_those_of_the_statement(own: Own) -> None:
    """The bytes that COPY reads hold the rows which the statement makes one by one."""
    run = own(1)
    load_rows(run, 700_000, no_progress)
    with run.access.session(Role.READ, autocommit=True) as connection:
        bounds = connection.execute(BOUNDS).fetchone()
        assert bounds is not None
    with run.access.session(Role.OWNER) as connection:
        connection.execute("CREATE TEMPORARY TABLE loaded AS TABLE sales_summary")
        connection.execute("TRUNCATE sales_summary")
        values = {"categories": list(CATEGORIES[:ROWS_PER_SECOND]), "currency": "BRL"}
        span = {"first": bounds[0], "last": bounds[1]}
        connection.execute(statement("spaf.bench", "insert_day"), values | span)
        assert connection.execute(DIFFERENCES).fetchone() == (0, 0)


def test_loaded_rows_are_like_those_of_the_job(own: Own) -> None:
    """A row a second and category; the table has its key and its index."""
    run = own(1)
    with run.access.session(Role.READ, autocommit=True) as connection:
        schema = run.access.schema
        before = connection.execute(INDEXES, (schema,)).fetchall()
        load_rows(run, 1_000, no_progress)
        assert connection.execute(INDEXES, (schema,)).fetchall() == before
        assert connection.execute(TABLE_OF_TEN).fetchone() == (1_000, 100, 10, True)
