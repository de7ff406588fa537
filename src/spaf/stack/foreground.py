"""One service in the foreground, for a container or a host of its own: `spaf service NAME`.

A service is run from the same definition as that of a whole run, and its log is the output of this
process. Nothing restarts it here: that is what the engine of the containers does.

A service imports what itself needs: each container has a process of this module for its whole life.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from spaf.environment import child_environment
from spaf.errors import ServiceError, SettingsError, TopicError
from spaf.settings import FlinkSettings, Settings, environment
from spaf.stack import process, runtime, stop_signal
from spaf.stack.listen_address import ListenAddress, joined
from spaf.stack.ports import any_free_port
from spaf.stack.process import ProcessIdentity, ServiceProcess
from spaf.stack.service_health import note_health, require_service
from spaf.stack.service_names import (
    IN_SERVICE,
    JOBMANAGER,
    KAFKA,
    LOCUST,
    PAGE,
    POSTGRES,
    TASKMANAGER,
    ZOOKEEPER,
)
from spaf.stack.service_secrets import link_secrets, make_secrets
from spaf.stack.state import SUPERUSER_SECRET, RunFolder
from spaf.stack.stop_signal import StopSignal

if TYPE_CHECKING:
    from spaf.stack.flink import HighAvailability

log = logging.getLogger(__name__)

# Between two questions whether a service that starts is ready, and then whether it still is,
# seconds. Each costs milliseconds.
STARTING_POLL_S = 0.25
RUNNING_POLL_S = 2.0
# Far longer than PostgreSQL's container takes to make the passwords, seconds.
MAX_SECRETS_WAIT_S = 90.0

Definition = Callable[[Settings, RunFolder, ListenAddress], ServiceProcess]


def _kafka(chosen: Settings, home: RunFolder, address: ListenAddress) -> ServiceProcess:
    from spaf.stack import kafka  # noqa: PLC0415 - see above

    settings = chosen.kafka
    address.require_free(KAFKA, settings.port, "SPAF_KAFKA__PORT")
    if settings.public_port is not None:
        address.require_free(KAFKA, settings.public_port, "SPAF_KAFKA__PUBLIC_ADDRESS")
    ports = kafka.BrokerPorts(settings.port, any_free_port())
    return kafka.service(settings, home.kafka, home.logs / f"{KAFKA}.log", ports, address)


def _postgres(chosen: Settings, home: RunFolder, address: ListenAddress) -> ServiceProcess:
    from spaf.stack import postgres  # noqa: PLC0415 - see above

    port = chosen.postgres.port
    address.require_free(POSTGRES, port, "SPAF_POSTGRES__PORT")
    make_secrets(chosen, home)
    password = home.passwords()[SUPERUSER_SECRET]
    paths = postgres.cluster_paths(home.postgres)
    postgres.require_password(paths, password)
    new = postgres.prepare(paths, password)
    file = home.logs / f"{POSTGRES}.log"
    if address.tls is None:
        return postgres.service(paths, file, port, password, new, address)
    from spaf.stack.tls_front import TlsFront  # noqa: PLC0415 - see above

    inner = any_free_port()
    service = postgres.service(paths, file, inner, password, new)
    front = TlsFront(address.bind, port, inner, address.tls.server_context())
    return replace(service, address=address.at(port), beside=front)


def _zookeeper(chosen: Settings, home: RunFolder, address: ListenAddress) -> ServiceProcess:
    from spaf.stack import zookeeper  # noqa: PLC0415 - see above

    port = chosen.flink.zookeeper_port
    address.require_free(ZOOKEEPER, port, "SPAF_FLINK__ZOOKEEPER_PORT")
    return zookeeper.service(home, home.logs / f"{ZOOKEEPER}.log", port, address)


def _jobmanager(chosen: Settings, home: RunFolder, address: ListenAddress) -> ServiceProcess:
    from spaf.stack import flink  # noqa: PLC0415 - see above

    port = chosen.flink.port
    address.require_free(JOBMANAGER, port, "SPAF_FLINK__PORT")
    ports = flink.JobManagerPorts(port, flink.RPC_PORT, blob=flink.BLOB_PORT)
    return flink.jobmanager_service(chosen.flink, home, ports, address, _shared(chosen.flink))


def _taskmanager(chosen: Settings, home: RunFolder, address: ListenAddress) -> ServiceProcess:
    from spaf.stack import flink  # noqa: PLC0415 - see above

    settings = chosen.flink
    if settings.jobmanager is None:
        raise SettingsError(
            "flink.jobmanager is not set: a TaskManager needs the host of its JobManager.",
            todo="Set SPAF_FLINK__JOBMANAGER.",
        )
    at = settings.rest_url or f"http://{joined(settings.jobmanager, settings.port)}"
    return flink.taskmanager_service(settings, home, str(at), address, _shared(settings))


def _shared(settings: FlinkSettings) -> HighAvailability | None:
    """Return what the JobManagers and TaskManagers of one cluster share; each finds the same.

    Raises:
        SettingsError: a setting that high availability needs is missing.

    """
    from spaf.stack.flink import HighAvailability  # noqa: PLC0415 - see above

    if settings.high_availability == "none":
        return None
    for name in ("zookeeper", "checkpoints"):
        if getattr(settings, name) is None:
            raise SettingsError(
                f"flink.high_availability is zookeeper, but flink.{name} is not set: several hosts "
                "need one ZooKeeper, and one folder that all of them reach.",
                todo=f"Set SPAF_FLINK__{name.upper()}.",
            )
    # Another cluster at the same ZooKeeper has another folder.
    cluster_id = hashlib.sha256(str(settings.checkpoints).encode()).hexdigest()[:16]
    storage = f"{settings.checkpoints}/high-availability"
    return HighAvailability(str(settings.zookeeper), cluster_id, storage)


def _locust(chosen: Settings, home: RunFolder, address: ListenAddress) -> ServiceProcess:
    from spaf.stack.topology import locust_service  # noqa: PLC0415 - see above
    from spaf.topic.security import KafkaAddress  # noqa: PLC0415 - see above

    servers = chosen.kafka.bootstrap_servers
    if servers is None:
        raise SettingsError(
            "kafka.bootstrap_servers is not set: Locust needs a Kafka to sell to.",
            todo="Set SPAF_KAFKA__BOOTSTRAP_SERVERS.",
        )
    port = chosen.locust.port
    address.require_free(LOCUST, port, "SPAF_LOCUST__PORT")
    kafka_at = KafkaAddress.of(servers, chosen.kafka)
    service = locust_service(chosen, home, kafka_at, port, address)
    # The page creates the topic; without one Locust ends at once.
    return replace(service, prepared=lambda: _has_topic(kafka_at, chosen.kafka.topic))


def _has_topic(servers: str, topic: str) -> bool:
    from spaf.topic.admin import partitions  # noqa: PLC0415 - see above

    try:
        return bool(partitions(servers, topic))
    except TopicError:
        return False


DEFINITIONS: Mapping[str, Definition] = {
    KAFKA: _kafka,
    POSTGRES: _postgres,
    ZOOKEEPER: _zookeeper,
    JOBMANAGER: _jobmanager,
    TASKMANAGER: _taskmanager,
    LOCUST: _locust,
}


def run(chosen: Settings, name: str) -> None:
    """Run one service until SIGTERM or SIGINT ends it in order.

    Raises:
        SettingsError: there is no such service, or a setting that it needs is missing.
        SpafError: it cannot be started, or has ended by itself.

    """
    require_service(name)
    runtime.require_installed()
    home = RunFolder(chosen.home)
    home.create()
    note_health(home, name, ready=False)
    if name == PAGE:
        _become_supervisor(chosen, home)
    stop = StopSignal()
    service = DEFINITIONS[name](chosen, home, ListenAddress.of(chosen.service))
    _watch(service, stop, home)


def _become_supervisor(chosen: Settings, home: RunFolder) -> None:
    """Replace this process by the supervisor of a run whose other services are elsewhere.

    Raises:
        SettingsError: one of them has no address, or the page needs roles.

    """
    from spaf.stack.doctor.page import require_roles  # noqa: PLC0415 - see above

    missing = {
        "SPAF_KAFKA__BOOTSTRAP_SERVERS": chosen.kafka.bootstrap_servers is None,
        "SPAF_FLINK__REST_URL": chosen.flink.rest_url is None,
        "SPAF_POSTGRES__HOST or SPAF_POSTGRES__DSN": not chosen.postgres.elsewhere,
    }
    for setting in (setting for setting, is_missing in missing.items() if is_missing):
        raise SettingsError(f"The page needs the address of each server: set {setting}.")
    require_roles(chosen)
    _await_secrets(chosen)
    link_secrets(chosen, home)
    # The supervisor logs to its standard error.
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signal.SIGNALS)
    argv = process.module_command("spaf.stack.supervisor", IN_SERVICE)
    os.execve(argv[0], argv, {**child_environment(), **environment(chosen)})  # noqa: S606 - no shell


def _await_secrets(chosen: Settings) -> None:
    """Wait for the passwords, which the server makes at its first start."""
    file = chosen.service.secrets_file
    if file is not None and not file.exists():
        log.info("%s: waiting for the passwords of PostgreSQL in %s", PAGE, file)
        process.wait_until(file.exists, MAX_SECRETS_WAIT_S)


def _watch(service: ServiceProcess, stop: StopSignal, home: RunFolder) -> None:
    """Start a service, note whether it is ready, and end it with a signal.

    Raises:
        ServiceError: it cannot be started, or has ended by itself.

    """
    if not service.prepared():
        log.info("%s: waiting until it can be started", service.name)
    while not service.prepared():
        if stop.wait(STARTING_POLL_S):
            return
    with service.beside:
        _watch_process(service, stop, home)


def _watch_process(service: ServiceProcess, stop: StopSignal, home: RunFolder) -> None:
    child = process.start(service, foreground=True)
    log.info("%s: started, pid %d", service.name, child.pid)
    identity = ProcessIdentity.of(child.pid)
    ready, wait_s = False, STARTING_POLL_S
    try:
        while not stop.wait(wait_s):
            code = child.poll()
            if code is not None:
                raise ServiceError(service.name, _ending(code), todo="Its log is above.")
            was_ready, ready = ready, service.ready()
            if ready is not was_ready:
                log.info(
                    "%s: %s", service.name, f"ready at {service.address}" if ready else "silent"
                )
            wait_s = RUNNING_POLL_S if ready else STARTING_POLL_S
            # A disk that is full for now does not end the service.
            with contextlib.suppress(OSError):
                note_health(home, service.name, ready=ready)
        log.info("%s: stopping, because of %s", service.name, stop.reason)
    finally:
        with contextlib.suppress(OSError):
            note_health(home, service.name, ready=False)
        if identity is not None:
            process.stop(identity, service.stop_signal, service.stop_timeout_s)
        child.wait()


def _ending(code: int) -> str:
    """Return how a service has ended."""
    if code >= 0:
        return f"it ended with exit code {code}."
    number = signal.Signals(-code)
    why = ", by a person or for lack of memory" if number is signal.SIGKILL else ""
    return f"it was ended by {number.name}{why}."
