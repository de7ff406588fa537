"""Progress of a start: each service once, when it is ready."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from spaf import clock
from spaf.cli.terminal import progress
from spaf.cli.terminal.progress import StartProgress
from spaf.stack.state import JobPhase, JobState, Phase, RunState, ServiceState, ServiceStatus


class Scene:
    """A run whose parts a test sets, and what was printed of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stop the clock and catch what is printed."""
        self.now = 10.0
        self.console = Console(file=io.StringIO(), width=200)
        monkeypatch.setattr(progress, "err", self.console)
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)
        self.progress = StartProgress()
        self.state = RunState(1, 0.0, Phase.STARTING)

    def lines(self) -> list[str]:
        """Show the state; return everything printed so far."""
        self.progress(self.state)
        text: str = self.console.file.getvalue()  # type: ignore[attr-defined]
        return text.splitlines()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Start to count at second 10."""
    return Scene(monkeypatch)


def test_service_is_told_once_when_it_is_ready(scene: Scene) -> None:
    """With the seconds it took and its address; not while it starts, and not again."""
    kafka = ServiceState("kafka", ServiceStatus.STARTING, "127.0.0.1:9092")
    scene.state.services["kafka"] = kafka
    assert scene.lines() == []
    scene.now, kafka.state = 12.5, ServiceStatus.RUNNING
    assert scene.lines() == ["  2.5 s  kafka        127.0.0.1:9092"]
    scene.now = 20
    assert len(scene.lines()) == 1


def test_page_is_told_as_soon_as_it_is_started(scene: Scene) -> None:
    """It shows the start; once it is ready, it is not shown again."""
    page = ServiceState("serve", ServiceStatus.STARTING, "http://127.0.0.1:8080", pid=7)
    scene.state.services["serve"] = page
    assert scene.lines() == ["  0.0 s  page         http://127.0.0.1:8080 shows the start"]
    page.state = ServiceStatus.RUNNING
    assert len(scene.lines()) == 1


def test_service_elsewhere_counts_as_ready(scene: Scene) -> None:
    """It is there already."""
    scene.state.services["kafka"] = ServiceState("kafka", ServiceStatus.EXTERNAL, "k:1")
    assert scene.lines() == ["  0.0 s  kafka        k:1"]


@pytest.mark.parametrize(
    ("resumed", "text"), [("", "running"), ("chk-1", "running (resumed from a checkpoint)")]
)
def test_job_is_told_with_where_it_began(scene: Scene, resumed: str, text: str) -> None:
    """Resumed or anew."""
    scene.state.job = JobState(JobPhase.RUNNING, "id", resumed)
    assert scene.lines() == [f"  0.0 s  job          {text}"]


def test_notes_are_told_each_once(scene: Scene) -> None:
    """Such as a port that was taken."""
    scene.state.message = "port 9092 is taken; kafka uses 9093"
    assert scene.lines() == scene.lines() == ["  0.0 s  port 9092 is taken; kafka uses 9093"]


def test_failure_is_left_to_the_error_message(scene: Scene) -> None:
    """It is not shown twice."""
    scene.state.phase, scene.state.message = Phase.FAILED, "kafka: did not start"
    assert scene.lines() == []


def test_note_with_brackets_is_told_as_it_is(scene: Scene) -> None:
    """A message may hold whatever a service or a path is called."""
    scene.state.message = "see [dim]/x[/dim]"
    assert scene.lines() == ["  0.0 s  see [dim]/x[/dim]"]
