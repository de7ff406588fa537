"""Start, look at and stop a run from another process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

from spaf import clock, settings
from spaf.errors import ServiceError, StackError
from spaf.settings import Settings
from spaf.stack import postgres, process, runtime
from spaf.stack.service_names import BARE
from spaf.stack.state import RunFolder, RunState

# Kafka's and PostgreSQL's first segments, checkpoints and logs fit in this with room to spare.
LEAST_FREE_MIB = 1024
# From the first process to the running job, on a slow machine, seconds.
UP_SECONDS = 180.0
# Longer than every service together is given to stop, seconds.
DOWN_SECONDS = 90.0
SUPERVISOR = "supervisor"
ENDING = frozenset({"stopping", "failed"})

Watcher = Callable[[RunState], None]


def is_up(chosen: Settings) -> bool:
    """Say whether a supervisor runs in the run folder and means to go on."""
    state = RunFolder(chosen.home).read()
    return state is not None and state.phase not in ENDING and state.supervisor().alive()


def up(
    chosen: Settings, watch: Watcher, *, end_with_us: bool = False, bare: bool = False
) -> RunState:
    """Start everything and wait until sales can flow.

    Args:
        chosen: the settings of the run.
        watch: is shown the state at each look.
        end_with_us: stop everything when this process ends, even if it is killed.
        bare: services only, neither the job nor Locust's page.

    Raises:
        StackError: it could not be started; says why, with the last lines of the log.

    """
    runtime.require_installed()
    home = RunFolder(chosen.home)
    require_space(home, LEAST_FREE_MIB)
    home.create()
    if not is_up(chosen):
        _wait_for_end(home)
        _clear_leftovers(home)
        child = _spawn(chosen, home, end_with_us=end_with_us, bare=bare)
    else:
        child = None
    return _wait_until_up(home, child, watch)


def down(chosen: Settings, *, wipe: bool = False) -> bool:
    """Stop everything; say whether anything was there. With `wipe`, delete the run folder too.

    Raises:
        StackError: what is to be deleted is no run folder; then nothing is stopped either.

    """
    home = RunFolder(chosen.home)
    if wipe:
        _require_ours(home)
    state = home.read()
    found = False
    if state is not None:
        supervisor = state.supervisor()
        found = supervisor.alive()
        process.stop(supervisor, signal.SIGTERM, DOWN_SECONDS)
        found = _clear_leftovers(home) or found
    if wipe and home.folder.exists():
        postgres.remove(home.postgres)
        shutil.rmtree(home.folder)
    return found


def require_space(home: RunFolder, mib: int) -> None:
    """Look whether the disk of the run folder has room.

    Raises:
        StackError: fewer MiB than these are free.

    """
    folder = next(p for p in (home.folder, *home.folder.parents) if p.exists())
    free = shutil.disk_usage(folder).free // 2**20
    if free < mib:
        raise StackError(
            f"Only {free} MiB are free on the disk of {folder}; {mib} MiB are needed.",
            todo="Free some space, or choose another run folder with SPAF_HOME.",
        )


def _require_ours(home: RunFolder) -> None:
    if home.folder.exists() and not home.marker.exists():
        raise StackError(
            f"{home.folder} is not deleted: SPAF did not make it.",
            todo="Correct SPAF_HOME, or delete the folder yourself.",
        )


def _wait_for_end(home: RunFolder) -> None:
    """Let a run that is ending end: its services still hold their ports and files."""
    state = home.read()
    if state is not None:
        process.wait_until(lambda: not state.supervisor().alive(), DOWN_SECONDS)


def _clear_leftovers(home: RunFolder) -> bool:
    """End what a killed supervisor may have left; say whether there was anything."""
    state = home.read()
    if state is None:
        return False
    left = [i for s in state.services.values() if (i := s.identity()) and i.alive()]
    for identity in left:
        process.stop(identity, signal.SIGINT, 10)
    home.state.unlink(missing_ok=True)
    return bool(left)


def _spawn(
    chosen: Settings, home: RunFolder, *, end_with_us: bool, bare: bool
) -> subprocess.Popen[bytes]:
    with (home.logs / "spaf.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "spaf.stack.supervisor", *([BARE] if bare else [])],
            env={**os.environ, **settings.environment(chosen)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=(  # noqa: PLW1509 - prctl only
                process.end_with_parent(signal.SIGTERM) if end_with_us else None
            ),
        )


def _wait_until_up(
    home: RunFolder, child: subprocess.Popen[bytes] | None, watch: Watcher
) -> RunState:
    deadline = clock.monotonic() + UP_SECONDS
    while clock.monotonic() < deadline:
        state = home.read()
        if state is not None:
            watch(state)
            if state.phase == "failed":
                raise StackError(state.message)
            if state.phase == "running":
                return state
        if child is not None and child.poll() is not None:
            state = home.read()
            if state is not None and state.message:
                raise StackError(state.message)
            raise ServiceError(
                SUPERVISOR,
                f"ended unexpectedly (exit code {child.returncode})",
                log_tail=process.log_tail(home.logs / "spaf.log"),
            )
        clock.sleep(process.POLL)
    raise StackError(
        f"The stack was not up after {UP_SECONDS:.0f} s.",
        todo="`spaf status` shows what is missing, `spaf logs NAME` why; `spaf down` ends it.",
    )
