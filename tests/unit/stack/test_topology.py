"""Which services a run needs, and where each will be."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from spaf import settings
from spaf.stack import kafka, postgres, topology
from spaf.stack.listen_address import ListenAddress
from spaf.stack.ports import any_free_port
from spaf.stack.state import RunFolder
from spaf.stack.topology import Topology

# What SPAF always starts itself.
AROUND = ["serve", "locust", "quarantine"]
DSN = "postgresql://u:geheim@db.example:5555/sales"


@pytest.fixture
def home(bare: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Make a run folder where nothing is formatted or created for real."""
    monkeypatch.setattr(kafka, "_format", lambda *_: None)
    monkeypatch.setattr(postgres, "prepare", lambda *_: None)
    monkeypatch.setattr(
        postgres, "cluster_paths", lambda folder: postgres.ClusterPaths(folder, folder, None)
    )
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


def made(home: RunFolder, **flags: object) -> Topology:
    """Return the plan of these settings, on ports that are free."""
    ports = {
        name: {"port": any_free_port()}
        for name in ("kafka", "flink", "postgres", "locust", "serve")
    }
    merged = {name: {**ports[name], **flags.get(name, {})} for name in ports}  # type: ignore[dict-item]
    chosen = settings.load(**merged)
    found = topology.make(chosen, home)
    assert names(found) == ["serve"], "nothing else is there before the page is started"
    topology.prepare(found, chosen, home)
    return found


def names(found: Topology) -> list[str]:
    """Return the names of the services to start."""
    return [service.name for service in found.services]


def test_without_a_word_everything_is_ours_and_on_loopback(home: RunFolder) -> None:
    """All services on 127.0.0.1, in the order of their start."""
    found = made(home)
    core = ["kafka", "postgres", "jobmanager", "taskmanager"]
    assert names(found) == ["serve", *core, *AROUND[1:]]
    assert found.external == {}
    assert found.notes == []
    assert ["127.0.0.1" in service.address for service in found.services] == [True] * 7
    assert found.kafka == found.services[1].address
    assert found.flink == found.services[3].address


def test_clients_are_told_the_ports_of_proxies(home: RunFolder) -> None:
    """Each service still listens at its own, at which the supervisor asks whether it is ready."""
    proxy = {name: any_free_port() for name in ("kafka", "postgres", "flink", "rpc", "rpc_target")}
    chosen = settings.load(proxy=proxy)
    found = topology.make(chosen, home)
    topology.prepare(found, chosen, home)
    assert found.kafka == f"127.0.0.1:{proxy['kafka']}"
    assert found.flink == f"http://127.0.0.1:{proxy['flink']}"
    assert found.access.port == proxy["postgres"]
    services = {service.name: service for service in found.services}
    for name in ("kafka", "postgres", "jobmanager"):
        assert services[name].address.endswith(f":{found.own_ports[name]}")
    assert f"-p{found.own_ports['postgres']}" in services["postgres"].argv
    properties = (home.kafka / kafka.CONFIG).read_text()
    assert f"advertised.listeners=PLAINTEXT://{found.kafka}\n" in properties
    assert f"listeners=PLAINTEXT://127.0.0.1:{found.own_ports['kafka']},CONTROLLER" in properties
    flink = (home.flink / "conf/config.yaml").read_text()
    assert f"jobmanager.rpc.port: {proxy['rpc']}\n" in flink
    assert f"jobmanager.rpc.bind-port: {proxy['rpc_target']}\n" in flink


def test_a_second_job_manager_has_ports_of_its_own(home: RunFolder) -> None:
    """Clients get both; ZooKeeper is started before them."""
    found = made(home, flink={"high_availability": "zookeeper"})
    core = ["kafka", "postgres", "zookeeper", "jobmanager", "jobmanager-2", "taskmanager"]
    assert names(found) == ["serve", *core, *AROUND[1:]]
    services = {service.name: service for service in found.services}
    both = [services[name].address for name in ("jobmanager", "jobmanager-2")]
    assert found.flink == ",".join(both)
    flink = (home.flink / "conf/config.yaml").read_text()
    assert f"high-availability.zookeeper.quorum: {services['zookeeper'].address}\n" in flink
    assert found.external == {}


def test_another_zookeeper_may_be_used(home: RunFolder) -> None:
    """Then SPAF starts none."""
    chosen = {"high_availability": "zookeeper", "zookeeper": "z1:2181,z2:2181"}
    found = made(home, flink=chosen)
    assert "zookeeper" not in names(found)
    assert "jobmanager-2" in names(found)
    assert found.external == {"zookeeper": "z1:2181,z2:2181"}
    flink = (home.flink / "conf/config.yaml").read_text()
    assert "high-availability.zookeeper.quorum: z1:2181,z2:2181\n" in flink


def test_several_job_managers_may_be_elsewhere(home: RunFolder) -> None:
    """Their addresses stay together."""
    found = made(home, flink={"rest_url": "http://a:8081/,http://b:8081/"})
    assert found.flink == "http://a:8081,http://b:8081"
    assert found.external == {"jobmanager": found.flink}


