"""A spare service: started again as often as it dies, but never the end of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spaf import clock
from spaf.errors import ServiceError
from spaf.stack.process import ServiceProcess
from spaf.stack.service_names import SERVE
from spaf.stack.state import ServiceState
from spaf.stack.supervisor import MOST_DEATHS, SPARE_PAUSE_S, Child, Supervisor


class Dead:
    """A process that has ended."""

    def poll(self) -> int:
        """Say how."""
        return 1


class Scene(Supervisor):
    """A supervisor that starts nothing."""

    def __init__(self) -> None:
        """Begin with a running run."""
        self.launched = 0
        self._state: Any = type("State", (), {"phase": "running"})()

    def _launch(self, service: ServiceProcess, deaths: list[float] | None = None) -> None:
        """Count; what was started has ended at once."""
        self.launched += 1
        self.child = dead(service.name, deaths or [])


def dead(name: str, deaths: list[float]) -> Child:
    """Return a service whose process has ended."""
    service = ServiceProcess(name, [], "", Path("none"), lambda: False)
    state = ServiceState(name, "running", "")
    return Child(service, Dead(), state, deaths, deadline=0.0)  # type: ignore[arg-type]


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Hold the clock."""
    now = [1_000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


def test_a_page_that_keeps_dying_is_left_alone_for_a_while(moment: list[float]) -> None:
    """And tried again, for as long as the run lasts."""
    scene = Scene()
    scene.child = dead(SERVE, [])
    for _ in range(20):
        scene._look_after(scene.child)
        moment[0] += 0.25
    assert scene.launched == MOST_DEATHS
    assert scene.child.state.state == "failed"
    moment[0] += SPARE_PAUSE_S
    scene._look_after(scene.child)
    assert scene.launched == MOST_DEATHS + 1


def test_any_other_service_that_keeps_dying_ends_the_run(moment: list[float]) -> None:
    """Without it no sale reaches the tables."""
    scene = Scene()
    scene.child = dead("kafka", [])
    for _ in range(MOST_DEATHS):
        scene._look_after(scene.child)
        moment[0] += 0.25
    with pytest.raises(ServiceError, match="died"):
        scene._look_after(scene.child)
    assert scene.launched == MOST_DEATHS


def test_a_page_that_is_never_ready_does_not_end_the_run(
    moment: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows as starting."""
    scene = Scene()
    child = dead(SERVE, [])
    monkeypatch.setattr(child.popen, "poll", lambda: None)
    scene._look_after(child)
    assert (scene.launched, child.ready) == (0, False)
    assert moment == [1_000.0]
