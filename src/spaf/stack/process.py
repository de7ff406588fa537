"""One process of ours: started exactly, known exactly, ended exactly.

A pid alone does not name a process, because pids are used again; a pid with its start time does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from spaf import clock
from spaf.errors import ServiceError

# How often a condition is looked at, seconds: below what a person notices, above what costs.
POLL = 0.05
# Two readings of one process's start time differ by float noise only, seconds.
START_TIME_TOLERANCE = 0.01
LOG_TAIL_LINES = 15
# No more of a log than this is read for its last lines, bytes.
LOG_TAIL_BYTES = 2**20
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be confused with a later one of the same pid."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Return the identity of a living process, or None."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """Return the process if it is still the same one and not a zombie."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TIME_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self.process() is not None


@dataclass(frozen=True)
class ServiceProcess:
    """What it takes to run one service and to know that it is ready."""

    name: str
    argv: Sequence[str]
    address: str
    log: Path
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path()
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    # A service that has not stopped by then is killed, seconds.
    stop_seconds: float = 10.0


def start(service: ServiceProcess) -> subprocess.Popen[bytes]:
    """Start a service; it is asked to stop if this process dies without doing so itself.

    Raises:
        ServiceError: the program could not be started at all.

    """
    service.log.parent.mkdir(parents=True, exist_ok=True)
    with service.log.open("ab") as log:
        try:
            return subprocess.Popen(
                list(service.argv),
                cwd=service.cwd,
                env={**os.environ, **service.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the program in the foreground; it decides what to stop, and when.
                start_new_session=True,
                user=service.user,
                group=None if service.user is None else _group_of(service.user),
                extra_groups=None if service.user is None else [],
                preexec_fn=end_with_parent(service.stop_signal),  # noqa: PLW1509 - prctl only
            )
        except OSError as error:
            raise ServiceError(service.name, f"cannot be started: {error}") from error


def stop(identity: ProcessIdentity, stop_signal: int, seconds: float) -> None:
    """End a process and its children: ask first, kill those that have not gone in time."""
    process = identity.process()
    if process is None:
        return
    family = [process, *_children(process)]
    _signal(process, stop_signal)
    _, left = psutil.wait_procs(family, timeout=seconds)
    for straggler in left:
        _signal(straggler, signal.SIGKILL)
    psutil.wait_procs(left, timeout=seconds)


def wait_until(condition: Callable[[], bool], seconds: float, *, poll: float = POLL) -> bool:
    """Look at a condition until it holds or the time is over; say whether it held."""
    deadline = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() > deadline:
            return False
        clock.sleep(poll)
    return True


def log_tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log, control characters removed, indented for a message."""
    if not log.exists():
        return ""
    begin = max(0, log.stat().st_size - LOG_TAIL_BYTES)
    with log.open("rb") as file:
        file.seek(begin)
        found = file.read().decode(errors="replace").splitlines()
    if begin > 0 and len(found) > 1:
        del found[0]  # its beginning was not read
    kept = ("".join(c for c in line if c.isprintable()) for line in found[-lines:])
    return "\n".join(f"    {line}" for line in kept)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _group_of(user: str) -> int:
    import pwd  # noqa: PLC0415 - POSIX only, as is running as root

    return pwd.getpwnam(user).pw_gid


def end_with_parent(number: int) -> Callable[[], None]:
    """Return what a child does before it becomes the service: ask for a signal at our death."""
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)

    return ask
