"""One run from `up` to `down --wipe`, command by command, in an empty folder."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from spaf.settings import Settings
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import ProcessIdentity, wait_until
from spaf.topic.producer import open_producer

Done = subprocess.CompletedProcess[str]
Spaf = Callable[..., Done]
Answer = Callable[[Done], Any]
Processes = Callable[[Path], list[ProcessIdentity]]
SERVICES = {"kafka", "postgres", "jobmanager", "taskmanager", "locust", "serve", "quarantine"}
LATER = {"locust", "quarantine"}
LOCUST_S = 30.0
# Far longer than a checkpoint and a look of the quarantine take, seconds.
WAIT_S = 60.0
BAD = b'{"productId":"p","productCategory":"books","productPrice":1.005,"productQuantity":2}'


@dataclass
class Folder:
    """A run that is up, and how it came up."""

    path: Path
    wanted: int
    settings: dict[str, str]
    up: Done

    @property
    def home(self) -> Path:
        """Return the run folder that is used if nobody says otherwise."""
        return self.path / ".spaf"


@pytest.fixture(scope="module")
def folder(
    spaf: Spaf, small_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Folder]:
    """Yield a run that was started while somebody else had the port of its broker."""
    path = tmp_path_factory.mktemp("commands")
    with socket.socket() as other:
        wanted = small_settings.kafka.port + 8
        other.bind((LOOPBACK, wanted))
        other.listen()
        settings = {
            "SPAF_KAFKA__PORT": str(wanted),
            "SPAF_FLINK__PORT": str(wanted - 4),
            "SPAF_POSTGRES__PORT": str(wanted - 3),
            "SPAF_LOCUST__PORT": str(wanted - 2),
            "SPAF_SERVE__PORT": str(wanted - 1),
            "SPAF_JOB__CHECKPOINT_MS": "500",
        }
        try:
            yield Folder(path, wanted, settings, spaf(path, "up", "--json", **settings))
        finally:
            down = spaf(path, "down", "--wipe", **settings)
    assert down.returncode == 0, down.stderr


def test_up_says_what_runs_where(folder: Folder, answer: Answer) -> None:
    """`up --json` prints one object: every service runs, and so does the job."""
    found = answer(folder.up)
    assert set(found["services"]) == SERVICES
    assert found["job"]["state"] == "RUNNING"
    assert found["job"]["submissions"] == 1
    states = {service["state"] for name, service in found["services"].items() if name not in LATER}
    assert states == {"running"}
    assert folder.home.is_dir()


def test_the_page_answers_when_up_returns(folder: Folder, answer: Answer) -> None:
    """`up` prints its address only once a browser can open it."""
    assert answer(folder.up)["services"]["serve"]["state"] == "running"
    assert "does not answer" not in folder.up.stderr


def test_a_taken_port_is_left_alone(folder: Folder, answer: Answer) -> None:
    """Another port is used, and the user is told which and why."""
    address = answer(folder.up)["services"]["kafka"]["address"]
    used = int(address.rpartition(":")[2])
    assert used != folder.wanted
    said = " ".join(folder.up.stderr.split())
    assert f"port {folder.wanted} is taken; kafka uses {used}" in said


def test_a_second_up_changes_nothing(folder: Folder, spaf: Spaf, answer: Answer) -> None:
    """It says that all is up already and starts no process."""
    again = spaf(folder.path, "up", "--json", **folder.settings)
    first, second = answer(folder.up), answer(again)
    assert "already up" in again.stderr
    assert second["job"]["id"] == first["job"]["id"]
    started = {name: service["pid"] for name, service in first["services"].items()}
    assert {name: service["pid"] for name, service in second["services"].items()} == started


def test_status(folder: Folder, spaf: Spaf, answer: Answer) -> None:
    """`status --json` has state, place and cost of each service, and exit code 0 if all is well."""
    done = spaf(folder.path, "status", "--json", **folder.settings)
    if done.returncode != 0:  # two services start last
        assert wait_until(
            lambda: spaf(folder.path, "status", **folder.settings).returncode == 0, LOCUST_S
        )
        done = spaf(folder.path, "status", "--json", **folder.settings)
    found = answer(done)
    assert set(found["services"]) == SERVICES
    for name, service in found["services"].items():
        assert service["state"] == "running", name
        assert service["restarts"] == 0, name
        assert service["rss_mib"] > 5, name
        assert service["cpu_percent"] >= 0, name
        assert LOOPBACK in service["address"], name
        assert psutil.pid_exists(service["pid"]), name
    assert found["job"]["state"] == "RUNNING"
    assert found["job"]["id"]


def test_nothing_is_open_to_others(folder: Folder, processes: Processes) -> None:
    """Every port of every process of the run is on the loopback interface."""
    pids = {identity.pid for identity in processes(folder.home)}
    listening = [
        connection.laddr
        for connection in psutil.net_connections(kind="inet")
        if connection.pid in pids and connection.status == psutil.CONN_LISTEN and connection.laddr
    ]
    assert len(listening) >= len(SERVICES)
    open_to_others = [
        address
        for address in listening
        if address.ip not in (LOOPBACK, "::1", f"::ffff:{LOOPBACK}")
    ]
    assert open_to_others == []


def test_secrets_are_private(folder: Folder) -> None:
    """No other account may read passwords, logs or data; the command lines name none."""
    assert (folder.home / "secrets.json").stat().st_mode & 0o077 == 0
    for part in ("logs", "kafka", "flink", "checkpoints", "runs"):
        assert (folder.home / part).stat().st_mode & 0o077 == 0, part


def test_logs(folder: Folder, spaf: Spaf) -> None:
    """A log is printed by its service's name; a name that is none is answered with those there."""
    good = spaf(folder.path, "logs", "kafka", "-n", "200", **folder.settings)
    assert good.returncode == 0
    assert "Kafka Server started" in good.stdout or "KafkaRaftServer" in good.stdout
    for name in ("nobody", "../../etc/passwd"):
        bad = spaf(folder.path, "logs", name, **folder.settings)
        assert bad.returncode == 2
        assert "There is no log of" in " ".join(bad.stderr.split())
        assert "kafka" in bad.stderr
        assert "taskmanager" in bad.stderr


