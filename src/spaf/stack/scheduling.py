"""Which process gets a core first.

Linux puts each session into a group of its own (`kernel.sched_autogroup_enabled`), and every
process of SPAF has a session of its own. Between groups the niceness of a process does not count;
the group has one itself. See docs/explanation/latency.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from pathlib import Path

# The lowest realtime priority: before every ordinary process, after the kernel's own.
_REALTIME_PRIORITY = 1
# Slice of a process that may not have realtime: a shorter one preempts processes with the usual
# slice (some milliseconds) when it wakes. No right is needed for it. Nanoseconds.
_SLICE_NS = 100_000
_SYS_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
# struct sched_attr: size, policy, flags, niceness, priority, runtime, deadline, period.
_SCHED_ATTR = struct.Struct("IIQiIQQQ")


def go_first() -> None:
    """Run this thread before ordinary ones, as far as is allowed; not those that it will start.

    A producer's own thread that came first, too, would send a request for each sale as soon as it
    is queued, and take a core for that. Realtime needs CAP_SYS_NICE or a limit for it
    (`ulimit -r`). Without that the thread asks for a short slice. Also called between fork and
    exec: system calls only.
    """
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(0, policy, os.sched_param(_REALTIME_PRIORITY))
    except OSError:
        number = _SYS_SCHED_SETATTR.get(os.uname().machine)
        if number is not None:
            slice_of = _SCHED_ATTR.pack(_SCHED_ATTR.size, os.SCHED_OTHER, 0, 0, 0, _SLICE_NS, 0, 0)
            ctypes.CDLL(None).syscall(number, 0, slice_of, 0)


def give_way(niceness: int) -> None:
    """Let every other process of the machine come first: of the own session, and of others."""
    os.nice(niceness)
    # Refused to an account that has changed it within the last tenth of a second.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))
