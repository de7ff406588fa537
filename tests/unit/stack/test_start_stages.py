"""What the page shows of a start, made from the state that the supervisor publishes."""

from __future__ import annotations

import pytest

from spaf.serve.start_view import StageState, StartStage, StartView
from spaf.stack.service_names import QUARANTINE, SERVE, STANDBY, ZOOKEEPER
from spaf.stack.service_specs import SPECS
from spaf.stack.start_stages import STAGES, start_view
from spaf.stack.state import JobPhase, JobState, Phase, RunState, ServiceState, ServiceStatus
from spaf.trouble import trouble

BEGAN = 1_000.0
STARTING, RUNNING, EXTERNAL = (
    ServiceStatus.STARTING,
    ServiceStatus.RUNNING,
    ServiceStatus.EXTERNAL,
)


def started(name: str, at: float, state: ServiceStatus = STARTING) -> ServiceState:
    """Return a service that was started some seconds after the beginning."""
    return ServiceState(name, state, "127.0.0.1:1", pid=7, started=BEGAN + at)


def state(*services: ServiceState, **ready: float) -> RunState:
    """Return a start with these services, of which some were ready after some seconds."""
    made = RunState(1, BEGAN, Phase.STARTING)
    made.services = {service.name: service for service in services}
    made.steps = {name: BEGAN + after for name, after in ready.items()}
    return made


def stage(view: StartView, name: str) -> StartStage:
    """Return one stage."""
    return next(item for item in view.stages if item.name == name)


def test_every_step_but_those_after_the_first_row_is_a_stage() -> None:
    """A new service has to be added, or to be left out on purpose."""
    assert {*STAGES, SERVE, QUARANTINE, STANDBY} == SPECS.keys()


def test_first_of_all_everything_waits() -> None:
    """Services without a predecessor wait for nothing but their turn."""
    view = start_view(state(), None)
    assert [item.name for item in view.stages] == [name for name in STAGES if name != ZOOKEEPER]
    assert {item.state for item in view.stages} == {StageState.WAITING}
    assert stage(view, "kafka").waits_for == []
    assert stage(view, "tables").waits_for == ["kafka", "postgres"]


def test_zookeeper_is_a_stage_of_a_run_that_has_it() -> None:
    """The second JobManager is none: it starts after the job."""
    view = start_view(state(started("zookeeper", 0.5), started("jobmanager-2", 7)), None)
    assert stage(view, "zookeeper").state is StageState.STARTING
    assert "jobmanager-2" not in [item.name for item in view.stages]


def test_what_another_stage_waits_for_is_not_named_twice() -> None:
    """The tables wait for Kafka and PostgreSQL, so the load waits for the tables and Flink."""
    view = start_view(state(), None)
    assert stage(view, "locust").waits_for == ["tables", "jobmanager"]


def test_stage_has_its_times() -> None:
    """Since when it is starting, and when it was ready, both as epoch milliseconds."""
    view = start_view(
        state(started("kafka", 0.5), started("postgres", 1, RUNNING), postgres=2), None
    )
    kafka, postgres = stage(view, "kafka"), stage(view, "postgres")
    assert (kafka.state, kafka.since_ms, kafka.ready_ms) == (StageState.STARTING, 1_000_500, None)
    assert (postgres.state, postgres.ready_ms) == (StageState.READY, 1_002_000)
    assert stage(view, "tables").waits_for == ["kafka"]


def test_tables_are_made_once_both_servers_are_ready() -> None:
    """Since the later one was."""
    services = started("kafka", 0, RUNNING), started("postgres", 0, RUNNING)
    tables = stage(start_view(state(*services, kafka=3, postgres=2), None), "tables")
    assert (tables.state, tables.since_ms) == (StageState.STARTING, 1_003_000)


def test_job_is_planned_while_the_services_start() -> None:
    """It is starting from the beginning on, and still waits for them."""
    found = state(started("kafka", 0))
    found.job = JobState(JobPhase.SUBMITTING)
    job = stage(start_view(found, None), "job")
    assert (job.state, job.job, job.since_ms) == (StageState.STARTING, "submitting", 1_000_000)
    assert job.waits_for == ["tables", "jobmanager"]


def test_external_services_are_not_waited_for() -> None:
    """An external cluster has TaskManagers of its own."""
    found = state(*(ServiceState(n, EXTERNAL, "h:1") for n in ("kafka", "postgres", "jobmanager")))
    view = start_view(found, None)
    left_out = ("taskmanager", "zookeeper")
    assert [item.name for item in view.stages] == [n for n in STAGES if n not in left_out]
    assert stage(view, "jobmanager").state is StageState.EXTERNAL
    assert stage(view, "tables").waits_for == []
    assert stage(view, "job").waits_for == ["tables"]


def test_every_task_manager_is_a_stage() -> None:
    """Their number is a setting."""
    view = start_view(state(started("taskmanager", 0), started("taskmanager-2", 0)), None)
    assert [item.name for item in view.stages][3:5] == ["taskmanager", "taskmanager-2"]


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.STOPPING])
def test_start_that_has_ended_says_where(phase: Phase) -> None:
    """What was ready stays ready, although it is stopped now; the rest was not finished."""
    found = state(started("kafka", 0), started("postgres", 0, ServiceStatus.STOPPED), postgres=2)
    found.phase, found.message = phase, "kafka: ended while it was starting"
    found.failed_step = "kafka" if phase is Phase.FAILED else ""
    view = start_view(found, None)
    assert (view.phase, view.message) == (phase, found.message)
    expected = StageState.FAILED if phase is Phase.FAILED else StageState.UNFINISHED
    assert stage(view, "kafka").state is expected
    assert stage(view, "postgres").state is StageState.READY
    assert stage(view, "job").state is StageState.UNFINISHED


def test_cause_is_that_of_every_command() -> None:
    """With its code, so that the page says it in both languages."""
    found = trouble("disk_full", folder="/x", free="1.0", needed="32")
    cause = start_view(state(), found).cause
    assert cause is not None
    assert (cause["code"], cause["what"]) == ("disk_full", found.what)
