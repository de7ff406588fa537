"""What survives: services that are killed under load, and a supervisor that is."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from spaf.bench.run.load import Load, offered
from spaf.bench.run.verdict import wait_until_done
from spaf.stack import control
from spaf.stack.process import ProcessIdentity, wait_until
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role

Done = subprocess.CompletedProcess[str]
# The slowest way back: a lost JobManager, a new plan, a new job, on a busy machine, seconds.
BACK_S = 90.0


def kill(run: Run, name: str) -> None:
    """Kill a service by its recorded process, and wait until it is back as another one."""
    before = run.state().services[name]
    assert before.pid is not None
    psutil.Process(before.pid).send_signal(signal.SIGKILL)

    def back() -> bool:
        now = run.state().services[name]
        return now.state == "running" and now.restarts == before.restarts + 1

    assert wait_until(back, BACK_S), run.state().services[name]
    assert run.state().services[name].pid != before.pid


def caught_up(run: Run) -> None:
    """Wait until all that is on the topic now is in the tables, and the job runs."""
    wait_until_done(run, run.end_offsets())
    assert wait_until(lambda: run.state().job.state == "RUNNING", BACK_S), run.state().job


# Three services are killed and come back; a lost JobManager takes a new job with it.
@pytest.mark.timeout(240)
def test_killed_services_come_back_and_nothing_is_lost(
    recovery_run: Run, spaf: Callable[..., Done], answer: Callable[[Done], Any], tmp_path: Path
) -> None:
    """TaskManager, JobManager and PostgreSQL die under load; every sale is counted just once."""
    run = recovery_run
    load = Load(run, offered(run), rate=30, seconds=600)
    try:
        assert wait_until(lambda: _done(run) > 0, BACK_S)
        first = run.state().job
        kill(run, "taskmanager")
        caught_up(run)
        assert run.state().job.id == first.id, "the cluster brings the job back by itself"
        kill(run, "jobmanager")
        assert wait_until(lambda: run.state().job.submissions == first.submissions + 1, BACK_S)
        caught_up(run)
        assert run.state().job.id != first.id
        assert run.state().job.resumed_from
        kill(run, "postgres")
        caught_up(run)
    finally:
        load.stop()
        sent = load.result()
    assert sent.failed == 0
    assert sent.acked == sent.intended > 0
    folder = str(run.home.folder)
    verdict = answer(spaf(tmp_path, "verify", "--json", SPAF_HOME=folder))
    assert verdict["exact"] is True
    assert verdict["unaccounted"] == 0
    assert verdict["records"] >= sent.acked
    assert run.state().phase == "running"


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


def _done(run: Run) -> int:
    with run.access.connect(Role.READ) as connection:
        return sum(queries.done_offsets(connection).values())
