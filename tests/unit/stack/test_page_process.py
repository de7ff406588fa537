"""The process of the page: its token, and what it knows of the run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spaf import settings
from spaf.errors import NotUpError
from spaf.stack import page_process
from spaf.stack.process import ProcessIdentity
from spaf.stack.resource_usage import ResourceUsage
from spaf.stack.run import Run
from spaf.stack.state import (
    JobContract,
    JobPhase,
    JobState,
    Phase,
    RunFolder,
    RunState,
    ServiceState,
    ServiceStatus,
)


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Make a run folder in which nothing runs."""
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


def run(home: RunFolder, *services: ServiceState) -> None:
    """Write down a run of this process's."""
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    state = RunState(
        supervisor_pid=me.pid,
        supervisor_started=me.started,
        phase=Phase.RUNNING,
        kafka="127.0.0.1:9092",
        flink="http://127.0.0.1:8081",
        postgres_host="127.0.0.1",
        postgres_port=5432,
        services={one.name: one for one in services},
        job=JobState(JobPhase.RUNNING, "abc"),
        contract=JobContract(currency="USD", surge_score=7.5),
    )
    home.write(state)


def test_the_token_is_made_once_and_is_ours_alone(home: RunFolder) -> None:
    """A page that is open keeps it when the process starts again."""
    first = page_process.token(home)
    assert len(first) >= 43
    assert page_process.token(home) == first
    assert (home.runs / "page-token").stat().st_mode & 0o777 == 0o600


def test_a_token_that_was_cut_off_is_made_anew(home: RunFolder) -> None:
    """An empty one would let everybody in."""
    (home.runs / "page-token").touch()
    assert len(page_process.token(home)) >= 43


def test_the_source_is_what_the_run_was_started_with(home: RunFolder) -> None:
    """Addresses, and the rules of the job rather than those of the settings."""
    run(home, ServiceState("locust", ServiceStatus.RUNNING, "http://127.0.0.1:8089"))
    found = page_process.source(Run.attach(settings.load()))
    assert (found.kafka, found.flink) == ("127.0.0.1:9092", "http://127.0.0.1:8081")
    assert found.rules.default_currency == "USD"
    assert found.surge_score == 7.5
    assert (found.job().state, found.job().id) == ("RUNNING", "abc")
    assert found.links() == {"flink": "http://127.0.0.1:8081", "locust": "http://127.0.0.1:8089"}


def test_a_look_at_a_run_that_has_ended_is_empty(home: RunFolder) -> None:
    """Nothing is there any more."""
    assert page_process.services(home, ResourceUsage()) == []
    assert page_process.job_info(home).state == "gone"
    assert page_process.links(home) == {"flink": None, "locust": None}


@pytest.mark.usefixtures("bare")
def test_without_a_run_there_is_nothing_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends with the error of every command."""
    monkeypatch.setattr(os, "nice", lambda _: 0)
    with pytest.raises(NotUpError):
        page_process.serve()
