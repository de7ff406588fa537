"""A run whose Kafka, Flink and PostgreSQL are external."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings, KafkaSettings, PostgresSettings, Settings
from spaf.stack import control, runtime
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.stack.service_names import LOCUST, QUARANTINE, SERVE
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.admin import ensure_topic
from tests.support.runs import Send
from tests.support.suspend import stopped

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
