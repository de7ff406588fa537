"""A page that starts together with its servers waits for their first answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf import clock
from spaf.job.flink_client import FlinkClient
from spaf.settings import KafkaSettings
from spaf.stack import awaited_services, postgres
from spaf.stack.awaited_services import MAX_WAIT_S, AwaitedServices
from spaf.stack.state import RunFolder
from spaf.stack.topology import Topology
from spaf.store.access import Access

ACCESS = Access.own("postgres", 5432, "public", {"spaf_read": "secret"})


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the servers that answer; none at first."""
    found: set[str] = set()
    monkeypatch.setattr(awaited_services, "is_ready", lambda *_, **__: "kafka" in found)
    monkeypatch.setattr(postgres, "accepts", lambda *_: "postgres" in found)
    monkeypatch.setattr(FlinkClient, "ready", lambda _: "flink" in found)
    return found


def waiting(bare: Path, *names: str) -> AwaitedServices:
    """Return what waits for these services."""
    topology = Topology("k:1", "http://f:1", ACCESS, external=dict.fromkeys(names, "somewhere"))
    return AwaitedServices(topology, RunFolder(bare), KafkaSettings())


def test_each_counts_as_there_from_its_first_answer_on(bare: Path, answering: set[str]) -> None:
    """Afterwards the health of the run watches it."""
    awaited = waiting(bare, "kafka", "postgres", "jobmanager")
    awaited.poll()
    assert not any(map(awaited.answered, ("kafka", "postgres", "jobmanager")))
    answering.add("kafka")
    awaited.poll()
    answering.clear()
    awaited.poll()
    assert awaited.answered("kafka")
    assert not awaited.answered("postgres")
    answering |= {"postgres", "flink"}
    awaited.poll()
    assert awaited.answered("postgres")
    assert awaited.answered("jobmanager")


@pytest.mark.usefixtures("answering")
def test_what_spaf_starts_itself_is_not_waited_for_here(bare: Path) -> None:
    """Its process is watched."""
    awaited = waiting(bare, "kafka")
    assert awaited.answered("postgres")
    assert awaited.answered("taskmanager")


@pytest.mark.usefixtures("answering")
def test_after_a_while_the_step_itself_says_what_is_wrong(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password, for example, which no waiting corrects."""
    awaited = waiting(bare, "kafka")
    later = clock.monotonic() + MAX_WAIT_S + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    awaited.poll()
    assert awaited.answered("kafka")