def test_sales_are_sent_stored_and_proven(folder: Folder, spaf: Spaf, answer: Answer) -> None:
    """`load` sends what was asked, `query` shows it, `verify` finds every record and cent."""
    loaded = answer(
        spaf(folder.path, "load", "--rate", "50", "--for", "5", "--json", **folder.settings)
    )
    assert (loaded["intended"], loaded["acked"], loaded["failed"]) == (250, 250, 0)
    assert set(loaded["publish_delay_ms"]) >= {"p50", "p99"}
    verdict = answer(spaf(folder.path, "verify", "--json", **folder.settings))
    assert verdict["records"] >= 250
    assert verdict["records"] == verdict["accepted"]
    assert (verdict["late"], verdict["rejected"]) == (0, 0)
    assert (verdict["unaccounted"], verdict["differences"], verdict["exact"]) == (0, 0, True)
    rows = answer(spaf(folder.path, "query", "--limit", "7", "--json", **folder.settings))
    assert len(rows) == 7
    assert [row["created_at"] for row in rows] == sorted(
        (row["created_at"] for row in rows), reverse=True
    )
    assert all(row["sales_count"] > 0 for row in rows)
    assert all(row["currency"] == "BRL" for row in rows)


def test_what_is_not_accepted_is_explained_and_sent_again(
    folder: Folder, spaf: Spaf, answer: Answer
) -> None:
    """Listed with its reason, shown with its bytes, exported, repaired, sent once, and proven."""

    def quarantine(*words: str) -> Done:
        return spaf(folder.path, "quarantine", *words, **folder.settings)

    def explained() -> Any:
        return answer(quarantine("list", "--json"))

    producer = open_producer(answer(folder.up)["services"]["kafka"]["address"], "spaf-test")
    for value in (BAD, b"\x1b[2J"):
        producer.produce("vendas-simuladas", value)
    assert producer.flush(WAIT_S) == 0
    assert wait_until(lambda: explained()["explained"] == 2, WAIT_S, poll=0.5)
    found = {row["reason"]: f"{row['partition']}:{row['offset']}" for row in explained()["records"]}
    assert set(found) == {"price", "unreadable"}
    shown = quarantine("show", found["unreadable"]).stdout
    assert "\x1b" not in shown
    assert r"\x1b[2J" in shown
    assert "at most 2 decimals" in quarantine("show", *found["price"].split(":")).stdout
    assert quarantine("export", "all.jsonl").returncode == 0
    assert len((folder.path / "all.jsonl").read_text().splitlines()) == 2
    assert "cannot be written" in quarantine("export", "all.jsonl").stderr
    (folder.path / "all.jsonl").unlink()
    assert "would be rejected again" in quarantine("replay", found["price"]).stderr
    repair = ("replay", found["price"], "--set", "productPrice=2.50", "--json")
    assert answer(quarantine(*repair))["cents"] == 500
    assert "--again" in quarantine(*repair).stderr
    verdict = answer(spaf(folder.path, "verify", "--json", **folder.settings))
    assert (verdict["exact"], verdict["rejected"]) == (True, 2)
    held = answer(spaf(folder.path, "status", "--json", **folder.settings))["quarantine"]
    expected = {"explained": 2, "kept": 2, "waiting": 0, "not_read": 0, "sampled": False}
    assert held == expected
    assert "price" in quarantine("list").stdout


def test_down_wipe_leaves_nothing(
    folder: Folder, spaf: Spaf, answer: Answer, processes: Processes
) -> None:
    """No process, no listening port and no file of the run is left; a second time is fine."""
    addresses = [one["address"] for one in answer(folder.up)["services"].values()]
    ports = {int(tail) for address in addresses if (tail := address.rpartition(":")[2]).isdigit()}
    known = processes(folder.home)
    assert len(known) > len(SERVICES)
    done = spaf(folder.path, "down", "--wipe", **folder.settings)
    assert done.returncode == 0
    assert "Stopped." in done.stderr
    assert [identity for identity in known if identity.alive()] == []
    assert list(folder.path.iterdir()) == []
    listening = {
        connection.laddr.port
        for connection in psutil.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    assert not ports & listening
    again = spaf(folder.path, "down", **folder.settings)
    assert again.returncode == 0
    assert "Nothing was running." in again.stderr
