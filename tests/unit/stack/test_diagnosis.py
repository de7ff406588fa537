"""The one cause for which sales do not reach the tables, from facts made up for each rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from string import Formatter
from typing import Any

import pytest

from spaf.job.flink_client import JobFailure
from spaf.stack.diagnosis import (
    FAILED_S,
    LOCKED_S,
    MAX_FAILURES,
    SILENT_S,
    SLOW_S,
    STUCK_S,
    Answer,
    Facts,
    JobFacts,
    TableFacts,
    TopicFacts,
    diagnose,
    seems_stuck,
)
from spaf.stack.state import JobPhase, ServiceState, ServiceStatus
from spaf.store.queries import WaitingStatement
from spaf.trouble import TEXTS, Trouble, trouble

NOW = 1_800_000_000.0
TOPIC = TopicFacts(
    id="a",
    partitions=(0, 1),
    begins={0: 0, 1: 0},
    ends={0: 10, 1: 20},
    options={"message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete"},
)
TABLES = TableFacts(done={0: 8, 1: 20}, counted={0: 10, 1: 20})
JOB = JobFacts("RUNNING", running=True)
HEALTHY = Facts(
    now=NOW,
    topic_name="sales",
    addresses={"kafka": "k:1", "postgres": "p:2", "jobmanager": "http://f:3"},
    services=[
        ServiceState(name, ServiceStatus.RUNNING, "", pid=7)
        for name in ("kafka", "postgres", "jobmanager", "taskmanager", "locust", "serve")
    ],
    topic=TOPIC,
    tables=TABLES,
    job=JOB,
    job_phase=JobPhase.RUNNING,
    progress_at=NOW - 60,
)
GONE = (
    "org.apache.kafka.clients.consumer.OffsetOutOfRangeException: Fetch position FetchPosition{"
    "offset=10, offsetEpoch=Optional.empty, currentLeader=LeaderAndEpoch{leader=Optional[k:1 "
    "(id: 1 rack: null isFenced: false)], epoch=4}} is out of range for partition sales-0"
)
LAGS = {"topic": replace(TOPIC, ends={0: 10, 1: 25})}


def services(name: str, state: ServiceStatus, reason: str = "") -> list[ServiceState]:
    """Return the services of a run, one of them in another state."""
    return [
        ServiceState(name, state, "", reason=reason, ended=NOW) if service.name == name else service
        for service in HEALTHY.services
    ]


def waits(
    seconds: float,
    blocker: int | None,
    query: str = "LOCK  TABLE\n x",
    session: tuple[str, str] = ("ana", "psql"),
) -> TableFacts:
    """Return tables of which one is not written, because of a session or not."""
    at = datetime.fromtimestamp(NOW - seconds, UTC)
    row = WaitingStatement(5, at, "IO: WALSync", blocker, *session, at, query)
    return replace(TABLES, waiting=[row])


def failed(*ages: float, cause: str = "c.Root: r") -> list[JobFailure]:
    """Return failures of these ages, seconds."""
    return [JobFailure(round((NOW - age) * 1_000), cause) for age in ages]


def found(**changes: Any) -> Trouble | None:
    """Return the cause if these facts differ from those of a healthy run."""
    return diagnose(replace(HEALTHY, **changes))


def test_a_healthy_run_has_no_cause() -> None:
    """Also while records wait for moments, and while nothing is sold."""
    assert found() is None
    assert found(**LAGS, waiting_since={1: NOW - STUCK_S / 2}) is None
    assert found(topic=None, tables=None, job=None) is None
    assert found(tables=waits(LOCKED_S / 2, 9)) is None
    assert found(tables=waits(SLOW_S / 2, None)) is None
    assert found(kafka=Answer(silent_s=SILENT_S / 2)) is None
    assert found(job=replace(JOB, failures=failed(90))) is None


def test_a_job_manager_that_another_one_replaces_is_no_cause() -> None:
    """The job goes on; what it is doing meanwhile is a matter of the job."""
    lost = services("jobmanager", ServiceStatus.RESTARTING, "ended")
    standby = ServiceState("jobmanager-2", ServiceStatus.RUNNING, "", pid=8)
    assert found(services=[*lost, standby]) is None
    assert found(services=[*HEALTHY.services, replaced(standby)]) is None
    keeper = ServiceState("zookeeper", ServiceStatus.RESTARTING, "")
    assert found(services=[*HEALTHY.services, standby, keeper]) is None
    alone = found(services=[*lost, replaced(standby)])
    assert alone is not None
    assert alone.code == "service_away"


def replaced(service: ServiceState) -> ServiceState:
    """Return a service that is being restarted."""
    return ServiceState(service.name, ServiceStatus.RESTARTING, "")


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("disk_full", "kafka", {"disk": trouble("disk_full", folder="/d", free="0", needed="32")}),
    ("process_stopped", "postgres", {"suspended": {"postgres": 7}}),
    ("service_away", "kafka", {"services": services("kafka", ServiceStatus.RESTARTING, "ended")}),
    ("service_away", "flink", {"services": services("taskmanager", ServiceStatus.STARTING)}),
    ("service_away", "serve", {"services": services("serve", ServiceStatus.FAILED)}),
    ("topic_gone", "kafka", {"job_trouble": trouble("topic_gone", topic="t")}),
    ("kafka_silent", "kafka", {"kafka": Answer(silent_s=SILENT_S)}),
    ("kafka_error", "kafka", {"kafka": Answer("Kafka says no.")}),
    ("topic_gone", "kafka", {"topic": TopicFacts(gone=True)}),
    ("no_leader", "kafka", {"topic": replace(TOPIC, leaderless=(1,))}),
    (
        "client_timestamps",
        "kafka",
        {"topic": replace(TOPIC, options={"message.timestamp.type": "CreateTime"})},
    ),
    (
        "topic_compacted",
        "kafka",
        {"topic": replace(TOPIC, options={"cleanup.policy": "compact"}), "usual_policy": "delete"},
    ),
    ("postgres_silent", "postgres", {"postgres": Answer(silent_s=SILENT_S)}),
    ("postgres_error", "postgres", {"postgres": Answer("PostgreSQL says no.")}),
    ("postgres_lock", "postgres", {"tables": waits(LOCKED_S, 9)}),
    ("postgres_slow", "postgres", {"tables": waits(SLOW_S, None)}),
    ("flink_silent", "flink", {"flink": Answer(silent_s=SILENT_S)}),
    ("flink_error", "flink", {"flink": Answer("Flink says no.")}),
    (
        "records_deleted",
        "kafka",
        {
            "topic": replace(TOPIC, begins={0: 11, 1: 0}, ends={0: 12, 1: 20}),
            "job": JobFacts("RESTARTING", failures=failed(1, cause=GONE)),
        },
    ),
    (
        "job_restarts",
        "flink",
        {
            "topic": replace(TOPIC, begins={0: 9, 1: 0}),
            "job": JobFacts("RESTARTING", failures=failed(1, cause=GONE)),
        },
    ),
    ("job_restarts", "flink", {"job": JobFacts("RESTARTING", failures=failed(1))}),
    ("job_restarts", "flink", {"job": replace(JOB, failures=failed(FAILED_S / 2))}),
    (
        "job_restarts",
        "flink",
        {
            **LAGS,
            "job": replace(JOB, failures=failed(FAILED_S * 2)),
            "waiting_since": {1: NOW - STUCK_S},
        },
    ),
    ("job_state", "flink", {"job": JobFacts("CREATED")}),
    ("job_state", "flink", {"job": None, "job_phase": JobPhase.SUBMITTING}),
    (
        "recounting",
        "flink",
        {**LAGS, "recount_to": {0: 10, 1: 20}, "waiting_since": {1: NOW - STUCK_S}},
    ),
    ("not_counted", "flink", {**LAGS, "waiting_since": {1: NOW - STUCK_S}}),
    (
        "open_transaction",
        "kafka",
        {
            "topic": replace(TOPIC, ends={0: 10, 1: 25}, stable_ends={0: 10, 1: 20}),
            "waiting_since": {1: NOW - STUCK_S},
            "unreadable": True,
        },
    ),
]


@pytest.mark.parametrize(("code", "stage", "facts"), CASES)
def test_a_cause_is_named_with_its_stage_and_a_whole_sentence(
    code: str, stage: str, facts: dict[str, Any]
) -> None:
    """Every value of the sentence is filled in, and the page can fill in its own."""
    cause = found(**facts)
    assert cause is not None
    assert (cause.code, cause.stage) == (code, stage)
    assert cause.line
    named = {name for _, name, _, _ in Formatter().parse(TEXTS[code].what) if name}
    assert named <= cause.parameters.keys()


def test_what_is_certain_comes_before_its_effects() -> None:
    """A suspended broker also has a job that fails and records that wait."""
    effects: dict[str, Any] = {
        **LAGS,
        "waiting_since": {1: NOW - 60},
        "job": JobFacts("RESTARTING", failures=failed(1)),
        "kafka": Answer(silent_s=9),
    }
    causes = [found(**effects, suspended={"kafka": 7}), found(**effects)]
    assert [cause and cause.code for cause in causes] == ["process_stopped", "kafka_silent"]


def test_a_restart_loop_is_lasting_only_after_several_failures() -> None:
    """SPAF recovers from one by itself; a command that waits for the job need not give up."""
    for count in range(1, MAX_FAILURES + 1):
        cause = found(job=JobFacts("RESTARTING", failures=failed(*range(1, count + 1))))
        assert cause is not None
        assert cause.lasting == (count == MAX_FAILURES)
        assert cause.what == "The job is RESTARTING because c.Root: r."


def test_failures_before_the_last_progress_are_over() -> None:
    """Flink keeps them for as long as the job lives."""
    job = replace(JOB, failures=failed(3, 5, 7))
    assert found(job=job, progress_at=NOW - 2) is None


def test_a_lost_task_manager_failed_for_the_reason_that_its_process_ended() -> None:
    """Flink itself knows only that it is gone."""
    cause = found(
        services=services("taskmanager", ServiceStatus.RUNNING, "ended: permission denied"),
        job=JobFacts("RESTARTING", failures=failed(1, cause="x: The TaskExecutor is gone")),
    )
    assert cause is not None
    assert cause.parameters["cause"] == "taskmanager ended: permission denied."


def test_page_and_quarantine_stop_no_sale_before_they_are_given_up() -> None:
    """They start after the job, and are restarted for as long as the run lasts."""
    assert found(services=services("serve", ServiceStatus.STARTING)) is None
    assert found(services=services("serve", ServiceStatus.RESTARTING, "ended")) is None


def test_a_topic_that_was_always_compacted_is_counted() -> None:
    """Its clients send a key with each sale."""
    compacted = replace(TOPIC, options={"cleanup.policy": "compact"})
    assert found(topic=compacted, usual_policy="compact") is None
    assert found(topic=compacted) is None


def test_a_starting_run_waits_for_its_services() -> None:
    """What has not answered yet is not away."""
    starting = services("kafka", ServiceStatus.STARTING)
    assert found(services=starting, starting=True, job=None) is None


def test_the_blocking_session_is_named_with_how_to_end_it() -> None:
    """A server of SPAF's own is on this machine; another one is asked to end the session."""
    cause = found(tables=waits(5, 9))
    assert cause is not None
    assert "session 9 (ana, psql)" in cause.what
    assert cause.what.endswith("its statement is `LOCK TABLE x`.")
    assert "`kill 9`" in cause.todo
    external = [service for service in HEALTHY.services if service.name != "postgres"]
    cause = found(tables=waits(5, 9), services=external)
    assert cause is not None
    assert "pg_terminate_backend(9)" in cause.todo
    cause = found(tables=waits(5, 0))
    assert cause is not None
    assert "ROLLBACK PREPARED" in cause.todo


