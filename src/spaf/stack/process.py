"""Child processes: start one, identify it, stop it, and read the end of its log.

A pid alone does not identify a process, because the kernel uses pids again; a pid together with the
start time of its process does.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

from spaf import clock
from spaf.environment import PYTHON_OPTIONS, child_environment
from spaf.errors import ServiceError
from spaf.stack import scheduling

# Between two checks of a condition: a person does not notice it, and it costs little. Seconds.
POLL_S = 0.05
# Two readings of the start time of one process differ by rounding only. Seconds.
START_TIME_TOLERANCE_S = 0.01
LOG_TAIL_LINES = 15
# At most this much of a log is read for its last lines.
LOG_TAIL_BYTES = 2**20
# The working directory of a process under a name that is short and ASCII, whatever the folder is
# called. The services name their files by it: properties, URIs, lists and options of a JVM each
# give another meaning to blanks, accents, commas, colons or percent signs.
CWD = Path("/proc/self/cwd")
# What a child creates is private only where its folder or its mode says so; others must be able to
# read the programs that PostgreSQL runs under another account.
UMASK = 0o022
# Signals that a program of a run must be able to get, whatever the user's shell ignores.
RESET_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD)
# Lines at the end of a log among which its last error is looked for.
ERROR_LINES = 200
MAX_ERROR_CHARS = 400
# The beginning of a line with an error, as Java, PostgreSQL and Python write it.
ERROR = re.compile(r"^.*?\b(?:ERROR|FATAL|PANIC)\b:?\s*(.*)$")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessIdentity:
    """A pid with the start time of its process, in seconds since the epoch."""

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
        """Return the process if it still runs; a zombie has ended."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TIME_TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self.process() is not None


class SpawnedProcess(NamedTuple):
    """A child of this process, by the name that messages call it."""

    name: str
    identity: ProcessIdentity


_spawned: dict[int, SpawnedProcess] = {}


@dataclass(frozen=True)
class ServiceProcess:
    """How to run one service, and how to find out that it is ready."""

    name: str
    argv: Sequence[str]
    address: str
    log: Path
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path()
    user: str | None = None
    # Where its data are: without being able to write there it would only end again.
    data: Path | None = None
    stop_signal: int = signal.SIGTERM
    # A service that has not stopped by then is killed.
    stop_timeout_s: float = 10.0
    # Whether its wait for a core would be measured as latency; see `spawn`.
    goes_first: bool = False
    # What runs in this process for as long as the service does: a part that it lacks itself.
    beside: contextlib.AbstractContextManager[object] = field(
        default_factory=contextlib.nullcontext
    )
    # Whether the process can be started yet; raises what has failed.
    prepared: Callable[[], bool] = lambda: True


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command of a Python module of SPAF; files of the current folder are ignored."""
    return [sys.executable, *PYTHON_OPTIONS, "-m", module, *arguments]


def spawn(  # noqa: PLR0913 - the options of subprocess.Popen
    name: str,
    argv: Sequence[str],
    *,
    log: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
    stderr: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    pass_fds: Collection[int] = (),
    parent_death_signal: int | None = signal.SIGTERM,
    blocked_signals: Collection[int] = (),
    goes_first: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a child process; SPAF starts all of its processes here.

    The child gets a session of its own: Ctrl-C in a terminal reaches only the foreground program,
    which decides what to stop, and when.

    Args:
        name: what messages call the child.
        argv: the command.
        log: file to which the output is appended; by default the output of this process.
        stdin: as in `subprocess.Popen`.
        stdout: as in `subprocess.Popen`, if it does not go to the log.
        stderr: the same.
        env: variables in addition to `spaf.environment.child_environment()`; none is inherited.
        cwd: working directory; by default that of this process.
        user: account to run under; by default that of this process.
        pass_fds: file descriptors that stay open in the child.
        parent_death_signal: sent by the kernel when the thread that has called this ends, even if
            it is killed; None lets the child live on.
        blocked_signals: signals that are blocked in the child; all others are not.
        goes_first: run the child before ordinary processes, as far as the kernel allows it.

    Raises:
        ServiceError: the program cannot be started.

    """
    prepare = _preparation(parent_death_signal, blocked_signals, goes_first=goes_first)
    try:
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.nullcontext() if log is None else log.open("ab") as output:
            child = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env={**child_environment(), **(env or {})},
                stdin=stdin,
                stdout=output if stdout is None else stdout,
                stderr=output if stderr is None else stderr,
                umask=UMASK,
                start_new_session=True,
                user=user,
                group=None if user is None else _group_of(user),
                extra_groups=None if user is None else [],
                pass_fds=pass_fds,
                preexec_fn=prepare,  # noqa: PLW1509 - system calls only
            )
    except OSError as error:
        raise ServiceError(name, f"cannot be started: {error}") from error
    identity = ProcessIdentity.of(child.pid)
    if identity is not None:
        _spawned[child.pid] = SpawnedProcess(name, identity)
    return child


