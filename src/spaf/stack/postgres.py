"""PostgreSQL: a cluster in the run folder, with passwords, never run as root."""

from __future__ import annotations

import hashlib
import logging
import os
import pwd
import shutil
import signal
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import psycopg

from spaf.errors import ServiceError, StoreError
from spaf.files import write_atomically
from spaf.stack import runtime
from spaf.stack.listen_address import ListenAddress
from spaf.stack.process import ServiceProcess, run
from spaf.stack.service_names import POSTGRES
from spaf.store.access import Access, Role

log = logging.getLogger(__name__)

SUPERUSER = "postgres"
# Accounts to run under when SPAF itself runs as root, the first that exists.
UNPRIVILEGED = ("postgres", "nobody")

# Folder of the copied programs, if another account cannot read those of the wheel.
COPY = "programs"
# Names the password of a complete cluster, as a hash.
MARK = "made-for"
# Who may connect to a server that other hosts reach: every account, with its password only.
HBA = "pg_hba.conf"
HBA_LINE = "host all all all scram-sha-256\n"
ON_LOOPBACK = ListenAddress()

# Small buffers are enough: the working set of the tables is the newest minutes.
OPTIONS = {
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "30s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # Otherwise the values of a refused row would be written to the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "unix_socket_directories": "",
    # A sale is visible as soon as its commit returns: no delay for group commits.
    "commit_delay": "0",
    # Compilation would take longer than these queries.
    "jit": "off",
}


@dataclass(frozen=True)
class ClusterPaths:
    """The folders of the cluster and of the programs, and the account that runs them."""

    folder: Path
    install: Path
    user: str | None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"


def cluster_paths(folder: Path) -> ClusterPaths:
    """Choose the folders and the account.

    PostgreSQL refuses to run as root. If SPAF runs as root, another account runs PostgreSQL, and
    that account must be able to enter each folder on the way. If a parent folder is closed to
    others, as /root and temporary folders are, the cluster and a copy of the programs are placed
    in /var/tmp instead.
    """
    if os.geteuid() != 0:
        return ClusterPaths(folder, runtime.postgres(), None)
    user = unprivileged_user()
    if not _open_to_others(folder):
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        folder = Path("/var/tmp") / f"spaf-postgres-{name}"  # noqa: S108 - named after the run folder
    install = runtime.postgres()
    if not _open_to_others(install):
        install = folder / COPY / install.relative_to(install.parents[1])
    return ClusterPaths(folder, install, user)


class NewCluster:
    """A cluster that is created while the other services start: initdb takes a second."""

    def __init__(self, paths: ClusterPaths, password: str) -> None:
        """Begin to create it."""
        self._paths = paths
        self._password = password
        self._created: Future[None] = Future()
        threading.Thread(target=self._create, name="cluster").start()

    def created(self) -> bool:
        """Return whether the server can be started.

        Raises:
            ServiceError: initdb failed; the message has its output.
            OSError: a folder could not be written.

        """
        if not self._created.done():
            return False
        self._created.result()
        return True

    def _create(self) -> None:
        paths = self._paths
        try:
            shutil.rmtree(paths.data, ignore_errors=True)
            if paths.install != runtime.postgres() and not paths.install.exists():
                _copy_programs(paths.folder)
            _initdb(paths, self._password)
        except (ServiceError, OSError) as error:
            self._created.set_exception(error)
            return
        self._created.set_result(None)
        # Writing 39 MB to the disk takes a second, on a busy disk several; the server starts.
        _complete(paths, _digest(self._password))


def require_password(paths: ClusterPaths, password: str) -> None:
    """Check that a complete cluster has this password: `prepare` would create it anew.

    Raises:
        ServiceError: it has another one.

    """
    mark = paths.folder / MARK
    if paths.data.exists() and mark.exists() and mark.read_text() != _digest(password):
        raise ServiceError(
            POSTGRES,
            f"the tables in {paths.folder} have other passwords than those of the secrets.",
            todo="Bring back the file of service.secrets_file, or delete the tables too.",
        )


