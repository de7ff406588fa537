"""Checks of the machine: processors, memory, limits of the shell, account, loopback, kernel."""

from __future__ import annotations

import locale
import os
import pwd
import resource
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil

from spaf import clock
from spaf.environment import FIXED
from spaf.settings import Settings
from spaf.stack import postgres, runtime
from spaf.stack.doctor.finding import Finding, Subject, fail, ok, warn
from spaf.stack.ports import LOOPBACK

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a mount, no temporary file
# Memory of the services without the heaps that the settings choose, MiB, as measured at 100 sales
# a second.
KAFKA_MIB = 64
POSTGRES_MIB = 48
JOBMANAGER_MIB = 240
ZOOKEEPER_MIB = 90
TASKMANAGER_MIB = 280
OWN_PROCESSES_MIB = 240
# What a JVM reserves at its start without using it: 2.8 GiB with a heap of 384 MiB, measured. MiB.
MIN_ADDRESS_SPACE_MIB = 4 * 1024
# A running broker has 105 files open, a process of PostgreSQL 152; a partition adds some.
MIN_OPEN_FILES = 200
OPEN_FILES_PER_PARTITION = 8
# A segment of the log, and a file of PostgreSQL, are up to this long.
MIN_FILE_MIB = 1024
# A process of a run needs less in half a day, seconds.
MIN_PROCESSOR_S = 43_200
# Threads of all services.
MIN_TASKS = 600
# PostgreSQL shares a few MiB between its processes, a browser somewhat more.
MIN_SHARED_MIB = 16
# Two processors start a run in the time that the documentation names.
USUAL_CORES = 2
# A clock that is this much before the installation is wrong, seconds.
CLOCK_TOLERANCE_S = 86_400


def cores(_: Subject) -> Iterator[Finding]:
    """Count the processors that this process may use."""
    count = min([float(len(os.sched_getaffinity(0))), *_core_quotas()])
    if count < USUAL_CORES:
        yield warn(f"{count:g} processor cores: a start takes longer.", "Allow two cores.")
    else:
        yield ok(f"{count:g} processor cores")


def memory(subject: Subject) -> Iterator[Finding]:
    """Compare the available memory with what a run needs."""
    if subject.run is not None:
        yield ok("memory: a run is up")
        return
    available, needed = available_mib(), needed_mib(subject.settings)
    if available < needed:
        yield fail(
            f"{available:,} MiB of memory are available; a run with these settings needs about"
            f" {needed:,} MiB.",
            "End other programs, raise the limit of the container, or lower kafka.heap_mib and"
            " flink.task_heap_mib.",
        )
    else:
        yield ok(f"{available:,} MiB of memory available, {needed:,} needed")


def address_space(_: Subject) -> Iterator[Finding]:
    """Refuse a limit below which a JVM cannot reserve its memory."""
    for name, flag, number in (
        ("address space", "-v", resource.RLIMIT_AS),
        ("data segment", "-d", resource.RLIMIT_DATA),
    ):
        yield _limit(name, flag, number, MIN_ADDRESS_SPACE_MIB * 2**20)


def processor_time(_: Subject) -> Iterator[Finding]:
    """Refuse a limit after which the kernel would end the services."""
    yield _limit("processor time in seconds", "-t", resource.RLIMIT_CPU, MIN_PROCESSOR_S)


def file_size(_: Subject) -> Iterator[Finding]:
    """Refuse a limit that a segment of the log would reach."""
    yield _limit("size of a file", "-f", resource.RLIMIT_FSIZE, MIN_FILE_MIB * 2**20)


def open_files(subject: Subject) -> Iterator[Finding]:
    """Refuse a hard limit that the broker would reach; each JVM raises the soft one itself."""
    minimum = MIN_OPEN_FILES + OPEN_FILES_PER_PARTITION * subject.settings.kafka.partitions
    yield _limit("number of open files", "-Hn", resource.RLIMIT_NOFILE, minimum)


def tasks(_: Subject) -> Iterator[Finding]:
    """Refuse a limit of processes and threads that a run would reach."""
    yield _limit("number of processes", "-Hu", resource.RLIMIT_NPROC, MIN_TASKS)
    for folder in _cgroup_folders("pids"):
        limit, used = _number(folder / "pids.max"), _number(folder / "pids.current")
        if limit is not None and limit - (used or 0) < MIN_TASKS:
            yield fail(
                f"The container allows {limit} processes and threads; a run needs {MIN_TASKS}.",
                "Raise its limit (`--pids-limit` of docker and podman).",
            )


def encoding(_: Subject) -> Iterator[Finding]:
    """Require the locale of every process, which names of files with accents need."""
    name, before = FIXED["LC_ALL"], locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        yield fail(
            f"The system has no locale {name}; PostgreSQL and Java need it.",
            "Install it: package `locales` or `glibc-langpack-en`, or a C library from 2021 on.",
        )
    else:
        yield ok(f"locale {name}")
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def account(_: Subject) -> Iterator[Finding]:
    """Require an account that PostgreSQL can run under."""
    if os.geteuid() == 0:
        yield ok(f"root; PostgreSQL runs as {postgres.unprivileged_user()}")
        return
    try:
        yield ok(f"account {pwd.getpwuid(os.geteuid()).pw_name}")
    except KeyError:
        yield fail(
            f"User id {os.geteuid()} has no entry in /etc/passwd; PostgreSQL refuses to run.",
            "Start the container with a user of the image, or add a line for the id.",
        )


