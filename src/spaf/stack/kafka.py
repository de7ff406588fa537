"""The Kafka broker: a KRaft node, which is broker and controller.

The one of `spaf up` is alone and on loopback. Those of `spaf service kafka` may form a cluster.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spaf.errors import ServiceError
from spaf.files import write_atomically
from spaf.settings import KafkaSettings
from spaf.stack import runtime
from spaf.stack.listen_address import ListenAddress
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import CWD, ServiceProcess, run
from spaf.stack.service_names import KAFKA
from spaf.topic.admin import is_ready
from spaf.topic.security import KafkaAddress, KafkaSecurity

# A clean stop flushes the log segments; a broker that needs longer than this hangs, seconds.
STOP_TIMEOUT_S = 20.0
# A line of meta.properties with a random id, and the one with the number of the node.
ID = re.compile(rb"^((?:cluster|directory)\.id=).*$", re.MULTILINE)
CLUSTER_ID = re.compile(rb"^(cluster\.id=).*$", re.MULTILINE)
NODE_ID = re.compile(rb"^(node\.id=).*$", re.MULTILINE)
# A broker that was killed waits after its restart until the controller, which is the same process,
# has given up the session of the one before: with Kafka's default of 9,000 it was back after 12.2
# to 12.6 s, with this after 4.0 to 5.3 s. A broker that stands still for longer than this only
# registers again: pauses of 2.5, 5 and 12 s under load cost no more than themselves. Milliseconds.
SESSION_TIMEOUT_MS = 2_000
# A fourth of it, as by default.
HEARTBEAT_MS = 500
# The heap begins with this. What a broker keeps is small, and its new objects live for the time of
# a request: a small part for them is collected in few milliseconds by one thread.
MIN_HEAP_MIB = 64
YOUNG_MIB = 24
# Files in the folder of the broker, which is its working directory.
CONFIG = "server.properties"
LOGGING = "log4j2.properties"
# Files of a formatted storage, the one that completes it last: the versions of the features, and
# the ids of cluster and folder.
META = "meta.properties"
FORMATTED = ("bootstrap.checkpoint", META)
# For which cluster the storage was formatted: another one would refuse it in words of its own.
MADE_FOR = "made-for"
# Copies of an internal topic, Kafka's default; one of these brokers may be away.
MAX_COPIES = 3


@dataclass(frozen=True)
class BrokerPorts:
    """The ports of the broker."""

    own: int
    controller: int
    # Port of a proxy that is advertised to clients; None: there is none.
    proxy: int | None = None


ON_LOOPBACK = ListenAddress()


def service(
    settings: KafkaSettings,
    folder: Path,
    log: Path,
    ports: BrokerPorts,
    address: ListenAddress = ON_LOOPBACK,
) -> ServiceProcess:
    """Write the broker's configuration, format its storage once, and return how to run it.

    Raises:
        ServiceError: the storage could not be formatted, or belongs to another cluster.

    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    certificates = {} if address.tls is None else address.tls.kafka_options(folder)
    (folder / CONFIG).write_text(_properties(settings, ports, address) + _lines(certificates))
    (folder / LOGGING).write_text(_LOGGING)
    # Libraries of codecs that a killed broker has unpacked.
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir()
    base = [str(runtime.java()), *jvm_options(settings.heap_mib)]
    _require_same_cluster(settings, folder)
    if not (data / META).exists():
        write_atomically(folder / MADE_FOR, _cluster(settings).encode(), durable=True)
        _format(base, folder, settings)
    return ServiceProcess(
        name=KAFKA,
        argv=[*base, *runtime.archive_options(KAFKA), "kafka.Kafka", str(CWD / CONFIG)],
        address=address.at(ports.own),
        log=log,
        ready=lambda: is_ready(_own_address(ports.own, address)),
        cwd=folder,
        data=data,
        stop_timeout_s=STOP_TIMEOUT_S,
    )


def _own_address(port: int, address: ListenAddress) -> str:
    """Return where this host itself reaches the broker: by its name if it has a certificate."""
    if address.tls is None:
        return address.locally_at(port)
    return KafkaAddress(address.at(port), KafkaSecurity("SSL", tls=address.tls.files))


def jvm_options(heap_mib: int) -> list[str]:
    """Return the JVM options that the broker and its archive share."""
    return [
        f"-Xms{MIN_HEAP_MIB}m",
        f"-Xmx{heap_mib}m",
        f"-Xmn{YOUNG_MIB}m",
        "-XX:+UseSerialGC",
        *runtime.MEMORY_OPTIONS,
        # In the first minutes the second compiler used a tenth of a core, for code that mostly
        # waits: without it the broker of a demo uses 12 % of a core instead of 21 %.
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        f"-Dlog4j2.configurationFile={CWD / LOGGING}",
        # The codecs of zstd and snappy unpack a library here; /tmp may forbid to run files.
        f"-Djava.io.tmpdir={CWD / 'tmp'}",
        "-cp",
        f"{runtime.KAFKA_JARS}/*",
    ]


def keep_storage(data: Path) -> None:
    """Keep the storage of a broker that has not run yet, for the brokers of all run folders."""
    runtime.KAFKA_STORAGE.mkdir(parents=True, exist_ok=True)
    for name in FORMATTED:
        write_atomically(runtime.KAFKA_STORAGE / name, (data / name).read_bytes())