def test_what_runs_elsewhere_is_not_started(home: RunFolder) -> None:
    """SPAF starts only what is missing."""
    found = made(
        home,
        kafka={"bootstrap_servers": "k1:9092,k2:9092"},
        flink={"rest_url": "http://f.example:8081/"},
        postgres={"dsn": DSN},
    )
    assert names(found) == AROUND
    assert found.external == {
        "kafka": "k1:9092,k2:9092",
        "postgres": "db.example:5555",
        "jobmanager": "http://f.example:8081",
    }
    assert not home.secrets.exists()


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        ({"kafka": {"bootstrap_servers": "k:1"}}, "kafka"),
        ({"postgres": {"dsn": DSN}}, "postgres"),
        ({"flink": {"rest_url": "http://f:1"}}, "jobmanager"),
    ],
)
def test_each_service_alone_may_be_elsewhere(
    home: RunFolder, flags: dict[str, object], missing: str
) -> None:
    """The others are started all the same."""
    found = made(home, **flags)
    expected = {"kafka", "postgres", "jobmanager", "taskmanager", *AROUND} - {missing}
    if missing == "jobmanager":
        expected.remove("taskmanager")
    assert set(names(found)) == expected
    assert list(found.external) == [missing]


def test_services_of_containers_are_elsewhere_with_the_roles_of_ours(home: RunFolder) -> None:
    """PostgreSQL and Locust of `spaf service`: SPAF's own accounts, at the address of a host."""
    found = made(home, postgres={"host": "postgres", "port": 5432}, locust={"url": "http://l:1"})
    assert names(found) == ["serve", "kafka", "jobmanager", "taskmanager", "quarantine"]
    assert found.external == {"postgres": "postgres:5432", "locust": "http://l:1"}
    assert set(found.access.passwords) == {"spaf_owner", "spaf_sink", "spaf_read"}


def test_page_listens_beyond_loopback_only_where_it_is_told_to(home: RunFolder) -> None:
    """`spaf service page` tells it; the supervisor asks it on loopback all the same."""
    everywhere = ListenAddress("0.0.0.0", "page")  # noqa: S104 - of a container
    for at, bind in ((ListenAddress(), "127.0.0.1"), (everywhere, "0.0.0.0")):  # noqa: S104
        chosen = settings.load(serve={"port": any_free_port()}, service={"bind": "0.0.0.0"})  # noqa: S104
        (page,) = topology.make(chosen, home, at).services
        assert f'"bind":"{bind}"' in page.argv[-1]
        assert page.address == f"http://127.0.0.1:{chosen.serve.port}"


def test_taken_port_is_noted_and_the_next_is_used(home: RunFolder) -> None:
    """The user reads where the service is instead."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = made(home, kafka={"port": port})
    used = int(found.kafka.rpartition(":")[2])
    assert used > port
    assert found.notes == [f"port {port} is taken; kafka uses {used}"]


def test_services_that_want_the_same_port_get_two(home: RunFolder) -> None:
    """None of them listens yet when the ports are given out."""
    port = any_free_port()
    found = made(home, kafka={"port": port}, flink={"port": port})
    assert found.kafka != found.flink.removeprefix("http://")
    assert len(found.notes) == 1


def test_number_of_task_managers_is_a_setting(home: RunFolder) -> None:
    """Each is a service of its own."""
    found = names(made(home, flink={"task_managers": 3}))
    assert found[4:7] == ["taskmanager", "taskmanager-2", "taskmanager-3"]


def test_no_command_holds_a_password_of_the_run(home: RunFolder) -> None:
    """Every account of the machine can read a command."""
    found = made(home)
    words = [word for service in found.services for word in service.argv]
    secrets = home.passwords().values()
    assert [word for word in words if any(secret in word for secret in secrets)] == []


def test_access_of_the_plan_has_no_superuser(home: RunFolder) -> None:
    """The superuser is needed by the cluster's first start only."""
    assert "superuser" not in made(home).access.passwords
    assert "superuser" in home.passwords()


def test_checkpoints_of_other_tables_are_deleted(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's data may be gone: as root they may lie in /var/tmp, by the folder's path."""
    checkpoint = home.checkpoints / "spaf-job" / "plan" / "job" / "chk-1"
    checkpoint.mkdir(parents=True)
    made(home)
    assert checkpoint.is_dir()
    new = SimpleNamespace(created=lambda: True)
    monkeypatch.setattr(postgres, "prepare", lambda *_: new)
    made(home)
    assert list(home.checkpoints.iterdir()) == []


def test_page_sells_what_the_settings_say(home: RunFolder) -> None:
    """Locust's own page listens on loopback, for the planned broker, and leaves its labels."""
    found = made(home)
    locust = next(service for service in found.services if service.name == "locust")
    argv = " ".join(locust.argv)
    assert f"--bootstrap {found.kafka} --topic vendas-simuladas --seed 1 " in argv
    assert "--web-host 127.0.0.1" in argv
    assert f"--labels {home.runs / 'labels.jsonl'}" in argv
    assert "--autostart" not in argv


def test_page_that_is_not_there_does_not_answer() -> None:
    """The question ends by itself."""
    assert not topology.answers("http://127.0.0.1:1/")
