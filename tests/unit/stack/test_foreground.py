"""One service in the foreground: defined as that of a run, ended by a signal, in one sentence."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from spaf import settings
from spaf.errors import ServiceError, SettingsError
from spaf.settings import Settings
from spaf.stack import foreground, kafka, postgres, process, runtime
from spaf.stack.foreground import DEFINITIONS
from spaf.stack.listen_address import ListenAddress
from spaf.stack.ports import any_free_port
from spaf.stack.process import ServiceProcess
from spaf.stack.service_health import health_file, is_healthy
from spaf.stack.service_names import PAGE
from spaf.stack.service_specs import ALONE
from spaf.stack.state import RunFolder
from spaf.topic import admin

PATIENCE_S = 20.0
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a container


@pytest.fixture
def home(bare: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Make a run folder where nothing is formatted or created for real."""
    monkeypatch.setattr(kafka, "_format", lambda *_: None)
    monkeypatch.setattr(postgres, "prepare", lambda paths, _: paths.folder.mkdir(exist_ok=True))
    monkeypatch.setattr(
        postgres, "cluster_paths", lambda folder: postgres.ClusterPaths(folder, folder, None)
    )
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


def defined(home: RunFolder, name: str, **flags: Any) -> ServiceProcess:
    """Return a service that listens on every network, at free ports."""
    section = {"jobmanager": "flink", "taskmanager": "flink"}.get(name, name)
    flags[section] = {"port": any_free_port(), **flags.get(section, {})}
    flags["service"] = {"bind": EVERYWHERE, "host": f"{name}.example"} | flags.get("service", {})
    chosen = settings.load(home=home.folder, **flags)
    return DEFINITIONS[name](chosen, home, ListenAddress.of(chosen.service))


def properties(home: RunFolder) -> dict[str, str]:
    """Return the configuration of the broker."""
    lines = (home.kafka / kafka.CONFIG).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def flink_options(home: RunFolder) -> dict[str, Any]:
    """Return the configuration of the cluster."""
    found: dict[str, Any] = YAML(typ="safe").load(home.flink / "conf/config.yaml")
    return found


def test_every_service_of_the_table_has_a_definition() -> None:
    """The page has another one: it is the supervisor."""
    assert (*DEFINITIONS, PAGE) == ALONE


def test_broker_tells_clients_inside_and_outside_different_addresses(home: RunFolder) -> None:
    """A client on the host cannot resolve the name of a container."""
    inside, outside = any_free_port(), any_free_port()
    public = f"127.0.0.1:{outside}"
    broker = defined(home, "kafka", kafka={"port": inside, "public_address": public})
    found = properties(home)
    assert broker.address == f"kafka.example:{inside}"
    names = [one.rpartition(":")[0] for one in found["listeners"].split(",")]
    # The controller of a broker alone has no other client.
    expected = ["PLAINTEXT://0.0.0.0", "CONTROLLER://127.0.0.1", "PUBLIC://0.0.0.0"]
    assert names == expected
    assert found["advertised.listeners"] == (
        f"PLAINTEXT://kafka.example:{inside},PUBLIC://{public}"
    )
    assert found["default.replication.factor"] == "1"


def test_broker_of_three_copies_internal_topics(home: RunFolder) -> None:
    """One of the brokers may be away."""
    nodes = "1@kafka:9093,2@kafka-2:9093,3@kafka-3:9094"
    defined(home, "kafka", kafka={"controllers": nodes, "node_id": 3})
    found = properties(home)
    assert found["node.id"] == "3"
    assert found["controller.quorum.voters"] == nodes
    assert "CONTROLLER://0.0.0.0:9094" in found["listeners"]
    copies = {value for key, value in found.items() if key.endswith("replication.factor")}
    in_sync = {v for k, v in found.items() if k.endswith(("min.isr", "min.insync.replicas"))}
    assert (copies, in_sync) == ({"3"}, {"2"})


