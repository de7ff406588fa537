"""Which process gets a core first: asked of the kernel, for real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spaf.stack import process

READ_PRIORITY = (
    "import os; print(os.nice(0), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK,"
    "open('/proc/self/autogroup').read())"
)
TRY_REALTIME = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
NO_REALTIME = "import resource; resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0));"
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