def loopback(_: Subject) -> Iterator[Finding]:
    """Require that a connection to this machine works."""
    try:
        with socket.create_server((LOOPBACK, 0)) as server:
            socket.create_connection(server.getsockname(), 1.0).close()
    except OSError as error:
        yield fail(
            f"No connection to {LOOPBACK} is possible ({error.strerror or error}).",
            "Bring the loopback interface up: `ip link set lo up`.",
        )
    else:
        yield ok(f"connections to {LOOPBACK}")


def temporary_files(_: Subject) -> Iterator[Finding]:
    """Require a folder for the temporary files of libraries."""
    for folder in ("/tmp", "/var/tmp"):  # noqa: S108 - what the libraries use
        if os.access(folder, os.W_OK | os.X_OK):
            yield ok(f"temporary files in {folder}")
            return
    yield fail("Neither /tmp nor /var/tmp can be written.", "Correct their permissions.")


def shared_memory(_: Subject) -> Iterator[Finding]:
    """Look at the mount for memory that processes share."""
    if not os.access(SHARED_MEMORY, os.W_OK):
        todo = "Mount it as tmpfs with mode 1777."
        yield warn(f"{SHARED_MEMORY} cannot be written; PostgreSQL takes slower memory.", todo)
        return
    free = shutil.disk_usage(SHARED_MEMORY).free // 2**20
    if free < MIN_SHARED_MIB:
        todo = "Enlarge it (`--shm-size` of docker and podman)."
        yield warn(f"Only {free} MiB are free in {SHARED_MEMORY}.", todo)
    else:
        yield ok(f"{free:,} MiB free in {SHARED_MEMORY}")


def time(_: Subject) -> Iterator[Finding]:
    """Compare the clock with the time of the installation."""
    now = clock.now_us() / 1e6
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if now < runtime.java().stat().st_mtime - CLOCK_TOLERANCE_S:
        yield warn(
            f"The clock says {shown}, which is before SPAF was installed.",
            "Set it: late sales and checkpoints depend on it.",
        )
    else:
        yield ok(f"clock: {shown}")


def overcommit(subject: Subject) -> Iterator[Finding]:
    """Look at the kernel's rule for memory that is reserved and not used."""
    strict = 2
    if _number(Path("/proc/sys/vm/overcommit_memory")) == strict and subject.run is None:
        yield warn(
            "The kernel grants no more memory than it has (vm.overcommit_memory=2); JVMs reserve"
            " more than they use, and may not start.",
            "Set vm.overcommit_memory to 0 or 1.",
        )
    else:
        yield ok("the kernel grants reserved memory")


def needed_mib(settings: Settings) -> int:
    """Return about how much memory the services take that SPAF starts, MiB."""
    needed = OWN_PROCESSES_MIB
    if settings.kafka.bootstrap_servers is None:
        needed += KAFKA_MIB + settings.kafka.heap_mib
    if not settings.postgres.elsewhere:
        needed += POSTGRES_MIB
    if settings.flink.rest_url is None:
        taskmanager_mib = TASKMANAGER_MIB + settings.flink.task_heap_mib
        needed += JOBMANAGER_MIB + settings.flink.task_managers * taskmanager_mib
        if settings.flink.high_availability != "none":
            needed += JOBMANAGER_MIB
            needed += ZOOKEEPER_MIB if settings.flink.zookeeper is None else 0
    return needed


def available_mib() -> int:
    """Return the memory that a new process may take: of the machine and of each cgroup, MiB."""
    available = psutil.virtual_memory().available + psutil.swap_memory().free
    for folder in _cgroup_folders("memory"):
        limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            available = min(available, limit - used + _file_cache(folder / "memory.stat"))
    return available // 2**20


def _limit(name: str, flag: str, number: int, minimum: int) -> Finding:
    """Return a finding about one limit of the shell; the hard one counts."""
    hard = resource.getrlimit(number)[1]
    if hard in (resource.RLIM_INFINITY, -1) or hard >= minimum:
        return ok(f"no low limit of the {name}")
    shown = [f"{value // 2**20} MiB" if value >= 2**20 else f"{value}" for value in (hard, minimum)]
    return fail(
        f"The {name} is limited to {shown[0]}; a run needs {shown[1]}.",
        f"Raise the limit (`ulimit {flag}`) or start from another shell.",
    )


def _cgroup_folders(controller: str) -> Iterator[Path]:
    """Yield the folder of this process in the cgroup of a controller, and those above it."""
    try:
        lines = OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = CGROUPS / controllers if controllers else CGROUPS
        # In a container the path is that of the host; then only the root exists.
        folder = root / path.lstrip("/")
        yield from (parent for parent in (folder, *folder.parents) if parent.is_relative_to(root))


def _core_quotas() -> Iterator[float]:
    """Yield how many cores each cgroup allows, if it has a limit."""
    for folder in _cgroup_folders("cpu"):
        try:
            quota, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):
            quota = str(_number(folder / "cpu.cfs_quota_us") or -1)
            period = str(_number(folder / "cpu.cfs_period_us") or 1)
        if quota not in {"max", "-1"}:
            yield int(quota) / int(period)


def _number(*files: Path) -> int | None:
    """Return the number in the first of these files that has one; a word means no limit."""
    for file in files:
        try:
            return int(file.read_text())
        except (OSError, ValueError):
            continue
    return None


def _file_cache(file: Path) -> int:
    """Return how much of the memory of a cgroup is the content of files, which can be dropped."""
    try:
        rows = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return 0
    return sum(int(row[1]) for row in rows if row[0] in {"active_file", "inactive_file"})
