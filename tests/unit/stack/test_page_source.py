"""What the page shows of a run that is up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spaf import settings
from spaf.serve.run_info import Thresholds
from spaf.stack import page_source
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
from tests.support.sweeps import FakeSweep


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
        services={service.name: service for service in services},
        job=JobState(JobPhase.RUNNING, "abc"),
        contract=JobContract(currency="USD", surge_score=7.5),
    )
    home.write(state)


def test_the_source_is_what_the_run_was_started_with(home: RunFolder) -> None:
    """Addresses, and the rules of the job rather than those of the settings."""
    run(home, ServiceState("locust", ServiceStatus.RUNNING, "http://127.0.0.1:8089"))
    found = page_source.source(Run.attach(settings.load()), FakeSweep())
    assert (found.kafka, found.flink) == ("127.0.0.1:9092", "http://127.0.0.1:8081")
    assert found.rules.default_currency == "USD"
    assert found.thresholds().surge_score == 7.5
    assert (found.job().state, found.job().id) == ("RUNNING", "abc")
    assert found.links() == {"flink": "http://127.0.0.1:8081", "locust": "http://127.0.0.1:8089"}


def test_thresholds_are_those_of_the_present_job(home: RunFolder) -> None:
    """An upgrade has replaced the job since the page was started; after the run they stay."""
    run(home)
    found = page_source.source(Run.attach(settings.load()), FakeSweep())
    state = home.running()
    state.contract = JobContract(surge_score=8.5, outlier_score=6.0)
    home.write(state)
    assert found.thresholds() == Thresholds(6.0, 8.5, JobContract().series_score)
    home.state.unlink()
    assert found.thresholds().surge_score == 7.5


def test_browsers_get_other_addresses_than_spaf_itself(home: RunFolder) -> None:
    """The names of containers are unknown to them."""
    run(home, ServiceState("locust", ServiceStatus.EXTERNAL, "http://locust:8089"))
    published = {"public_url": "http://127.0.0.1:8089"}
    found = page_source.source(Run.attach(settings.load(locust=published)), FakeSweep())
    assert found.links()["locust"] == "http://locust:8089"
    assert found.public_links() == {
        "flink": "http://127.0.0.1:8081",
        "locust": "http://127.0.0.1:8089/",
    }


def test_the_page_links_to_a_job_manager_that_runs(home: RunFolder) -> None:
    """Of two, one may have been killed just now."""
    lost = ServiceState("jobmanager", ServiceStatus.RESTARTING, "http://127.0.0.1:8081")
    standby = ServiceState("jobmanager-2", ServiceStatus.RUNNING, "http://127.0.0.1:8082")
    run(home, lost, standby)
    assert page_source.links(home)["flink"] == "http://127.0.0.1:8082"


def test_the_page_runs_although_the_supervisor_has_not_asked_it_yet(home: RunFolder) -> None:
    """Its first viewers would see it as starting."""
    run(home, ServiceState("serve", ServiceStatus.STARTING, "http://127.0.0.1:8080"))
    assert [service.state for service in page_source.services(home, ResourceUsage())] == ["running"]


def test_a_look_at_a_run_that_has_ended_is_empty(home: RunFolder) -> None:
    """Nothing is there any more."""
    assert page_source.services(home, ResourceUsage()) == []
    assert page_source.job_info(home).state == "gone"
    assert page_source.links(home) == {"flink": None, "locust": None}
