"""File descriptors that are used up, by the limit of a running process."""

from __future__ import annotations

from pathlib import Path

import psutil

from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.chaos.faults.network import client_process
from spaf.errors import StackError
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import (
    JOBMANAGER,
    KAFKA,
    LOCUST,
    QUARANTINE,
    SERVE,
    SUPERVISOR,
    TASKMANAGER,
)


class UsedUpDescriptors(Fault):
    """A process that gets no further file descriptor: no file, no connection."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the scene and the name of the target."""
        self._scene, self._target = scene, target
        self._hit: ProcessIdentity | None = None
        self._usual: tuple[int, int] = (0, 0)
        self._limit = 0

    def inject(self) -> None:
        """Lower the limit to what is in use.

        Raises:
            StackError: the process is gone.

        """
        self._hit = client_process(self._scene, self._target)
        process = None if self._hit is None else self._hit.process()
        if process is None:
            raise StackError(f"{self._target} has no process now.")
        self._usual = process.rlimit(psutil.RLIMIT_NOFILE)
        self._limit = lowest_free(process.pid)
        process.rlimit(psutil.RLIMIT_NOFILE, (self._limit, self._usual[1]))

    def happened(self) -> bool:
        """Return whether all are in use, or the process has ended because of it."""
        process = None if self._hit is None else self._hit.process()
        if process is None:
            return self._hit is not None
        # A descriptor that it has closed since is the only one it can get.
        return lowest_free(process.pid) >= self._limit

    def lift(self) -> None:
        """Raise the limit again."""
        process = None if self._hit is None else self._hit.process()
        if process is not None:
            process.rlimit(psutil.RLIMIT_NOFILE, self._usual)


def lowest_free(pid: int) -> int:
    """Return the number that the next file descriptor of a process would have.

    Raises:
        OSError: the process is gone.

    """
    used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in range(len(used) + 1) if number not in used)


KINDS = (
    FaultKind(
        "descriptors",
        "Gives a process no further file descriptor: neither files nor connections.",
        UsedUpDescriptors,
        # Another account may run PostgreSQL; its limits are refused then.
        targets=(KAFKA, JOBMANAGER, TASKMANAGER, SERVE, QUARANTINE, LOCUST, SUPERVISOR),
        hold_s=(10.0,),
        response=(
            "What needs a further file or connection is tried again; what ends meanwhile is "
            "restarted."
        ),
        todo="Raise the limit of open files (`ulimit -n`), or end what keeps them open.",
    ),
)
