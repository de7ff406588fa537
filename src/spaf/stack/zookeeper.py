"""ZooKeeper: one server on loopback, by which the JobManagers elect their leader.

Its classes are those that Flink ships for its own client. What it holds serves one run only: the
next run resumes from a checkpoint of the run folder, and a job that came back from here would write
the same rows a second time. So each run has an id of its own, below which Flink keeps everything,
and what an earlier run has left is deleted.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import socket
from pathlib import Path

from spaf.errors import ServiceError
from spaf.settings import FlinkSettings
from spaf.stack import flink, process
from spaf.stack.listen_address import ListenAddress
from spaf.stack.process import CWD, ServiceProcess
from spaf.stack.service_names import ZOOKEEPER
from spaf.stack.state import PRIVATE_MODE, RunFolder

log = logging.getLogger(__name__)

CLASSES = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper"
SERVER = f"{CLASSES}.server.ZooKeeperServerMain"
CLIENT = f"{CLASSES}.ZooKeeperMain"
# Files in the run folder.
CONFIG = "zookeeper/zoo.cfg"
DATA = "zookeeper/data"
STORAGE = "flink/high-availability"
# The id of the run, for as long as another ZooKeeper may hold something of it.
CLUSTER_ID = "flink/cluster-id"
# It holds some hundred small nodes.
HEAP_OPTIONS = ("-Xms8m", "-Xmx48m", "-Xmn4m", "-XX:MaxMetaspaceSize=48m")
# Sessions expire at multiples of it, and none is shorter than two, milliseconds.
TICK_MS = 500
MAX_SESSION_MS = 60_000
# A server on this machine answers within milliseconds. Seconds.
ANSWER_TIMEOUT_S = 1.0
# The command that every server answers, and the beginning of its answer once it serves clients.
STATUS_COMMAND = "srvr"
STATUS_ANSWER = "Zookeeper version"
# Those that name the nodes of each session, and the connection of each session.
SESSIONS_COMMAND = "dump"
CONNECTIONS_COMMAND = "cons"
SESSION = re.compile("0x[0-9a-f]+:")
CONNECTION = re.compile(r" */[^(]*:(?P<port>\d+)\[.*\bsid=(?P<session>0x[0-9a-f]+),")
# The end of the name of a node in which a leader says where it is.
LEADER_NODE = "/connection_info"
# To delete what a run has left in a ZooKeeper that may be away, milliseconds.
CLIENT_TIMEOUT_MS = 5_000


def service(
    home: RunFolder, log_file: Path, port: int, address: ListenAddress = flink.ON_LOOPBACK
) -> ServiceProcess:
    """Write the configuration, and return how to run the server from the run folder."""
    folder = home.zookeeper
    flink.prepare_java(home.flink)
    folder.mkdir(mode=PRIVATE_MODE, exist_ok=True)
    (home.folder / DATA).mkdir(exist_ok=True)
    (home.folder / CONFIG).write_text(_configuration(port, address.bind))
    return ServiceProcess(
        name=ZOOKEEPER,
        argv=[
            *flink.java_argv(ZOOKEEPER),
            *HEAP_OPTIONS,
            "-XX:+UseSerialGC",
            flink.FIRST_COMPILER,
            # No web page for administrators, and no JMX of a logging library that is not there.
            "-Dzookeeper.admin.enableServer=false",
            "-Dzookeeper.jmx.log4j.disable=true",
            # Nothing has to survive the machine: a wait for its disk could end a session.
            "-Dzookeeper.forceSync=no",
            # Its log grows by this, kB; by default by 64 MiB.
            "-Dzookeeper.preAllocSize=1024",
            SERVER,
            str(CWD / CONFIG),
        ],
        address=address.at(port),
        log=log_file,
        ready=lambda: serves(address.locally_at(port)),
        cwd=home.folder,
        data=folder,
    )


def serves(address: str) -> bool:
    """Return whether a ZooKeeper at `host:port` serves clients."""
    try:
        return ask(address, STATUS_COMMAND).startswith(STATUS_ANSWER)
    except OSError:
        return False


def leading_port(address: str) -> int | None:
    """Return the port from which the leading JobManager is connected to a ZooKeeper of SPAF's own.

    Only a leader keeps nodes that say where it is. None: there is no leader now.

    Raises:
        OSError: ZooKeeper does not answer.

    """
    session = None
    for line in ask(address, SESSIONS_COMMAND).splitlines():
        if SESSION.fullmatch(line):
            session = line.rstrip(":")
        elif session is not None and line.endswith(LEADER_NODE):
            break
    else:
        return None
    for line in ask(address, CONNECTIONS_COMMAND).splitlines():
        connection = CONNECTION.match(line)
        if connection is not None and connection["session"] == session:
            return int(connection["port"])
    return None


def ask(address: str, command: str) -> str:
    """Return the answer to a command of four letters.

    Raises:
        OSError: ZooKeeper does not answer.

    """
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), ANSWER_TIMEOUT_S) as connection:
        connection.sendall(command.encode())
        with connection.makefile("rb") as answer:
            return answer.read().decode()


def begin(settings: FlinkSettings, home: RunFolder, quorum: str) -> flink.HighAvailability:
    """Delete what an earlier run has left, and return what the JobManagers of a new one share."""
    forget(settings, home)
    for folder in (home.folder / DATA, home.folder / STORAGE):
        shutil.rmtree(folder, ignore_errors=True)
    (home.folder / STORAGE).mkdir(mode=PRIVATE_MODE)
    cluster_id = secrets.token_hex(8)
    (home.folder / CLUSTER_ID).write_text(cluster_id)
    return flink.HighAvailability(quorum, cluster_id, (CWD / STORAGE).as_uri())


def forget(settings: FlinkSettings, home: RunFolder) -> None:
    """Delete what a run of this folder has left in a ZooKeeper that outlives it."""
    file = home.folder / CLUSTER_ID
    if settings.zookeeper is None or not file.exists():
        return
    path = f"{flink.ZOOKEEPER_ROOT}/{file.read_text()}"
    try:
        problem = _delete(settings.zookeeper, path, home)
    except ServiceError as error:
        problem = error.what
    if problem:
        log.warning(
            "%s of the ZooKeeper at %s is left over, and of no use: %s",
            *(path, settings.zookeeper, problem),
        )
    file.unlink()


def _delete(quorum: str, path: str, home: RunFolder) -> str:
    """Delete a path with all below it; return why that failed, or an empty text."""
    argv = [
        *flink.java_argv(ZOOKEEPER),
        flink.FIRST_COMPILER,
        CLIENT,
        *("-server", quorum, "-timeout", str(CLIENT_TIMEOUT_MS), "-waitforconnection"),
        *("deleteall", path),
    ]
    done = process.run(ZOOKEEPER, argv, cwd=home.folder)
    lines = done.stdout.strip().splitlines()
    return "" if done.returncode == 0 else (lines or ["no answer"])[-1]


def _configuration(port: int, bind: str) -> str:
    options = {
        "clientPort": port,
        "clientPortAddress": bind,
        "dataDir": CWD / DATA,
        "4lw.commands.whitelist": f"{STATUS_COMMAND},{SESSIONS_COMMAND},{CONNECTIONS_COMMAND}",
        "tickTime": TICK_MS,
        "maxSessionTimeout": MAX_SESSION_MS,
        # Each checkpoint is a few lines of its log: old files are deleted each hour.
        "autopurge.purgeInterval": 1,
        "autopurge.snapRetainCount": 3,
    }
    return "".join(f"{key}={value}\n" for key, value in options.items())
