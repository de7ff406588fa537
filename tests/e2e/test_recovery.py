"""What survives: ten faults under load, a supervisor that is killed, a JobManager that leads."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from spaf.bench.progress import no_progress
from spaf.chaos import scenario
from spaf.chaos.faults.failover import FOLLOWER, LEADER, SecondJobManager, roles
from spaf.chaos.scenario import ChaosScenario
from spaf.job.flink_client import FlinkClient
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.process import ProcessIdentity, wait_until
from spaf.stack.run import Run
from spaf.stack.service_names import GROUP, STANDBY
from spaf.stack.state import RunState
from spaf.store import queries
from spaf.store.access import Role

Done = subprocess.CompletedProcess[str]
# The processes of a run end within this, on a busy machine, seconds.
BACK_S = 90.0


# Kinds whose faults are not held, and a seed whose ten faults kill each service that is needed.
KINDS = ("kill", "database-sessions", "kafka-torn-log", "checkpoint")
SEED = 94
NEEDED = {"taskmanager", "jobmanager", "postgres", "kafka"}
# A seed whose first failover is that of the leader.
FAILOVER_SEED = 12


@pytest.fixture
def failover_run(recovery_settings: Settings) -> Run:
    """Return the same run with two JobManagers; one without is ended."""
    settings = SecondJobManager().open(recovery_settings)
    if STANDBY not in up(settings).services:
        control.down(settings)
    return Run(settings, up(settings))


def up(settings: Settings) -> RunState:
    """Start the run unless it is up."""
    return control.up(settings, lambda _: None, end_with_us=True)


# Ten services die one after the other, and the job comes back each time.
@pytest.mark.timeout(400)
def test_ten_faults_under_load_lose_and_double_nothing(
    recovery_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quick plan of `spaf chaos`: every row is exact, and each acknowledged sale is there."""
    # After the first fault and at the end: everything that was sold is verified in any case.
    monkeypatch.setattr(scenario, "VERIFY_SHARE", 0.0)
    run = recovery_run
    plan = ChaosScenario(seed=SEED, faults=10, kinds=KINDS, rate=30)
    assert {fault.target for fault in plan.planned() if fault.kind == "kill"} >= NEEDED
    first = run.state().job

    result = plan.measure_run(run, no_progress)

    assert result.reasons == []
    assert (result.made, result.not_made) == (10, 0), result.faults
    assert (result.exact, result.lost, result.sales_failed) == (True, 0, 0)
    assert result.records >= result.sales_acknowledged > 0
    for fault in result.faults:
        # Sessions that an administrator ends are opened again before anything has to be said.
        assert fault.status_said or fault.kind == "database-sessions", fault
    now = run.state()
    assert now.phase == "running"
    assert now.job.submissions > first.submissions
    assert now.job.resumed_from


# The run is started twice.
@pytest.mark.timeout(180)
def test_a_killed_supervisor_takes_everything_with_it(
    recovery_run: Run, processes: Callable[[Path], list[ProcessIdentity]], spaf: Callable[..., Done]
) -> None:
    """The services end by themselves; the next `up` finds no leftover and goes on.

    It may have other settings: it has two JobManagers, for the test that needs them.
    """
    run = recovery_run
    home = run.home.folder
    known = processes(home)
    run.state().supervisor().process().send_signal(signal.SIGKILL)  # type: ignore[union-attr]
    assert wait_until(lambda: not any(identity.alive() for identity in known), BACK_S), [
        process.cmdline()[:3] for identity in known if (process := identity.process())
    ]
    done = spaf(home.parent, "status", SPAF_HOME=str(home))
    assert done.returncode == 1
    assert "spaf up" in done.stderr
    assert "it was killed" in spaf(home.parent, "logs", "spaf", SPAF_HOME=str(home)).stderr

    up(SecondJobManager().open(run.settings))
    again = Run.attach(run.settings)
    assert again.state().job.state == "RUNNING"
    assert not {one.pid for one in processes(home)} & {one.pid for one in known}
    with again.access.connect(Role.READ) as connection:
        assert queries.counted_sales(connection) >= 0
    verdict = spaf(home.parent, "verify", SPAF_HOME=str(home))
    assert verdict.returncode == 0, verdict.stdout


# The job is replaced, and then restored by another JobManager.
@pytest.mark.timeout(240)
def test_the_job_goes_on_when_the_leading_jobmanager_is_killed(
    failover_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same job, once: nothing is submitted, and no job that was replaced comes back.

    Only real JobManagers and a real ZooKeeper show it: what they keep, who leads, and that the
    supervisor finds the restored job under its id.
    """
    monkeypatch.setattr(scenario, "VERIFY_SHARE", 0.0)
    run = failover_run
    assert wait_until(lambda: is_well(run.state()), BACK_S), run.state()
    with closing(FlinkClient(run.flink)) as client:
        replaced = run.state().job.id
        client.cancel(replaced)
        assert wait_until(lambda: run.state().job.id not in ("", replaced), BACK_S)
        assert wait_until(lambda: is_well(run.state()), BACK_S), run.state()
        before = run.state()
        standby = roles(before.services)[FOLLOWER]
        plan = ChaosScenario(seed=FAILOVER_SEED, faults=1, kinds=("failover",), rate=30)
        assert [fault.target for fault in plan.planned()] == [LEADER]

        result = plan.measure_run(run, no_progress)

        assert result.reasons == []
        assert (result.made, result.exact, result.lost) == (1, True, 0), result.faults
        after = run.state()
        assert roles(after.services)[LEADER] == standby
        assert (after.job.id, after.job.submissions) == (before.job.id, before.job.submissions)
        assert client.jobs(run.job_target(GROUP).name) == [after.job.id]


def is_well(state: RunState) -> bool:
    """Return whether every service and the job run."""
    services = state.services.values()
    return state.job.state == "RUNNING" and all(service.state == "running" for service in services)
