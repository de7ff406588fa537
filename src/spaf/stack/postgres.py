"""PostgreSQL: a cluster of its own, password only, on loopback; never as root."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from spaf.errors import ServiceError
from spaf.stack import runtime
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import ServiceProcess

NAME = "postgres"
SUPERUSER = "postgres"
# Accounts to run under when SPAF itself runs as root, the first that exists.
UNPRIVILEGED = ("postgres", "nobody")

# Folder of the copied programs, where those of the wheel cannot be reached.
COPY = "programs"

# Small, because the tables are: the working set is the newest minutes.
OPTIONS = {
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "30s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # A refused row would put its contents into the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "unix_socket_directories": "",
    # A sale is visible when its commit returns: no group waits, no delay.
    "commit_delay": "0",
    # Compiling plans costs more than these queries take.
    "jit": "off",
}


@dataclass(frozen=True)
class ClusterPaths:
    """Where the cluster and the programs lie, and who runs them."""

    folder: Path
    install: Path
    user: str | None

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.folder / "data"


def place(folder: Path) -> ClusterPaths:
    """Choose the folder and the account.

    PostgreSQL refuses to run as root. Then another account does, and everything it touches must
    be reachable for that account: where a parent folder is closed to others, as /root and
    temporary folders are, the cluster and a copy of the programs lie in /var/tmp instead.
    """
    if os.geteuid() != 0:
        return ClusterPaths(folder, runtime.postgres(), None)
    user = _unprivileged_user()
    if not _open_to_others(folder):
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        folder = Path("/var/tmp") / f"spaf-postgres-{name}"  # noqa: S108 - named after the run folder
    install = runtime.postgres()
    if not _open_to_others(install):
        install = folder / COPY / install.relative_to(install.parents[1])
    return ClusterPaths(folder, install, user)


def prepare(place: ClusterPaths, password: str) -> None:
    """Create the cluster once.

    Raises:
        ServiceError: initdb failed; its own words come with the message.

    """
    place.folder.mkdir(parents=True, exist_ok=True)
    if place.install != runtime.postgres() and not place.install.exists():
        _copy_programs(place.folder)
    if place.user:
        _give_to(place.folder, place.user)
    # Written last: it says that the cluster is whole, and which run folder's password it has. The
    # cluster may lie outside that folder, and a run folder deleted by hand leaves it behind.
    mark = place.folder / "made-for"
    digest = hashlib.sha256(password.encode()).hexdigest()
    if place.data.exists() and mark.exists() and mark.read_text() == digest:
        return
    shutil.rmtree(place.data, ignore_errors=True)
    _initdb(place, password)
    mark.write_text(digest)


def service(place: ClusterPaths, log: Path, port: int, password: str) -> ServiceProcess:
    """Return how to run the cluster."""
    options = [f"-c{key}={value}" for key, value in OPTIONS.items()]
    return ServiceProcess(
        name=NAME,
        argv=[
            str(place.install / "bin/postgres"),
            f"-D{place.data}",
            f"-h{LOOPBACK}",
            f"-p{port}",
            *options,
        ],
        address=f"{LOOPBACK}:{port}",
        log=log,
        ready=lambda: accepts(port, password),
        cwd=place.folder,
        user=place.user,
        # Fast shutdown: SIGTERM would wait for every client to leave.
        stop_signal=signal.SIGINT,
    )


def accepts(port: int, password: str) -> bool:
    """Say whether the server answers a query."""
    try:
        with psycopg.connect(
            host=LOOPBACK,
            port=port,
            user=SUPERUSER,
            password=password,
            dbname="postgres",
            connect_timeout=2,
        ) as connection:
            return connection.execute("SELECT true").fetchone() == (True,)
    except psycopg.OperationalError:
        return False


def remove(folder: Path) -> None:
    """Delete the cluster, wherever `place` had put it."""
    shutil.rmtree(place(folder).folder, ignore_errors=True)


def _copy_programs(folder: Path) -> None:
    """Copy the wheel's two folders side by side: the programs look for their libraries there."""
    partial = folder / f"{COPY}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    package = runtime.postgres().parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, partial / part.name, symlinks=True)
    partial.rename(folder / COPY)


def _initdb(place: ClusterPaths, password: str) -> None:
    secret = place.folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if place.user:
        _give_to(secret, place.user)
    argv = [
        str(place.install / "bin/initdb"),
        f"--pgdata={place.data}",
        f"--username={SUPERUSER}",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-instructions",
    ]
    try:
        done = subprocess.run(
            argv,
            cwd=place.folder,
            user=place.user,
            extra_groups=None if place.user is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        secret.unlink()
    if done.returncode != 0:
        shutil.rmtree(place.data, ignore_errors=True)
        raise ServiceError(NAME, "the database cluster could not be created", log_tail=done.stderr)


def _unprivileged_user() -> str:
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServiceError(
        NAME,
        "does not run as root, and there is no other account to run it",
        todo=f"Run SPAF as an ordinary user, or create the account {UNPRIVILEGED[0]}.",
    )


def _open_to_others(path: Path) -> bool:
    """Say whether every existing folder on the way lets any account through."""
    absolute = path.resolve()
    existing = [p for p in (absolute, *absolute.parents) if p.exists()]
    return all(p.stat().st_mode & 0o001 for p in existing if p != absolute)


def _give_to(path: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    os.chown(path, account.pw_uid, account.pw_gid)