@pytest.mark.parametrize(
    ("session", "named"),
    [(("ana", ""), "session 9 (ana)"), (("", "psql"), "session 9 (psql)"), (("", ""), "9 (-)")],
)
def test_a_session_without_a_name_gets_none(session: tuple[str, str], named: str) -> None:
    """The page has the sentence in two languages, so its values are of no language."""
    cause = found(tables=waits(5, 9, session=session))
    assert cause is not None
    assert named in cause.what


def test_unreadable_records_that_wait_are_no_trouble() -> None:
    """They are in the ledger with the next checkpoint."""
    assert found(**LAGS, waiting_since={1: NOW - 2 * STUCK_S}, unreadable=True) is None


def test_records_wait_for_a_run_that_starts() -> None:
    """Its job reads them as soon as it runs."""
    facts: dict[str, Any] = {**LAGS, "waiting_since": {1: NOW - 60}, "starting": True}
    for job in (None, JobFacts("CREATED")):
        assert found(**facts, job=job, job_phase=JobPhase.SUBMITTING) is None


def test_a_job_that_buffers_rows_is_given_its_time() -> None:
    """Twice its interval, as on the page."""
    stuck: dict[str, Any] = {**LAGS, "waiting_since": {1: NOW - 10}}
    assert found(**stuck, write_interval_s=6) is None
    assert found(**stuck, write_interval_s=4) is not None
    assert seems_stuck(replace(HEALTHY, **stuck, write_interval_s=6))


def test_every_text_is_one_sentence_with_what_to_do() -> None:
    """The command line prints both on one line."""
    for text in TEXTS.values():
        assert "\n" not in text.what + text.todo
        assert text.todo


def test_a_reason_of_an_earlier_end_is_not_the_cause() -> None:
    """The TaskManager that is lost now has not said yet why."""
    lost = JobFacts("RESTARTING", failures=failed(1, cause="The TaskExecutor is shutting down."))
    reason = "ended with exit code 1: the database is away"
    services_then = services("taskmanager", ServiceStatus.RUNNING, reason)
    for ended, words in ((NOW - 60, "TaskExecutor is shutting down"), (NOW - 1, reason)):
        for service in services_then:
            service.ended = ended
        cause = found(job=lost, services=services_then, progress_at=NOW - 3)
        assert cause is not None
        assert words in cause.what
