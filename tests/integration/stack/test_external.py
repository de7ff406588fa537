"""A run whose Kafka, Flink and PostgreSQL are external."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from spaf.bench.run.verdict import verify
from spaf.job.flink_client import FlinkClient
from spaf.settings import (
    FlinkSettings,
    JobSettings,
    KafkaSettings,
    PostgresSettings,
    Settings,
)
from spaf.stack import control, job_orders, runtime
from spaf.stack.job_changes import REPLACED
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.stack.service_names import LOCUST, QUARANTINE, SERVE
from spaf.stack.state import JobAction, JobState
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.admin import ensure_topic
from tests.support.runs import Send
from tests.support.suspend import stopped
from tests.support.upgrades import SUMS, reading, restored, selling, steps_back

SALE = b'{"productId":"p","productCategory":"books","productPrice":2.50,"productQuantity":2}'
SALES = 20
PATIENCE_S = 60.0
# Within which a cause is named, as promised, and a reserve for a busy machine, seconds.
NAMED_S = 5.0 + 25.0


def settings_of(stack: Run, topic: str, schema: str, home: Path) -> Settings:
    """Return settings of a run that brings nothing but itself."""
    access = stack.access
    dsn = make_conninfo(
        host=access.host,
        port=access.port,
        dbname=access.database,
        user=Role.OWNER,
        password=access.passwords[Role.OWNER],
    )
    return stack.settings.model_copy(
        update={
            "home": home,
            "kafka": KafkaSettings(bootstrap_servers=stack.kafka, topic=topic),
            "flink": FlinkSettings(rest_url=stack.flink),
            "postgres": PostgresSettings(dsn=SecretStr(dsn), schema_name=schema),
        }
    )


def cause(run: Run) -> str:
    """Return the code of what stops the sales; empty without."""
    found = run.trouble()
    return "" if found is None else found.code


def test_only_what_is_missing_is_started(
    stack: Run, name: Callable[[str], str], send: Send, tmp_path: Path
) -> None:
    """Only what belongs to no service is started; the job over there is gone after `down`."""
    topic, schema = name("sales"), name("answers")
    ensure_topic(stack.kafka, topic, 1)
    send(stack.with_tables(topic, schema), 0, [SALE] * SALES)
    settings = settings_of(stack, topic, schema, tmp_path / "home")
    with closing(FlinkClient(stack.flink)) as client:
        job = ""
        try:
            state = control.up(settings, lambda _: None, end_with_us=True)
            job = state.job.id
            run = Run(settings, state)

            def accepted() -> int:
                with run.access.connect(Role.READ) as connection:
                    return queries.counted_sales(connection)

            assert wait_until(lambda: accepted() == SALES, PATIENCE_S)
            ours = [SERVE, LOCUST, QUARANTINE]

            def states() -> list[str]:
                known = run.state().services
                return [known[name].state for name in ours if name in known]

            assert wait_until(lambda: states() == ["running"] * 3, PATIENCE_S), run.state()
            services = run.state().services
            places = {name: service.state for name, service in services.items()}
            assert places == {
                "kafka": "external",
                "postgres": "external",
                "jobmanager": "external",
                LOCUST: "running",
                SERVE: "running",
                QUARANTINE: "running",
            }
            assert [name for name, service in services.items() if service.pid is not None] == ours
            assert services["jobmanager"].address == stack.flink
            request = run.job_target("any").request(settings, None)
            assert request.jars == tuple(jar.as_uri() for jar in runtime.connector_jars())
            status = client.status(job)
            assert status is not None
            assert status.running
            broker = stack.state().services["kafka"].pid
            assert broker is not None
            with stopped(broker):
                # Whether its process is suspended can only be seen on its own machine.
                assert wait_until(lambda: cause(run) == "kafka_silent", NAMED_S), run.trouble()
            assert wait_until(lambda: run.trouble() is None, PATIENCE_S), run.trouble()
        finally:
            assert control.down(settings)
        assert not control.down(settings)
        assert wait_until(
            lambda: getattr(client.status(job), "state", "") == "CANCELED", PATIENCE_S
        )
    assert stack.state().phase == "running", "the services of others were touched"


# Flushed otherwise, the job goes on from a savepoint; with another score it counts anew.
JOB = JobSettings(checkpoint_ms=500)
FLUSHED = JobSettings(checkpoint_ms=500, flush_ms=20)
REBUILT = JobSettings(checkpoint_ms=500, flush_ms=20, surge_score=5.0)
# Retention drops whole parts: no row may be in the part for all times that have none.
IN_NO_PART = """
SELECT count(*) FROM sales_summary WHERE tableoid::regclass::text LIKE '%_other'
"""


def upgrade(run: Run, job: JobSettings) -> JobState:
    """Do what `spaf job upgrade` does with other settings, and return the state of the job then."""
    changed = Run(run.settings.model_copy(update={"job": job}), run.state())
    job_orders.wait_for(changed, job_orders.give(changed, JobAction.UPGRADE))
    return job_orders.wait_until_running(changed)


# Three jobs are planned, each by a JVM of its own.
@pytest.mark.timeout(300)
def test_upgrade_of_an_external_job_shows_readers_no_gap(
    stack: Run, name: Callable[[str], str], tmp_path: Path
) -> None:
    """From a savepoint, and into new tables; it counts on after each, and every row is exact."""
    topic, schema = name("sales"), name("answers")
    ensure_topic(stack.kafka, topic, 1)
    usual = settings_of(stack, topic, schema, tmp_path / "home")
    flink = FlinkSettings(rest_url=stack.flink, checkpoints=(tmp_path / "storage").as_uri())
    settings = usual.model_copy(update={"flink": flink, "job": JOB})
    try:
        run = Run(settings, control.up(settings, lambda _: None, end_with_us=True))

        def counted() -> int:
            with run.access.connect(Role.READ) as connection:
                return queries.counted_sales(connection)

        def counts_on() -> None:
            before = counted()
            assert wait_until(lambda: counted() > before + SALES, PATIENCE_S), run.state().job

        with selling(run, SALE):
            assert wait_until(lambda: counted() > SALES, PATIENCE_S), run.state().job
            with reading(run.access, SUMS) as found:
                resumed = upgrade(run, FLUSHED)
                counts_on()
                with closing(FlinkClient(stack.flink)) as client:
                    assert restored(client, resumed.id) == resumed.resumed_from
                assert "/savepoints/savepoint-" in resumed.resumed_from
                assert upgrade(run, REBUILT).upgraded == REPLACED
                counts_on()
        ends = run.end_offsets()
        assert wait_until(lambda: counted() == sum(ends.values()), PATIENCE_S), run.state().job
        with run.access.connect(Role.READ) as connection:
            assert connection.execute(IN_NO_PART).fetchone() == (0,)
        verdict = verify(Run(run.settings.model_copy(update={"job": REBUILT}), run.state()))
    finally:
        control.down(settings)
    assert steps_back(found, SUMS) == []
    assert list(map(str, verdict.differences)) == []
    assert verdict.exact