def test_brokers_of_one_cluster_agree_on_its_id(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each formats its own storage, without a word to the others."""
    monkeypatch.setattr(runtime, "KAFKA_STORAGE", bare / "share")
    (bare / "formatted").mkdir()
    meta = "cluster.id=AAAA\ndirectory.id=BBBB\nnode.id=1\nversion=1\n"
    (bare / "formatted" / "meta.properties").write_text(meta)
    (bare / "formatted" / "bootstrap.checkpoint").write_bytes(b"versions")
    kafka.keep_storage(bare / "formatted")
    found = []
    for node in (1, 2):
        folder = RunFolder(bare / f"home-{node}")
        folder.create()
        defined(folder, "kafka", kafka={"controllers": "1@a:1,2@b:1", "node_id": node})
        lines = (folder.kafka / "data" / "meta.properties").read_text().splitlines()
        found.append(dict(line.split("=") for line in lines))
    assert found[0]["cluster.id"] == found[1]["cluster.id"] != "AAAA"
    assert len(found[0]["cluster.id"]) == 22
    assert found[0]["directory.id"] != found[1]["directory.id"]
    assert [one["node.id"] for one in found] == ["1", "2"]


def test_storage_of_another_cluster_is_refused(home: RunFolder) -> None:
    """Kafka would say that a voter set differs from that of a state file."""
    nodes = {"controllers": "1@a:1,2@b:1", "node_id": 2}
    defined(home, "kafka", kafka=nodes)
    (home.kafka / "data" / kafka.META).touch()
    defined(home, "kafka", kafka=nodes)
    with pytest.raises(ServiceError, match="was made for 2 of 1@a:1,2@b:1, not for a broker alone"):
        defined(home, "kafka")


def test_database_takes_passwords_only_from_everywhere(home: RunFolder) -> None:
    """No address is trusted."""
    server = defined(home, "postgres")
    assert "-h0.0.0.0" in server.argv
    assert "-chba_file=pg_hba.conf" in server.argv
    assert server.cwd is not None
    assert (server.cwd / "pg_hba.conf").read_text() == "host all all all scram-sha-256\n"


def test_tables_of_other_passwords_are_not_made_anew(home: RunFolder) -> None:
    """A run of one machine does so; here the file may only not be mounted."""
    folder = postgres.cluster_paths(home.postgres).folder
    (folder / "data").mkdir(parents=True)
    (folder / postgres.MARK).write_text("of another password")
    with pytest.raises(ServiceError, match="have other passwords than those of the secrets"):
        defined(home, "postgres")


def test_jobmanager_has_the_ports_that_taskmanagers_know(home: RunFolder) -> None:
    """Those of Flink's documentation, reached by the name of its host."""
    port = any_free_port()
    jobmanager = defined(home, "jobmanager", flink={"port": port})
    found = flink_options(home)
    assert jobmanager.address == f"http://jobmanager.example:{port}"
    assert found["jobmanager.rpc.address"] == found["rest.address"] == "jobmanager.example"
    assert (found["jobmanager.rpc.port"], found["blob.server.port"]) == (6123, 6124)
    assert found["jobmanager.bind-host"] == found["rest.bind-address"] == EVERYWHERE
    assert found["web.submit.enable"] is False


def test_taskmanagers_have_the_names_of_their_hosts(home: RunFolder) -> None:
    """Several of them have the same settings, but for that."""
    worker = defined(home, "taskmanager", flink={"jobmanager": "jobmanager.example"})
    found = flink_options(home)
    assert found["jobmanager.rpc.address"] == "jobmanager.example"
    assert found["taskmanager.host"] == "taskmanager.example"
    assert worker.argv[-1] == "-Dtaskmanager.resource-id=taskmanager-taskmanager.example"


def test_jobmanagers_of_one_cluster_share_a_zookeeper_and_a_folder(home: RunFolder) -> None:
    """They and the TaskManagers find the same, each by itself."""
    shared = {
        "high_availability": "zookeeper",
        "zookeeper": "zookeeper:2181",
        "checkpoints": "file:///shared",
    }
    defined(home, "jobmanager", flink=shared)
    jobmanager = flink_options(home)
    assert jobmanager["high-availability.storageDir"] == "file:///shared/high-availability"
    assert jobmanager["high-availability.zookeeper.quorum"] == "zookeeper:2181"
    defined(home, "taskmanager", flink={**shared, "jobmanager": "jobmanager"})
    worker = flink_options(home)
    elected = {key for key in jobmanager if key.startswith("high-availability.")}
    assert {key: worker[key] for key in elected} == {key: jobmanager[key] for key in elected}
    with pytest.raises(SettingsError, match=r"but flink\.checkpoints is not set"):
        defined(home, "jobmanager", flink={**shared, "checkpoints": None})


def test_locust_waits_for_the_topic(home: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page creates it; Locust would end at once."""
    topics: list[int] = []
    monkeypatch.setattr(admin, "partitions", lambda *_: topics)
    locust = defined(home, "locust", kafka={"bootstrap_servers": "kafka:9092"})
    argv = " ".join(locust.argv)
    assert "--web-host 0.0.0.0" in argv
    assert "--bootstrap kafka:9092" in argv
    assert not locust.prepared()
    topics.append(0)
    assert locust.prepared()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("taskmanager", "flink.jobmanager is not set"),
        ("locust", "kafka.bootstrap_servers is not set"),
    ],
)
def test_service_without_the_address_that_it_needs_is_refused(
    home: RunFolder, name: str, problem: str
) -> None:
    """Before anything is started."""
    with pytest.raises(SettingsError, match=problem):
        defined(home, name)


def test_page_that_other_hosts_reach_needs_roles(bare: Path) -> None:
    """Before anything is waited for."""
    servers = {
        "kafka": {"bootstrap_servers": "k:1"},
        "flink": {"rest_url": "http://j:1"},
        "postgres": {"host": "p"},
    }
    chosen = settings.load(**servers, service={"bind": EVERYWHERE}, home=bare / "h")
    with pytest.raises(SettingsError, match="no roles"):
        foreground.run(chosen, "page")


def test_page_without_its_servers_names_the_setting(bare: Path) -> None:
    """The first one that is missing."""
    with pytest.raises(SettingsError, match="set SPAF_FLINK__REST_URL"):
        foreground.run(settings.load(kafka={"bootstrap_servers": "k:1"}, home=bare / "h"), "page")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what puts a shell command in the place of Kafka."""

    def put(command: str) -> None:
        def service(chosen: Settings, home: RunFolder, _: object) -> ServiceProcess:
            ready = home.runs / "ready"
            argv = ["/bin/sh", "-c", command.format(ready=ready)]
            return ServiceProcess("kafka", argv, "", chosen.home / "log", ready.exists)

        monkeypatch.setattr(foreground, "DEFINITIONS", {"kafka": service})

    return put


@contextlib.contextmanager
def unchanged_signals() -> Iterator[None]:
    """Give the test's process back the signals that a service in the foreground takes."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_signal_ends_the_service_in_order(
    bare: Path, stand_in: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """Its output is ours, it is healthy while it answers, and nothing is left."""
    stand_in(
        "trap 'echo in order; exit 0' TERM; echo up; touch {ready}; while :; do sleep 0.05; done"
    )
    chosen = settings.load(home=bare / "home")
    home = RunFolder(chosen.home)
    healthy: list[bool] = []

    def end() -> None:
        healthy.append(process.wait_until(lambda: is_healthy(home, "kafka"), PATIENCE_S))
        os.kill(os.getpid(), signal.SIGTERM)

    with unchanged_signals():
        ending = threading.Thread(target=end)
        # With the signals blocked, as in the threads of the service.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
        ending.start()
        foreground.run(chosen, "kafka")
        ending.join()
    assert healthy == [True]
    assert capfd.readouterr().out == "up\nin order\n"
    assert not health_file(home, "kafka").exists()


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("echo a reason; exit 3", "it ended with exit code 3"),
        ("kill -9 $$", "it was ended by SIGKILL, by a person or for lack of memory"),
    ],
)
def test_service_that_ends_by_itself_is_an_error(
    bare: Path, stand_in: Callable[[str], None], command: str, how: str
) -> None:
    """The engine of the containers starts it again."""
    stand_in(command)
    with unchanged_signals(), pytest.raises(ServiceError, match=f"kafka: {how}"):
        foreground.run(settings.load(home=bare / "home"), "kafka")


def test_command_refuses_an_unknown_service_in_one_sentence(bare: Path) -> None:
    """With exit code 2, as for every wrong argument; nothing is created."""
    done = subprocess.run(
        [sys.executable, "-m", "spaf", "service", "zoo"],
        cwd=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "There is no service 'zoo'." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (bare / ".spaf").exists()
