"""Which process gets a core first: asked of the kernel, for real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spaf.stack import process, scheduling

READ_PRIORITY = (
    "import os; print(os.nice(0), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK,"
    "open('/proc/self/autogroup').read())"
)
TRY_REALTIME = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
NO_REALTIME = "import resource; resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0));"
SHOW_COMPILER = (
    "import ctypes, sys; ctypes.CDLL(None).prctl(15, sys.argv[1].encode());"
    "print(flush=True); sys.stdin.read()"
)
has_autogroups = pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="a kernel without autogroups"
)


def output(code: str, *, goes_first: bool = False) -> list[str]:
    """Return the words that a child prints."""
    command = [sys.executable, "-c", code]
    with process.spawn("x", command, stdout=subprocess.PIPE, goes_first=goes_first) as child:
        return child.communicate()[0].decode().split()


@has_autogroups
def test_what_gives_way_does_so_to_other_sessions_too() -> None:
    """Niceness counts in the own session only; between sessions that of the group does."""
    code = f"from spaf.stack.scheduling import give_way; give_way(3); {READ_PRIORITY}"
    niceness, _, _, *group = output(code)
    assert (int(niceness), group) == (os.nice(0) + 3, ["nice", "3"])


@has_autogroups
def test_what_goes_first_has_realtime_where_that_is_allowed() -> None:
    """And an ordinary process stays one."""
    tried = subprocess.run([sys.executable, "-c", TRY_REALTIME], capture_output=True, check=False)
    best = os.SCHED_OTHER if tried.returncode else os.SCHED_RR
    policies = [output(READ_PRIORITY, goes_first=first)[1] for first in (True, False)]
    assert policies == [str(best), str(os.SCHED_OTHER)]


def test_what_goes_first_starts_ordinary_children() -> None:
    """Neither do its later threads go first."""
    child = "import os, subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    command = [sys.executable, "-c", child, READ_PRIORITY]
    with process.spawn("x", command, stdout=subprocess.PIPE, goes_first=True) as started:
        words = started.communicate()[0].decode().split()
    assert words[1] == str(os.SCHED_OTHER)


def test_without_the_right_to_realtime_a_process_starts_all_the_same() -> None:
    """It asks for a short slice, and an old kernel may refuse that, too."""
    code = (
        "import os; os.geteuid() or os.setuid(65534);"
        "from spaf.stack.scheduling import go_first; go_first();"
        "print(os.sched_getscheduler(0) == os.SCHED_OTHER)"
    )
    # The modules are read before the account is given up.
    assert output(f"import ctypes; import spaf.stack.scheduling; {NO_REALTIME} {code}") == ["True"]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="one core")
@pytest.mark.parametrize(
    ("name", "confined"), [("C2 CompilerThread0", True), ("C1 CompilerThread0", True), ("x", False)]
)
def test_compilers_stay_on_the_last_core(name: str, *, confined: bool) -> None:
    """Every other thread may run on any core."""
    cores = os.sched_getaffinity(0)
    command = [sys.executable, "-c", SHOW_COMPILER, name]
    with process.spawn("x", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        scheduling.confine_compilers(child.pid)
        assert os.sched_getaffinity(child.pid) == ({max(cores)} if confined else cores)
        child.send_signal(signal.SIGKILL)


def test_a_process_that_has_ended_is_no_error() -> None:
    """A JVM may die at any moment."""
    with process.spawn("x", [sys.executable, "-c", ""]) as child:
        child.wait()
    scheduling.confine_compilers(child.pid)
