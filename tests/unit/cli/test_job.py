"""What `spaf job` says of what the supervisor has done."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from spaf.cli import app
from spaf.stack import job_orders
from spaf.stack.run import Run
from spaf.stack.state import JobAction, JobPhase, JobState

pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that calls a verb on a job and returns what it prints."""
    monkeypatch.setenv("COLUMNS", "160")

    def call(line: str, job: JobState) -> str:
        run = SimpleNamespace(topic="sales")
        monkeypatch.setattr(Run, "attach", lambda _: run)
        given: list[Any] = []

        def give(*order: Any, **details: Any) -> None:
            given.append((order[1], *details.values()))

        def wait_for(*arguments: Any) -> JobState:
            for watch in arguments[2:]:
                watch(job)
            return job

        monkeypatch.setattr(job_orders, "give", give)
        monkeypatch.setattr(job_orders, "wait_for", wait_for)
        monkeypatch.setattr(job_orders, "wait_until_running", lambda _: job)
        done = CliRunner().invoke(app, ["job", *line.split()])
        assert done.exit_code == 0, done.output
        assert given[0][0] is JobAction(line.partition(" ")[0])
        return done.output

    return call


def test_stop_says_where_the_sales_and_the_state_are(say: Callable[..., str]) -> None:
    """And how the job goes on."""
    stopped = JobState(JobPhase.STOPPED, savepoint="s3://b/savepoint-1")
    said = say("stop --savepoint", stopped)
    assert "new sales wait in topic sales" in said
    assert "Savepoint: s3://b/savepoint-1" in said
    assert "`spaf job start`" in said
    assert json.loads(say("stop --json", stopped))["savepoint"] == "s3://b/savepoint-1"


def test_start_says_from_where(say: Callable[..., str]) -> None:
    """A checkpoint, or the first record and why."""
    resumed = JobState(JobPhase.RUNNING, resumed_from="s3://b/chk-1")
    anew = JobState(JobPhase.RUNNING, note="its checkpoint is 50 min old, and only 45 fit")
    assert "runs again, from s3://b/chk-1." in say("start", resumed)
    assert "from the first record: its checkpoint is 50 min old" in say("start", anew)
    assert "The job runs." in say("start", JobState(JobPhase.RUNNING))


def test_upgrade_says_what_it_has_done(say: Callable[..., str]) -> None:
    """Or that there was nothing to do."""
    assert "have replaced the old" in say(
        "upgrade", JobState(upgraded="They have replaced the old.")
    )
    assert "nothing is changed" in say("upgrade", JobState())
    assert json.loads(say("upgrade --json", JobState(upgraded="x")))["upgraded"] == "x"
