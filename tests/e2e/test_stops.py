"""Each way in which sales stop reaching the tables is named within seconds, everywhere alike.

A fault is provoked in a run under load. Then `spaf status` fails, and status and page name the
cause. The fault is lifted, and the run goes on by itself; at the end every sale is counted once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from spaf import clock
from spaf.bench.run.load import Load, offered
from spaf.bench.run.verdict import wait_until_done
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.stack.state import SUPERUSER_SECRET
from spaf.topic.admin import admin_client, describe
from tests.support.commands import Answer, Spaf
from tests.support.suspend import stopped

# Within which a cause is named, as promised, and a reserve for a busy machine, seconds.
NAMED_S = 5.0 + 25.0
# For the first sale of a load, on a busy machine.
STARTED_S = 60.0
# The slowest way back: a TaskManager that is started again, and its job, on a busy machine.
BACK_S = 90.0
# A command that waits for a job that cannot come would take a minute or more.
AT_ONCE_S = 20.0
# Kafka has begun or ended a transaction within this.
TRANSACTION_S = 30.0


@pytest.fixture(scope="module")
def run(recovery_settings: Settings) -> Run:
    """Return the run, started unless it is up, with its page."""
    state = control.up(recovery_settings, lambda _: None, end_with_us=True)
    assert control.wait_for_page(recovery_settings, lambda _: None)
    return Run(recovery_settings, state)


@pytest.fixture(scope="module")
def load(run: Run) -> Iterator[Load]:
    """Yield a load that sells, and is counted, while the tests of this file run."""
    load = Load(run, offered(run), rate=30, seconds=900)
    assert wait_until(lambda: load.done or sum(run.end_offsets().values()) > 0, STARTED_S)
    wait_until_done(run, run.end_offsets())
    yield load
    load.stop()


@contextlib.contextmanager
def superuser(run: Run) -> Iterator[psycopg.Connection]:
    """Connect as a person who may do anything in the database."""
    access = run.access
    password = run.home.passwords()[SUPERUSER_SECRET]
    with psycopg.connect(
        host=access.host,
        port=access.port,
        user="postgres",
        password=password,
        dbname=access.database,
        options=f"-csearch_path={access.schema}",
        autocommit=True,
    ) as connection:
        yield connection


def locked(table: str, mode: str) -> Callable[[Run], AbstractContextManager[None]]:
    """Return a fault: another session holds a lock on a table."""

    @contextlib.contextmanager
    def fault(run: Run) -> Iterator[None]:
        with superuser(run) as connection, connection.transaction():
            connection.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield

    return fault


@contextlib.contextmanager
def revoked(run: Run) -> Iterator[None]:
    """Take a right from the sink."""
    with superuser(run) as connection:
        connection.execute("REVOKE INSERT ON sales_summary FROM spaf_sink")
        try:
            yield
        finally:
            connection.execute("GRANT INSERT ON sales_summary TO spaf_sink")


def suspended(name: str) -> Callable[[Run], AbstractContextManager[None]]:
    """Return a fault: the process of a service is suspended."""

    @contextlib.contextmanager
    def fault(run: Run) -> Iterator[None]:
        pid = run.state().services[name].pid
        assert pid is not None
        with stopped(pid):
            yield

    return fault


@contextlib.contextmanager
def silent_session(run: Run) -> Iterator[None]:
    """Suspend the sessions of the sink; the server itself still answers."""
    server = run.state().services["postgres"].pid
    assert server is not None
    children = psutil.Process(server).children()
    with contextlib.ExitStack() as stack:
        for child in children:
            if "spaf_sink" in " ".join(child.cmdline()):
                stack.enter_context(stopped(child.pid))
        yield


@contextlib.contextmanager
def silent_supervisor(run: Run) -> Iterator[None]:
    """Suspend the process that reports."""
    with stopped(run.state().supervisor_pid):
        yield


@contextlib.contextmanager
def hanging_transaction(run: Run) -> Iterator[None]:
    """Send a sale in a transaction that does not end."""
    options = {"bootstrap.servers": run.kafka, "transactional.id": "hangs"}
    producer = Producer(options)
    producer.init_transactions(TRANSACTION_S)
    producer.begin_transaction()
    producer.produce(run.topic, b"{}", partition=0)
    producer.flush(TRANSACTION_S)
    try:
        yield
    finally:
        producer.abort_transaction(TRANSACTION_S)


def altered(option: str, value: str, usual: str) -> Callable[[Run], AbstractContextManager[None]]:
    """Return a fault: an option of the topic has another value."""

    @contextlib.contextmanager
    def fault(run: Run) -> Iterator[None]:
        alter(run, option, value)
        try:
            yield
        finally:
            alter(run, option, usual)

    return fault


def alter(run: Run, option: str, value: str) -> None:
    """Set an option of the topic."""
    entry = ConfigEntry(option, value, incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ResourceType.TOPIC, run.topic, incremental_configs=[entry])
    admin_client(run.kafka).incremental_alter_configs([topic])[topic].result()


# Fault, codes by which it may be named, stage, a part of the sentence.
FAULTS: dict[str, tuple[Callable[[Run], AbstractContextManager[None]], set[str], str, str]] = {
    "a locked table": (
        locked("sales_summary", "ACCESS EXCLUSIVE"),
        {"postgres_lock"},
        "postgres",
        "LOCK TABLE sales_summary",
    ),
    "a locked position": (
        locked("topic_position", "EXCLUSIVE"),
        {"postgres_lock"},
        "postgres",
        "LOCK TABLE topic_position",
    ),
    "a suspended broker": (suspended("kafka"), {"process_stopped"}, "kafka", "kill -CONT"),
    "a suspended database": (suspended("postgres"), {"process_stopped"}, "postgres", "suspended"),
    "a suspended session": (silent_session, {"process_stopped"}, "postgres", "kill -CONT"),
    "a suspended JobManager": (suspended("jobmanager"), {"process_stopped"}, "flink", "suspended"),
    "a suspended supervisor": (silent_supervisor, {"supervisor_silent"}, "serve", "reported"),
    "the clients' time stamps": (
        altered("message.timestamp.type", "CreateTime", "LogAppendTime"),
        {"client_timestamps"},
        "kafka",
        "LogAppendTime",
    ),
    "a compacted topic": (
        altered("cleanup.policy", "compact", "delete"),
        {"topic_compacted"},
        "kafka",
        "cleanup.policy=delete",
    ),
    "an open transaction": (
        hanging_transaction,
        {"open_transaction"},
        "kafka",
        "commit or abort it",
    ),
    "a revoked right": (
        revoked,
        {"service_away", "job_restarts"},
        "flink",
        "permission denied for table sales_summary",
    ),
}


@pytest.mark.timeout(150)
@pytest.mark.parametrize("name", FAULTS)
def test_what_stops_the_sales_is_named_at_once(run: Run, load: Load, spaf: Spaf, name: str) -> None:
    """Status and page name stage and cause; when the fault is lifted, the run goes on."""
    fault, codes, stage, words = FAULTS[name]
    assert not load.done
    assert wait_until(lambda: run.trouble() is None, BACK_S), run.trouble()
    with fault(run):
        assert wait_until(lambda: named(run, codes, words), NAMED_S), run.trouble()
        done = spaf(run.home.folder.parent, "status", "--json", SPAF_HOME=str(run.home.folder))
        assert done.returncode == 1
        report = json.loads(done.stdout)["trouble"]
        assert (report["code"] in codes, report["stage"]) == (True, stage)
        pipeline = page_message(run)
        assert pipeline["culprit"] == stage
        assert pipeline["cause"]["code"] in codes
    assert wait_until(lambda: run.trouble() is None, BACK_S), run.trouble()


def named(run: Run, codes: set[str], words: str) -> bool:
    """Return whether the cause is one of these, in these words."""
    found = run.trouble()
    return found is not None and found.code in codes and words in found.line


def check_refused(run: Run, spaf: Spaf, command: str, words: str) -> None:
    """Check that a command fails in these words, and soon."""
    began = clock.monotonic()
    done = spaf(run.home.folder.parent, command, SPAF_HOME=str(run.home.folder))
    # The length of a process id decides where a line is broken.
    said = " ".join(done.stderr.split())
    assert (done.returncode, words in said) == (1, True), done.stdout + said
    assert clock.monotonic() - began < AT_ONCE_S


def page_message(run: Run) -> dict[str, Any]:
    """Return the next `pipeline` message of the page that names a cause."""
    page = run.state().services["serve"].address
    kind = ""
    with httpx.stream("GET", f"{page}/api/stream", timeout=NAMED_S) as stream:
        for line in stream.iter_lines():
            name, _, value = line.partition(":")
            kind = value.strip() if name == "event" else kind
            if name == "data" and kind == "pipeline":
                message: dict[str, Any] = json.loads(value)
                if message["cause"] is not None:
                    return message
    raise AssertionError("the stream has ended")


@pytest.mark.timeout(150)
def test_commands_do_not_wait_for_what_cannot_come(run: Run, load: Load, spaf: Spaf) -> None:
    """`verify` and `load` name the cause and fail within seconds, and the log has it once."""
    assert not load.done
    assert wait_until(lambda: run.trouble() is None, BACK_S), run.trouble()
    with locked("ledger_second", "ACCESS EXCLUSIVE")(run):
        # Before it is certain, a busy machine may name another cause.
        words = "LOCK TABLE ledger_second"
        assert wait_until(lambda: named(run, {"postgres_lock"}, words), NAMED_S), run.trouble()
        check_refused(run, spaf, "verify", words)
    assert wait_until(lambda: run.trouble() is None, BACK_S)
    with suspended("kafka")(run):
        assert wait_until(lambda: run.lasting_trouble() is not None, NAMED_S)
        for command in ("verify", "load"):
            check_refused(run, spaf, command, "kill -CONT")
    log = (run.home.logs / "spaf.log").read_text()
    pid = run.state().services["kafka"].pid
    assert 1 <= log.count(f"The process of kafka (pid {pid}) is suspended.") <= len(FAULTS)
    assert wait_until(lambda: run.trouble() is None, BACK_S)


@pytest.mark.timeout(150)
def test_added_partitions_are_counted_and_every_sale_is_once(
    run: Run, load: Load, spaf: Spaf, answer: Answer
) -> None:
    """The job starts again from the log with all partitions; then everything is exact."""
    count = len(describe(run.kafka, run.topic).partitions)
    admin = admin_client(run.kafka)
    admin.create_partitions([NewPartitions(run.topic, count + 2)])[run.topic].result()
    assert wait_until(lambda: run.counted_topic().partitions == (*range(count + 2),), BACK_S)  # type: ignore[union-attr]
    load.stop()
    sent = load.result()
    # The broker has refused sales while the topic was compacted.
    assert sent.acked + sent.failed == sent.intended > sent.failed
    home = str(run.home.folder)
    verdict = answer(spaf(run.home.folder.parent, "verify", "--json", SPAF_HOME=home))
    assert (verdict["exact"], verdict["unaccounted"]) == (True, 0)
    assert verdict["records"] >= sent.acked
    assert wait_until(lambda: run.trouble() is None, BACK_S), run.trouble()