def prepare(paths: ClusterPaths, password: str) -> NewCluster | None:
    """Begin to create the cluster unless it exists."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    if paths.user:
        _give_to(paths.folder, paths.user)
    # This file is written last: it says that the cluster is complete, and which password it has.
    # The cluster may lie outside the run folder, and stays there if that is deleted by hand.
    mark = paths.folder / MARK
    if paths.data.exists() and mark.exists() and mark.read_text() == _digest(password):
        if paths.install != runtime.postgres() and not paths.install.exists():
            _copy_programs(paths.folder)
        return None
    return NewCluster(paths, password)


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _complete(paths: ClusterPaths, digest: str) -> None:
    """Write the new cluster to the disk, then mark it as complete.

    Until then a stop of the whole machine may damage it; the next start creates it again.
    """
    argv = [str(paths.install / "bin/initdb"), f"--pgdata={paths.data}", "--sync-only"]
    done = run(POSTGRES, argv, cwd=paths.folder, user=paths.user)
    if done.returncode == 0:
        # Without the mark the next start would make the cluster anew, rows and all.
        write_atomically(paths.folder / MARK, digest.encode(), durable=True)
    else:
        log.error("the new cluster of PostgreSQL is not on the disk: %s", done.stdout)


def service(  # noqa: PLR0913, PLR0917 - what differs between servers
    paths: ClusterPaths,
    log: Path,
    port: int,
    password: str,
    new: NewCluster | None = None,
    address: ListenAddress = ON_LOOPBACK,
) -> ServiceProcess:
    """Return how to run the cluster, which may be `new`."""
    local = Access.own(address.local, port, "public", {}).superuser(SUPERUSER, password, SUPERUSER)
    options = [f"-c{key}={value}" for key, value in OPTIONS.items()]
    if address.beyond_loopback:
        # The cluster's own file knows loopback only.
        file = paths.folder / HBA
        file.write_text(HBA_LINE)
        # It may run under another account.
        file.chmod(0o644)
        # Relative to the working directory, which the server leaves after it has read this.
        options.append(f"-chba_file={HBA}")
    return ServiceProcess(
        name=POSTGRES,
        argv=[
            str(paths.install / "bin/postgres"),
            f"-D{paths.data}",
            f"-h{address.bind}",
            f"-p{port}",
            *options,
        ],
        address=address.at(port),
        log=log,
        ready=lambda: accepts(local),
        prepared=new.created if new is not None else lambda: True,
        cwd=paths.folder,
        user=paths.user,
        data=paths.data,
        # Fast shutdown: after SIGTERM the server would wait until every client has disconnected.
        stop_signal=signal.SIGINT,
    )


def accepts(access: Access) -> bool:
    """Return whether the server answers a query of the account of an access."""
    try:
        with access.connect(Role.OWNER) as connection:
            return connection.execute("SELECT true").fetchone() == (True,)
    except (StoreError, psycopg.Error):
        return False


def remove(folder: Path) -> None:
    """Delete the cluster, in the folder that `cluster_paths` has chosen."""
    shutil.rmtree(cluster_paths(folder).folder, ignore_errors=True)


def _copy_programs(folder: Path) -> None:
    """Copy both folders of the wheel: the programs load their libraries by a relative path."""
    partial = folder / f"{COPY}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    package = runtime.postgres().parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, partial / part.name, symlinks=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            # Set-up with a strict umask has closed them to the account that runs PostgreSQL.
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 6)
    partial.rename(folder / COPY)


def _initdb(paths: ClusterPaths, password: str) -> None:
    secret = paths.folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if paths.user:
        _give_to(secret, paths.user)
    argv = [
        str(paths.install / "bin/initdb"),
        f"--pgdata={paths.data}",
        f"--username={SUPERUSER}",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-instructions",
        "--no-sync",
    ]
    try:
        done = run(POSTGRES, argv, cwd=paths.folder, user=paths.user)
    finally:
        secret.unlink()
    if done.returncode != 0:
        shutil.rmtree(paths.data, ignore_errors=True)
        raise ServiceError(
            POSTGRES, "the database cluster could not be created", log_tail=done.stdout
        )


def unprivileged_user() -> str:
    """Return the account that runs PostgreSQL if SPAF runs as root.

    Raises:
        ServiceError: there is none.

    """
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServiceError(
        POSTGRES,
        "PostgreSQL refuses to run as root, and there is no other account to run it",
        todo=f"Run SPAF as an ordinary user, or create the account {UNPRIVILEGED[0]}.",
    )


def _open_to_others(path: Path) -> bool:
    """Return whether other accounts may enter each existing folder on the way to the path."""
    absolute = path.resolve()
    existing = [p for p in (absolute, *absolute.parents) if p.exists()]
    return all(p.stat().st_mode & 0o001 for p in existing if p != absolute)


def _give_to(path: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    os.chown(path, account.pw_uid, account.pw_gid)
