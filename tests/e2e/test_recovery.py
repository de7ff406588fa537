"""What survives: ten faults under load, and a supervisor that is killed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from spaf.bench.progress import no_progress
from spaf.chaos import session
from spaf.chaos.scenario import ChaosScenario
from spaf.stack import control
from spaf.stack.process import ProcessIdentity, wait_until
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role

Done = subprocess.CompletedProcess[str]
# The processes of a run end within this, on a busy machine, seconds.
BACK_S = 90.0


# Kinds whose faults are not held, and a seed whose ten faults kill each service that is needed.
KINDS = ("kill", "database-sessions", "kafka-torn-log", "checkpoint")
SEED = 94
NEEDED = {"taskmanager", "jobmanager", "postgres", "kafka"}


# Ten services die one after the other, and the job comes back each time.
@pytest.mark.timeout(400)
def test_ten_faults_under_load_lose_and_double_nothing(
    recovery_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quick plan of `spaf chaos`: every row is exact, and each acknowledged sale is there."""
    # After the first fault and at the end: everything that was sold is verified in any case.
    monkeypatch.setattr(session, "VERIFY_SHARE", 0.0)
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
    """The services end by themselves; the next `up` finds no leftover and goes on."""
    run = recovery_run
    home = run.home.folder
    known = processes(home)
    run.state().supervisor().process().send_signal(signal.SIGKILL)  # type: ignore[union-attr]
    assert wait_until(lambda: not any(one.alive() for one in known), BACK_S), [
        process.cmdline()[:3] for one in known if (process := one.process())
    ]
    done = spaf(home.parent, "status", SPAF_HOME=str(home))
    assert done.returncode == 1
    assert "spaf up" in done.stderr
    assert "it was killed" in spaf(home.parent, "logs", "spaf", SPAF_HOME=str(home)).stderr

    control.up(run.settings, lambda _: None, end_with_us=True)
    again = Run.attach(run.settings)
    assert again.state().job.state == "RUNNING"
    assert not {one.pid for one in processes(home)} & {one.pid for one in known}
    with again.access.connect(Role.READ) as connection:
        assert queries.counted_sales(connection) >= 0
    verdict = spaf(home.parent, "verify", SPAF_HOME=str(home))
    assert verdict.returncode == 0, verdict.stdout
