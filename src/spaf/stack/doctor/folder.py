"""Checks of the run folder: access, file system, space, and what an earlier run has left."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from spaf.errors import StackError
from spaf.files import SECRET_MODE
from spaf.stack import postgres, runtime
from spaf.stack.doctor.finding import Finding, Subject, fail, ok, warn
from spaf.stack.state import Phase, RunFolder

# The first segments of Kafka and PostgreSQL, checkpoints and logs need less than this.
MIN_FREE_MIB = 1024
# A new cluster of PostgreSQL has about 1,000 files.
MIN_INODES = 5_000
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "fuse.", "afs", "ceph", "glusterfs", "drvfs")
IN_MEMORY = ("tmpfs", "ramfs")
OTHER_FOLDER = "Choose another run folder with SPAF_HOME."


def place(subject: Subject) -> Iterator[Finding]:
    """Require a folder that SPAF may use."""
    home = subject.home
    home.require_usable()
    shown = f"run folder {home.folder}"
    if home.folder.is_symlink():
        shown += f", a link to {home.folder.resolve()}"
    yield ok(shown if home.folder.exists() else f"{shown}, new")


def writable(subject: Subject) -> Iterator[Finding]:
    """Require that this account can write the folder and its parts."""
    home = subject.home
    for path in (home.folder, home.logs, home.kafka, home.flink, home.checkpoints, home.runs):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            owner = _owner(path)
            yield fail(
                f"{path} belongs to {owner}; this account may not write it.",
                f"Run SPAF as {owner}, give the folder away with chown, or set SPAF_HOME.",
            )
            return
    nearest = next(path for path in (home.folder, *home.folder.parents) if path.exists())
    if not nearest.is_dir():
        yield fail(f"{nearest} is not a folder.", OTHER_FOLDER)
        return
    parent = _existing(home.folder)
    if not os.access(parent, os.W_OK | os.X_OK):
        yield fail(f"{parent} cannot be written by this account.", OTHER_FOLDER)
    else:
        yield ok("it can be written")


def file_system(subject: Subject) -> Iterator[Finding]:
    """Require permissions, locks and links of the file system."""
    folder = _existing(subject.home.folder)
    kind = _kind(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=".spaf-doctor-", dir=folder) as name:
            problem = _problem(Path(name))
    except OSError as error:
        yield fail(f"No folder can be created in {folder} ({error.strerror}).", OTHER_FOLDER)
        return
    if problem:
        yield fail(f"The file system of {folder} ({kind}) {problem}.", OTHER_FOLDER)
    elif kind.startswith(NETWORK_FILE_SYSTEMS):
        yield warn(
            f"{folder} is on {kind}, a file system of a network: slow, and unsafe after a failure.",
            OTHER_FOLDER,
        )
    elif kind in IN_MEMORY:
        yield warn(f"{folder} is on {kind}: the data take memory and do not last.", OTHER_FOLDER)
    else:
        yield ok(f"file system {kind or 'unknown'}")


def space(subject: Subject) -> Iterator[Finding]:
    """Require free space and free inodes where data are written."""
    require_space(subject.home, MIN_FREE_MIB)
    folder = _existing(subject.home.folder)
    disk = os.statvfs(folder)
    if disk.f_files and disk.f_favail < MIN_INODES:
        yield fail(
            f"Only {disk.f_favail} inodes are free on the disk of {folder}; {MIN_INODES} are"
            " needed.",
            f"Delete small files there. {OTHER_FOLDER}",
        )
    else:
        yield ok(f"{shutil.disk_usage(folder).free // 2**20:,} MiB free on the disk of {folder}")


def require_space(home: RunFolder, mib: int) -> None:
    """Check that the disk of the run folder has this much free space.

    Raises:
        StackError: it has less.

    """
    folder = _existing(home.folder)
    free = shutil.disk_usage(folder).free // 2**20
    if free < mib:
        raise StackError(
            f"Only {free} MiB are free on the disk of {folder}; {mib} MiB are needed.",
            todo="Free some space, or choose another run folder with SPAF_HOME.",
        )


def version(subject: Subject) -> Iterator[Finding]:
    """Require that the data are of this version of PostgreSQL."""
    file = postgres.cluster_paths(subject.home.postgres).data / "PG_VERSION"
    installed = runtime.postgres_version()
    try:
        content = file.read_text().strip()
    except OSError:
        yield ok("no data of an earlier version")
        return
    if content != installed:
        yield fail(
            f"The tables are of PostgreSQL {content}; {installed} is installed.",
            "Start anew with `spaf down --wipe`, which deletes topic and tables.",
        )
    else:
        yield ok(f"data of PostgreSQL {content}")


def passwords(subject: Subject) -> Iterator[Finding]:
    """Look at the mode of the file with the passwords."""
    file = subject.home.secrets
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & ~SECRET_MODE:
        yield warn(f"Others may read {file}.", f"chmod 600 {file}")
    else:
        yield ok("passwords are private")


def last_run(subject: Subject) -> Iterator[Finding]:
    """Look at the run that is up, or at what a killed one has left."""
    if subject.run is not None:
        yield ok(f"a run is up: {subject.run.phase}, supervisor pid {subject.run.supervisor_pid}")
        return
    state = subject.home.read()
    if state is None:
        damaged = subject.home.state.exists()
        if damaged:
            yield warn(f"{subject.home.state} cannot be read.", "`spaf down` removes it.")
        else:
            yield ok("nothing runs")
        return
    identities = [service.identity() for service in state.services.values()]
    left = [identity.pid for identity in identities if identity and identity.alive()]
    if left:
        pids = ", ".join(map(str, left))
        yield warn(f"A killed run has left processes: {pids}.", "`spaf down` ends them.")
    elif state.phase in (Phase.STARTING, Phase.RUNNING):
        yield warn("The last run was killed.", "Nothing: the next `spaf up` resumes it.")
    elif state.phase is Phase.FAILED:
        reason = state.message.partition("\n")[0]
        yield warn(f"The last run failed: {reason}", "See `spaf logs spaf`.")
    else:
        yield ok("nothing runs")


def _problem(folder: Path) -> str:
    """Return what a file system lacks; empty if nothing."""
    file = folder / "file"
    file.touch()
    for mode in (0o600, 0o711):
        file.chmod(mode)
        if stat.S_IMODE(file.stat().st_mode) != mode:
            return "does not keep permissions"
    if not os.access(file, os.X_OK):
        return "lets no program run (noexec); Kafka and Flink unpack libraries there"
    with file.open() as locked:
        try:
            fcntl.flock(locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return "has no locks"
    return ""


def _existing(folder: Path) -> Path:
    """Return the nearest folder that exists."""
    return next(p for p in (folder, *folder.parents) if p.is_dir())


def _kind(folder: Path) -> str:
    """Return the name of the file system of a folder."""
    real = folder.resolve()
    mounts = [m for m in psutil.disk_partitions(all=True) if real.is_relative_to(m.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else ""


def _owner(path: Path) -> str:
    user = path.stat().st_uid
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