def _cluster(settings: KafkaSettings) -> str:
    """Return what makes a cluster another one, as a line; empty for a broker alone."""
    return f"{settings.node_id} of {settings.controllers}\n" if settings.controllers else ""


def _require_same_cluster(settings: KafkaSettings, folder: Path) -> None:
    """Check that a formatted storage is that of this node of this cluster.

    Raises:
        ServiceError: it is not.

    """
    file, wanted = folder / MADE_FOR, _cluster(settings)
    made_for = file.read_text() if file.exists() else ""
    if (folder / "data" / META).exists() and made_for != wanted:
        present, other = (text.strip() or "a broker alone" for text in (made_for, wanted))
        raise ServiceError(
            KAFKA,
            f"the storage in {folder} was made for {present}, not for {other}.",
            todo="Use a new folder or volume, or the settings kafka.node_id and kafka.controllers "
            "of before.",
        )


def _format(base: list[str], folder: Path, settings: KafkaSettings) -> None:
    """Copy the storage that set-up has formatted, with ids of its own; without one, format it.

    Kafka's tool is a JVM of 0.8 s processor time, at the moment when every service starts.
    """
    shared = None if settings.controllers is None else _shared_id(settings.controllers)
    if not (runtime.KAFKA_STORAGE / META).exists():
        _run_tool(base, folder, shared or _new_id())
        return
    for name in FORMATTED:
        content = (runtime.KAFKA_STORAGE / name).read_bytes()
        if name == META:
            content = ID.sub(lambda match: match[1] + _new_id(), content)
            content = NODE_ID.sub(lambda match: match[1] + b"%d" % settings.node_id, content)
            if shared is not None:
                content = CLUSTER_ID.sub(lambda match: match[1] + shared, content)
        # A broker whose storage has lost its ids does not start any more.
        write_atomically(folder / "data" / name, content, durable=True)


def _shared_id(controllers: str) -> bytes:
    """Return the id of a cluster, which each of its brokers finds by itself."""
    digest = hashlib.sha256(f"cluster {controllers}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").replace(b"-", b"_")


def _new_id() -> bytes:
    """Return a random id as Kafka writes it: 16 bytes, in the characters of a URL.

    None begins with a hyphen: the tool would take it for an option.
    """
    encoded = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=")
    return _new_id() if encoded.startswith(b"-") else encoded


def _run_tool(base: list[str], folder: Path, cluster_id: bytes) -> None:
    options = ("format", "-t", cluster_id.decode(), "-c", str(CWD / CONFIG))
    done = run(KAFKA, [*base, "kafka.tools.StorageTool", *options], cwd=folder)
    if done.returncode != 0:
        raise ServiceError(
            KAFKA, "its storage could not be formatted", log_tail=done.stdout[-2000:]
        )


def _listeners(
    settings: KafkaSettings, ports: BrokerPorts, address: ListenAddress
) -> dict[str, str]:
    """Return the options of where the broker listens, and of what it advertises to clients."""
    nodes = settings.nodes
    # The listener for brokers and clients is called after it.
    protocol = "PLAINTEXT" if address.tls is None else "SSL"
    # The controller of a broker alone is asked by that broker only.
    voters = nodes or {settings.node_id: f"{LOOPBACK}:{ports.controller}"}
    controller = int(voters[settings.node_id].rpartition(":")[2])
    bind = address.bound_at(controller) if nodes else f"{LOOPBACK}:{controller}"
    listeners = {protocol: address.bound_at(ports.own), "CONTROLLER": bind}
    advertised = {protocol: address.at(ports.proxy or ports.own)}
    if settings.public_address is not None and settings.public_port is not None:
        listeners["PUBLIC"] = address.bound_at(settings.public_port)
        advertised["PUBLIC"] = settings.public_address
    return {
        "controller.quorum.voters": ",".join(f"{n}@{where}" for n, where in voters.items()),
        "listeners": ",".join(f"{name}://{where}" for name, where in listeners.items()),
        "advertised.listeners": ",".join(f"{name}://{at}" for name, at in advertised.items()),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name in listeners),
        "inter.broker.listener.name": protocol,
    }


def _properties(
    settings: KafkaSettings, ports: BrokerPorts, address: ListenAddress = ON_LOOPBACK
) -> str:
    """Return server.properties; internal topics have a copy on each of up to MAX_COPIES brokers."""
    copies = min(MAX_COPIES, max(1, len(settings.nodes)))
    in_sync = max(1, copies - 1)
    options = {
        "process.roles": "broker,controller",
        "node.id": settings.node_id,
        **_listeners(settings, ports, address),
        "controller.listener.names": "CONTROLLER",
        "log.dirs": CWD / "data",
        "auto.create.topics.enable": "false",
        # Of topics that do not say it themselves.
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
        "broker.session.timeout.ms": SESSION_TIMEOUT_MS,
        "broker.heartbeat.interval.ms": HEARTBEAT_MS,
        # For two cores; more threads, as by default (3, 8 and 10), only cost memory.
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 2,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    if settings.durability == "disk":
        # Each batch is forced to the disk before it is acknowledged.
        options["log.flush.interval.messages"] = 1
    return _lines(options)


def _lines(options: Mapping[str, object]) -> str:
    return "".join(f"{key}={value}\n" for key, value in options.items())


_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} - %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""
