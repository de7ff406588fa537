"""What a service costs, on processes of our own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from spaf import clock
from spaf.stack import resource_usage
from spaf.stack.process import ProcessIdentity
from spaf.stack.resource_usage import ResourceUsage, resources
from spaf.stack.state import ServiceState, ServiceStatus


def me() -> ServiceState:
    """Return this process as a service."""
    identity = ProcessIdentity.of(os.getpid())
    assert identity is not None
    return ServiceState("me", ServiceStatus.RUNNING, "", pid=identity.pid, started=identity.started)


def test_memory_is_kept_for_a_while_and_processor_time_is_of_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The dear look is seldom; what it finds is what `resources` does."""
    looks: list[psutil.Process] = []

    def memory_mib(member: psutil.Process) -> float:
        looks.append(member)
        return 7.0

    monkeypatch.setattr(resource_usage, "memory_mib", memory_mib)
    costs = ResourceUsage()
    memory, before = costs.of(me())
    # Our own alone: `before` has what our children used, too.
    used = sum(os.times()[:2])
    while sum(os.times()[:2]) < used + 0.05:
        pass
    assert costs.of(me())[0] == memory == 7.0 * len(looks)
    seen = len(looks)
    assert costs.of(me())[1] >= before + 0.03
    assert len(looks) == seen
    later = clock.monotonic() + resource_usage.MAX_AGE_S + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    costs.of(me())
    assert len(looks) > seen


def test_it_is_what_resources_says() -> None:
    """About: a process changes between two looks."""
    memory, seconds = ResourceUsage().of(me())
    expected = resources(me())
    assert memory == pytest.approx(expected[0], rel=0.5)
    assert seconds == pytest.approx(expected[1], rel=0.5, abs=0.5)


def test_a_process_that_has_ended_costs_nothing() -> None:
    """Nor does one that is not ours."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity is not None
    service = ServiceState(
        "it", ServiceStatus.RUNNING, "", pid=identity.pid, started=identity.started
    )
    costs = ResourceUsage()
    assert costs.of(service)[0] > 0
    child.communicate(b"\n")
    assert costs.of(service)[1] == 0.0
    assert ResourceUsage().of(service) == (0.0, 0.0)
    assert costs.of(ServiceState("far", ServiceStatus.EXTERNAL, "far:9092")) == (0.0, 0.0)


def test_a_command_that_a_service_runs_costs_it_nothing(tmp_path: Path) -> None:
    """The page starts measurements; they and what they start are no part of the page."""
    (tmp_path / "spaf.py").write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=sys.stdin)\n"
        "print(child.pid, flush=True)\nchild.wait()\n"
    )
    command = [sys.executable, "-m", "spaf"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        found = {process.pid for process in resource_usage.processes(psutil.Process())}
        child.communicate("\n")
    assert os.getpid() in found
    assert not {child.pid, grandchild} & found
