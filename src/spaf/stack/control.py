"""Start and stop a run from another process, and find out whether it is up."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence

from spaf import clock, settings
from spaf.errors import ServiceError, StackError
from spaf.settings import Settings
from spaf.stack import postgres, process, stop_signal
from spaf.stack.doctor.start import require_startable
from spaf.stack.service_names import ARCHIVING, BARE, SERVE, SUPERVISOR, SUPERVISOR_LOG
from spaf.stack.state import JobPhase, Phase, RunFolder, RunState, ServiceStatus
from spaf.stack.vitals import present_trouble
from spaf.trouble import CERTAIN_S

# From the first process to the running job, on a slow machine, seconds.
UP_TIMEOUT_S = 180.0
# From the running job to the first answer of the page, on a slow machine, seconds.
PAGE_TIMEOUT_S = 30.0
# Longer than all services together may take to stop, seconds.
DOWN_TIMEOUT_S = 90.0
# A service whose supervisor was killed is killed if it has not stopped after this, seconds.
LEFTOVER_TIMEOUT_S = 10.0

# Held by a command for as long as it waits for a run to come up.
START_LOCK = "start.lock"

Watcher = Callable[[RunState], None]


def is_up(chosen: Settings) -> bool:
    """Return whether a supervisor runs in the run folder and is not about to stop."""
    state = _unfinished(chosen)
    return state is not None and state.supervisor().alive()


def was_killed(chosen: Settings) -> bool:
    """Return whether the last supervisor ended without stopping its run, so without a log entry."""
    state = _unfinished(chosen)
    return state is not None and not state.supervisor().alive()


def up(
    chosen: Settings,
    watch: Watcher,
    *,
    end_with_us: bool = False,
    bare: bool = False,
    archiving: bool = False,
) -> RunState:
    """Start everything and wait until the job runs.

    Args:
        chosen: the settings of the run.
        watch: is called with each state that is read meanwhile.
        end_with_us: stop the run when this process ends, even if it is killed.
        bare: services only, neither the job nor Locust nor the page.
        archiving: each JVM writes its class-data archive when it ends.

    Raises:
        StackError: the run could not be started; the message has the reason and the last lines
            of the log.

    """
    home = RunFolder(chosen.home)
    child = None
    if not is_up(chosen):
        require_startable(chosen)
        home.create()
    with _only_start(home, watch):
        if not is_up(chosen):
            _wait_for_end(home)
            _clear_leftovers(home)
            options = [*([BARE] if bare else []), *([ARCHIVING] if archiving else [])]
            child = _start_supervisor(chosen, home, options, end_with_us=end_with_us)
        return _wait_until_up(home, child, watch)


def wait_for_page(chosen: Settings, watch: Watcher) -> bool:
    """Wait until the live page shows the run that is up; return whether it did in time.

    Before the job runs it shows the start only. The run goes on without it; a bare run has none.

    Raises:
        NotUpError: the run has ended.

    """
    home = RunFolder(chosen.home)

    def answers() -> bool:
        state = home.running()
        watch(state)
        page = state.services.get(SERVE)
        bare = state.phase is Phase.RUNNING and state.job.state is JobPhase.WAITING
        return bare or (page is not None and page.state is ServiceStatus.RUNNING)

    return process.wait_until(answers, PAGE_TIMEOUT_S)


def down(chosen: Settings, *, wipe: bool = False) -> bool:
    """Stop the run; return whether anything ran. With `wipe`, delete the run folder too.

    Raises:
        StackError: the folder to delete is no run folder; then nothing is stopped either.

    """
    home = RunFolder(chosen.home)
    if wipe:
        _require_ours(home)
    state = home.read()
    stopped = False
    if state is not None:
        supervisor = state.supervisor()
        stopped = supervisor.alive()
        process.stop(supervisor, signal.SIGTERM, DOWN_TIMEOUT_S)
        stopped = _clear_leftovers(home) or stopped
    if wipe and home.marker.exists():
        postgres.remove(home.postgres)
        home.delete()
    return stopped


def _unfinished(chosen: Settings) -> RunState | None:
    """Return the state of the last run unless that run has failed or was stopped."""
    state = RunFolder(chosen.home).read()
    return state if state and state.phase in (Phase.STARTING, Phase.RUNNING) else None


def _require_ours(home: RunFolder) -> None:
    empty = home.folder.is_dir() and not any(home.folder.iterdir())
    if home.folder.exists() and not home.marker.exists() and not empty:
        raise StackError(
            f"{home.folder} is not deleted: SPAF did not create it.",
            todo="Correct SPAF_HOME, or delete the folder yourself.",
        )


@contextlib.contextmanager
def _only_start(home: RunFolder, watch: Watcher) -> Iterator[None]:
    """Let one process at a time start the run; others watch it, and then find it up."""
    with (home.folder / START_LOCK).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                state = home.read()
                if state is not None:
                    watch(state)
                clock.sleep(process.POLL_S)
        yield


def _wait_for_end(home: RunFolder) -> None:
    """Wait for a run that is stopping: its services still hold their ports and files."""
    state = home.read()
    if state is not None:
        process.wait_until(lambda: not state.supervisor().alive(), DOWN_TIMEOUT_S)


def _clear_leftovers(home: RunFolder) -> bool:
    """Stop services that a killed supervisor has left; return whether there were any."""
    state = home.read()
    if state is None:
        return False
    identities = [service.identity() for service in state.services.values()]
    left = [identity for identity in identities if identity and identity.alive()]
    for identity in left:
        process.stop(identity, signal.SIGINT, LEFTOVER_TIMEOUT_S)
    # A disk that has become read-only keeps it: it says that the supervisor was killed.
    with contextlib.suppress(OSError):
        home.state.unlink(missing_ok=True)
    return bool(left)


def _start_supervisor(
    chosen: Settings, home: RunFolder, options: Sequence[str], *, end_with_us: bool
) -> subprocess.Popen[bytes]:
    return process.spawn(
        SUPERVISOR,
        process.module_command("spaf.stack.supervisor", *options),
        log=home.logs / f"{SUPERVISOR_LOG}.log",
        env=settings.environment(chosen),
        parent_death_signal=signal.SIGTERM if end_with_us else None,
        blocked_signals=stop_signal.SIGNALS,
    )


def _wait_until_up(
    home: RunFolder, child: subprocess.Popen[bytes] | None, watch: Watcher
) -> RunState:
    deadline = clock.monotonic() + UP_TIMEOUT_S
    while clock.monotonic() < deadline:
        state = home.read()
        if state is not None:
            watch(state)
            if state.phase is Phase.FAILED:
                raise StackError(state.message)
            if state.phase is Phase.RUNNING:
                return state
            _require_hope(home, state)
        if child is not None and child.poll() is not None:
            raise _ended(home, child)
        clock.sleep(process.POLL_S)
    raise StackError(
        f"The stack was not up after {UP_TIMEOUT_S:.0f} s.",
        todo="`spaf status` shows what is missing, `spaf logs NAME` why; `spaf down` stops it.",
    )


def _require_hope(home: RunFolder, state: RunState) -> None:
    """Do not wait for a run that waits for a person.

    Raises:
        StackError: the cause, and what to do.

    """
    if state.job.state is JobPhase.STOPPED:
        return
    cause = present_trouble(home, state)
    if cause is not None and cause.lasting and clock.now_us() / 1e6 - cause.since >= CERTAIN_S:
        raise StackError(f"The run does not come up: {cause.what}", todo=cause.todo)


def _ended(home: RunFolder, child: subprocess.Popen[bytes]) -> StackError:
    """Return why a supervisor has ended before the run was up."""
    state = home.read()
    if state is not None and state.supervisor_pid == child.pid and state.message:
        return StackError(state.message)
    return ServiceError(
        SUPERVISOR,
        f"ended unexpectedly (exit code {child.returncode})",
        log_tail=process.log_tail(home.logs / f"{SUPERVISOR_LOG}.log"),
    )
