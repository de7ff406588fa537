"""What any process finds out about a run without a server: disk, suspended processes, its state."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from spaf import clock
from spaf.errors import NotUpError
from spaf.stack.state import JobPhase, Phase, RunFolder, RunState, ServiceState, ServiceStatus
from spaf.trouble import Trouble, trouble

# PostgreSQL needs 16 MiB for a segment of its log, Kafka some for its indexes.
MIN_FREE_BYTES = 32 * 2**20
# A state that is older was not written: the supervisor is suspended, or the disk is full. Seconds.
STALE_S = 4.0
# What is written to find out whether a write is accepted: a block of the file system.
PROBE = bytes(4_096)
# The letter of an uninterruptible wait in /proc.
DISK_SLEEP = "D"


def disk_trouble(folders: Sequence[Path]) -> Trouble | None:
    """Return that the disk of a folder is full, or that a folder cannot be written."""
    for folder in folders:
        try:
            usage = os.statvfs(folder)
        except OSError as error:
            return trouble("folder_not_writable", folder=folder, problem=error.strerror)
        if usage.f_flag & os.ST_RDONLY:
            return trouble("folder_not_writable", folder=folder, problem="it is read-only")
        free = usage.f_bavail * usage.f_frsize
        if free < MIN_FREE_BYTES:
            return trouble(
                "disk_full",
                folder=folder,
                free=f"{free / 2**20:.1f}",
                needed=f"{MIN_FREE_BYTES / 2**20:.0f}",
            )
        if usage.f_files and not usage.f_favail:
            return trouble("folder_not_writable", folder=folder, problem="no inode is left")
    return None


def suspended_services(
    services: Sequence[ServiceState], *, children: bool = False
) -> dict[str, int]:
    """Return the pids of services of which a process is suspended (SIGSTOP), by name.

    Args:
        services: of the run.
        children: look at the children too, such as the sessions of PostgreSQL; that takes longer.

    """
    pids: dict[str, int] = {}
    for service in services:
        identity = service.identity()
        process = None if identity is None else identity.process()
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [] if process is None else [process]
            if process is not None and children:
                family += process.children(recursive=True)
            stopped = [member.pid for member in family if member.status() == psutil.STATUS_STOPPED]
            if stopped:
                pids[service.name] = stopped[0]
    return pids


def present_trouble(home: RunFolder, state: RunState) -> Trouble | None:
    """Return the published cause, or why the supervisor cannot publish any."""
    age_s = clock.now_us() / 1e6 - state.written
    if age_s < STALE_S or not state.written:
        return state.trouble
    return (
        disk_trouble([home.folder])
        or _hanging_disk(home.folder, state, age_s)
        or refused_write(home.folder)
        or trouble("supervisor_silent", pid=state.supervisor_pid, seconds=f"{age_s:.0f}")
    )


def present_services(state: RunState) -> list[ServiceState]:
    """Return the services; one that has ended since the state was written waits for its restart."""
    services = list(state.services.values())
    if clock.now_us() / 1e6 - state.written < STALE_S:
        return services
    return [
        msgspec.structs.replace(service, state=ServiceStatus.RESTARTING, pid=None)
        if service.state is ServiceStatus.RUNNING and not _alive(service)
        else service
        for service in services
    ]


def status_problem(home: RunFolder) -> str:
    """Return what is not as it should be in the run of a folder; "" if nothing is."""
    try:
        state = home.running()
    except NotUpError as error:
        return error.what
    return run_problem(state, present_trouble(home, state))


def run_problem(state: RunState, cause: Trouble | None) -> str:
    """Return what is not as it should be in a run: its cause, else what shows it; "" if nothing."""
    if cause is not None:
        return cause.what
    if state.phase is not Phase.RUNNING:
        return f"the run is {state.phase}"
    for service in present_services(state):
        if service.state not in (ServiceStatus.RUNNING, ServiceStatus.EXTERNAL):
            return f"{service.name} is {service.state}"
    return "" if state.job.state is JobPhase.RUNNING else f"the job is {state.job.state}"


def _alive(service: ServiceState) -> bool:
    identity = service.identity()
    return identity is not None and identity.alive()


def refused_write(folder: Path) -> Trouble | None:
    """Return that a new file in the folder is refused: by a quota, or after an error of the disk.

    `disk_trouble` cannot find this: there is space, and nothing is marked as read-only.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(PROBE)
            file.flush()
    except OSError as error:
        return trouble("folder_not_writable", folder=folder, problem=error.strerror)
    return None


def _hanging_disk(folder: Path, state: RunState, age_s: float) -> Trouble | None:
    """Return that the supervisor waits for the disk: a write there would hang as well."""
    supervisor = state.supervisor().process()
    if supervisor is None or not waits_for_disk(supervisor.pid):
        return None
    return trouble("disk_silent", folder=folder, seconds=f"{age_s:.0f}")


def waits_for_disk(pid: int) -> bool:
    """Return whether a thread of the process is in a wait that no signal interrupts."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        threads = psutil.Process(pid).threads()
        return any(_thread_state(pid, thread.id) == DISK_SLEEP for thread in threads)
    return False


def _thread_state(pid: int, thread: int) -> str:
    """Return the state letter of a thread; "" if it has ended."""
    with contextlib.suppress(OSError):
        # After the name in brackets, which may hold anything.
        return Path(f"/proc/{pid}/task/{thread}/stat").read_text().rpartition(")")[2].split()[0]
    return ""
