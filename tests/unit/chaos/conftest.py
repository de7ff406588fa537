"""A scene whose services are small processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from spaf.chaos.fault import Scene
from spaf.settings import Settings
from spaf.stack.process import ProcessIdentity
from spaf.stack.run import Run
from spaf.stack.state import Phase, RunFolder, RunState, ServiceState, ServiceStatus

MakeScene = Callable[..., Scene]


@pytest.fixture
def make_scene(tmp_path: Path) -> Iterator[MakeScene]:
    """Return a function that makes a scene with these services, each of them an idle process."""
    children: list[subprocess.Popen[bytes]] = []

    def idle() -> ProcessIdentity:
        children.append(
            subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        )
        identity = ProcessIdentity.of(children[-1].pid)
        assert identity is not None
        return identity

    def make(*names: str) -> Scene:
        settings = Settings(home=tmp_path / "run")
        home = RunFolder(settings.home)
        home.create()
        head = idle()
        state = RunState(head.pid, head.started, Phase.RUNNING, kafka="127.0.0.1:1")
        for name in names:
            identity = idle()
            state.services[name] = ServiceState(
                name, ServiceStatus.RUNNING, "", pid=identity.pid, started=identity.started
            )
        home.write(state)
        return Scene(Run(settings, state), lambda: None, rate=10.0)

    yield make
    for child in children:
        psutil.Process(child.pid).resume() if child.poll() is None else None
        child.kill()
        child.wait()
