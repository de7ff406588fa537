"""ZooKeeper of a run: nothing of an earlier run is left in it, or in one of the user's own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from spaf.settings import FlinkSettings
from spaf.stack import flink, process, zookeeper
from spaf.stack.state import RunFolder

OWN = FlinkSettings(high_availability="zookeeper")
OTHER = FlinkSettings(high_availability="zookeeper", zookeeper="z1:2181,z2:2181")


@pytest.fixture
def home(tmp_path: Path) -> RunFolder:
    """Return a run folder."""
    made = RunFolder(tmp_path / "run")
    made.create()
    return made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], list[Sequence[str]]]:
    """Return a function that sets how ZooKeeper's client ends; it returns its commands."""

    def ends(code: int, output: str = "") -> list[Sequence[str]]:
        commands: list[Sequence[str]] = []

        def run(_: str, argv: Sequence[str], **__: Any) -> subprocess.CompletedProcess[str]:
            commands.append(argv)
            return subprocess.CompletedProcess(argv, code, output)

        monkeypatch.setattr(process, "run", run)
        return commands

    return ends


def test_the_server_is_on_loopback_with_short_sessions(home: RunFolder) -> None:
    """A session is noticed to have ended within a tick; no page of its own is served."""
    service = zookeeper.service(home, home.logs / "zookeeper.log", 2181)
    text = (home.folder / zookeeper.CONFIG).read_text()
    options = dict(line.split("=") for line in text.splitlines())
    assert options["clientPortAddress"] == "127.0.0.1"
    assert options["clientPort"] == "2181"
    assert 2 * int(options["tickTime"]) < flink.SESSION_TIMEOUT_S * 1_000
    assert "-Dzookeeper.admin.enableServer=false" in service.argv
    assert service.address == "127.0.0.1:2181"
    assert home.zookeeper.stat().st_mode & 0o777 == 0o700
    assert not service.ready()


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, str]]]:
    """Serve answers to commands; yield the address and the answers."""
    answers: dict[str, str] = {}
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.sendall(answers[connection.recv(4).decode()].encode())

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}", answers
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_server_serves_once_it_says_its_version(server: tuple[str, dict[str, str]]) -> None:
    """Before it has read its files it answers too."""
    address, answers = server
    answers["srvr"] = "This ZooKeeper instance is not currently serving requests\n"
    assert not zookeeper.serves(address)
    answers["srvr"] = "Zookeeper version: 3.7.2\n"
    assert zookeeper.serves(address)


def test_the_leader_is_the_session_that_says_where_it_is(
    server: tuple[str, dict[str, str]],
) -> None:
    """The one that stands by has a node as well, in which it waits for its turn."""
    address, answers = server
    waiting = "0x100:\n\t/spaf/a/latch/_c_1-latch-0\n"
    leading = "0x200:\n\t/spaf/a/latch/_c_2-latch-1\n\t/spaf/a/leader/dispatcher/connection_info\n"
    answers["cons"] = (
        " /127.0.0.1:41000[1](queued=0,recved=9,sent=9,sid=0x100,lop=PING,to=4000)\n"
        " /127.0.0.1:42000[1](queued=0,recved=9,sent=9,sid=0x200,lop=PING,to=4000)\n"
        " /127.0.0.1:43000[0](queued=0,recved=1,sent=0)\n"
    )
    for sessions, port in ((waiting + leading, 42_000), (waiting, None)):
        answers["dump"] = f"SessionTracker dump:\nSessions with Ephemerals (2):\n{sessions}"
        assert zookeeper.leading_port(address) == port


def test_a_run_begins_without_the_jobs_of_the_one_before(home: RunFolder) -> None:
    """Neither its data nor its id are used again."""
    first = zookeeper.begin(OWN, home, "127.0.0.1:1")
    kept = [home.folder / folder / "job" for folder in (zookeeper.DATA, zookeeper.STORAGE)]
    for file in kept:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    second = zookeeper.begin(OWN, home, "127.0.0.1:1")
    assert not any(file.exists() for file in kept)
    assert first.cluster_id != second.cluster_id
    assert second.storage == f"file:///proc/self/cwd/{zookeeper.STORAGE}"


def test_what_a_run_has_left_in_another_zookeeper_is_deleted(
    home: RunFolder, asked: Callable[..., list[Sequence[str]]]
) -> None:
    """At its end, or by the next run if it was killed; once."""
    commands = asked(0)
    killed = zookeeper.begin(OTHER, home, "z1:2181,z2:2181")
    ended = zookeeper.begin(OTHER, home, "z1:2181,z2:2181")
    zookeeper.forget(OTHER, home)
    zookeeper.forget(OTHER, home)
    deletions = [(argv[-7], *argv[-2:]) for argv in commands]
    assert deletions == [
        ("-server", "deleteall", f"/spaf/{run.cluster_id}") for run in (killed, ended)
    ]


def test_an_own_zookeeper_is_not_asked_to_delete(
    home: RunFolder, asked: Callable[..., list[Sequence[str]]]
) -> None:
    """Its files go with the next start."""
    commands = asked(0)
    zookeeper.begin(OWN, home, "127.0.0.1:1")
    zookeeper.forget(OWN, home)
    assert commands == []


def test_what_cannot_be_deleted_is_named(
    home: RunFolder,
    asked: Callable[..., list[Sequence[str]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run ends all the same; nothing looks there again."""
    asked(1, "KeeperErrorCode = ConnectionLoss\n")
    run = zookeeper.begin(OTHER, home, "z1:2181,z2:2181")
    zookeeper.forget(OTHER, home)
    assert f"/spaf/{run.cluster_id} of the ZooKeeper at z1:2181,z2:2181" in caplog.text
    assert "ConnectionLoss" in caplog.text