def spawned() -> list[SpawnedProcess]:
    """Return every process that this one has started; many of them have ended."""
    return list(_spawned.values())


def run(
    name: str,
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; `stdout` of the result holds both of its outputs.

    Raises:
        ServiceError: the program cannot be started.

    """
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with spawn(name, argv, stdout=pipe, stderr=both, cwd=cwd, user=user, env=env) as child:
        output = child.communicate()[0]
    return subprocess.CompletedProcess(argv, child.returncode, output.decode(errors="replace"))


def start(service: ServiceProcess, *, foreground: bool = False) -> subprocess.Popen[bytes]:
    """Start a service; in the foreground its log is the output of this process.

    Raises:
        ServiceError: the program cannot be started.

    """
    return spawn(
        service.name,
        service.argv,
        log=None if foreground else service.log,
        stderr=subprocess.STDOUT if foreground else None,
        env=service.env,
        cwd=service.cwd,
        user=service.user,
        parent_death_signal=service.stop_signal,
        goes_first=service.goes_first,
    )


def stop(identity: ProcessIdentity, stop_signal: int, timeout_s: float) -> None:
    """Signal a process and wait for it and its children; kill those that have not ended in time."""
    process = identity.process()
    if process is None:
        return
    family = [identity, *map(ProcessIdentity.of, _children(process))]
    _signal(process, stop_signal)
    if not wait_until(lambda: not _living(family), timeout_s):
        for member in _living(family):
            _signal(member, signal.SIGKILL)
        wait_until(lambda: not _living(family), timeout_s)


def wait_until(condition: Callable[[], bool], timeout_s: float, *, poll: float = POLL_S) -> bool:
    """Check a condition each `poll` seconds, for `timeout_s`; return whether it came to hold."""
    deadline = clock.monotonic() + timeout_s
    while not condition():
        if clock.monotonic() > deadline:
            return False
        clock.sleep(poll)
    return True


def log_tail(log: Path, lines: int = LOG_TAIL_LINES, *, begin: int = 0) -> str:
    """Return the last lines of a log, control characters removed, indented for a message.

    Args:
        log: the file.
        lines: how many.
        begin: the position before which nothing is read.

    """
    if not log.exists():
        return ""
    first = max(begin, log.stat().st_size - LOG_TAIL_BYTES)
    with log.open("rb") as file:
        file.seek(first)
        content = file.read().decode(errors="replace").splitlines()
    if first > begin and len(content) > 1:
        del content[0]  # its beginning was not read
    printable = ("".join(c for c in line if c.isprintable()) for line in content[-lines:])
    return "\n".join(f"    {line}" for line in printable)


def exit_reason(code: int, log: Path, begin: int = 0) -> str:
    """Return how a process has ended, with its last error in the log, to be read after "it"."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    error = last_error(log, begin)
    return f"ended with exit code {code}" + (f": {error}" if error else "")


def last_error(log: Path, begin: int = 0) -> str:
    """Return the last line of a log that reports an error, without time and source."""
    lines = [line.strip() for line in log_tail(log, ERROR_LINES, begin=begin).splitlines()]
    error = next((line for line in reversed(lines) if ERROR.search(line)), "")
    return ERROR.sub(r"\1", error, count=1)[:MAX_ERROR_CHARS]


def _children(process: psutil.Process) -> list[int]:
    try:
        return [child.pid for child in process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _living(family: Sequence[ProcessIdentity | None]) -> list[psutil.Process]:
    """Return those that still run; in a container without an init, zombies stay for ever."""
    return [process for member in family if member and (process := member.process()) is not None]


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _group_of(user: str) -> int:
    import pwd  # noqa: PLC0415 - POSIX only, as is running as root

    return pwd.getpwnam(user).pw_gid


def _preparation(
    parent_death_signal: int | None, blocked_signals: Collection[int], *, goes_first: bool
) -> Callable[[], None]:
    """Return what the child does before it becomes the program."""
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        # A shell may ignore some of them, as for a command in the background.
        for number in RESET_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked_signals)
        if parent_death_signal is not None:
            libc.prctl(_PR_SET_PDEATHSIG, parent_death_signal)
        if goes_first:
            scheduling.go_first()

    return prepare
