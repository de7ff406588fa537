"""Which link of a run a fault of the network hits."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf.chaos.fault import Scene
from spaf.chaos.faults.network import (
    KINDS,
    LINKS,
    LOAD,
    ImpairedLink,
    NetworkProxies,
    client_process,
    local_ports,
)
from spaf.chaos.tcp_proxy import Impairment
from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack import process
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import ProcessIdentity, SpawnedProcess, wait_until
from spaf.stack.service_names import JOBMANAGER, KAFKA, SERVE, SUPERVISOR, TASKMANAGER
from spaf.stack.state import ServiceState, ServiceStatus

HOLD = Impairment(hold_up=True, hold_down=True)
ME = cast("ProcessIdentity", ProcessIdentity.of(os.getpid()))
# A client that says what it hears.
CLIENT = """
import socket, sys
end = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for line in sys.stdin:
    end.sendall(b"x")
    print(end.recv(1), flush=True)
"""
SOON_S = 20.0


@pytest.fixture
def proxies() -> Iterator[tuple[NetworkProxies, Settings]]:
    """Yield the proxies of a run, and its settings."""
    made = NetworkProxies()
    with contextlib.closing(made):
        yield made, made.open(Settings.model_construct())


def scene(proxies: NetworkProxies, **services: ProcessIdentity | None) -> Scene:
    """Return a run whose services have these processes."""
    known = {
        name: ServiceState(
            name,
            ServiceStatus.RUNNING,
            "",
            pid=None if service is None else service.pid,
            started=0.0 if service is None else service.started,
        )
        for name, service in services.items()
    }
    state = SimpleNamespace(services=known, supervisor=lambda: ME)
    run = cast("Any", SimpleNamespace(state=lambda: state))
    return Scene(run, lambda: None, surroundings={NetworkProxies: proxies})


def test_servers_keep_ports_of_their_own(proxies: tuple[NetworkProxies, Settings]) -> None:
    """Clients get those of the proxies, which pass on to them."""
    made, chosen = proxies
    section = chosen.proxy
    own = (chosen.kafka.port, chosen.postgres.port, chosen.flink.port, section.rpc_target)
    proxied = (section.kafka, section.postgres, section.flink, section.rpc)
    assert len({*own, *proxied}) == 8
    assert made.of(TASKMANAGER, KAFKA).port == section.kafka
    assert made.of(TASKMANAGER, JOBMANAGER).port == section.rpc
    assert made.of(SERVE, JOBMANAGER).port == section.flink


def test_a_fault_hits_the_connections_of_its_client_only(
    proxies: tuple[NetworkProxies, Settings],
) -> None:
    """This process is the page, a child of it the job; both are connected to the broker."""
    made, chosen = proxies
    argv = [sys.executable, "-c", CLIENT, str(chosen.proxy.kafka)]
    with (
        socket.create_server((LOOPBACK, chosen.kafka.port)) as server,
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
        socket.create_connection((LOOPBACK, cast("int", chosen.proxy.kafka))) as ours,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        ends = [server.accept()[0] for _ in range(2)]
        try:
            job = ProcessIdentity.of(child.pid)
            link = ImpairedLink(scene(made, taskmanager=job, serve=ME), "taskmanager:kafka", HOLD)
            link.inject()
            assert not link.happened()
            ours.sendall(b"o")
            child.stdin.write(b"\n")
            child.stdin.flush()
            assert wait_until(link.happened, SOON_S)
            link.lift()
            assert sorted(end.recv(1) for end in ends) == [b"o", b"x"]
            for end in ends:
                end.sendall(b"a")
            assert child.stdout.readline() == b"b'a'\n"
            child.stdin.close()
        finally:
            for end in ends:
                end.close()


def test_a_client_without_a_process_has_no_link(proxies: tuple[NetworkProxies, Settings]) -> None:
    """The fault is not made."""
    made, _ = proxies
    for link in ("taskmanager:kafka", "serve:kafka", "load:kafka"):
        with pytest.raises(StackError, match="has no process now"):
            ImpairedLink(scene(made, serve=None), link, HOLD).inject()


def test_the_load_of_a_drill_is_a_client(
    proxies: tuple[NetworkProxies, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no service: this process has started it; one that has ended is no client."""
    gone = SpawnedProcess(LOAD, ProcessIdentity(2**22 + 1, 1.0))
    monkeypatch.setattr(process, "spawned", lambda: [SpawnedProcess(LOAD, ME), gone])
    found = scene(proxies[0])
    assert client_process(found, LOAD) == ME
    assert client_process(found, SUPERVISOR) == ME


def test_ports_of_a_process_are_those_of_its_ends() -> None:
    """Of one that has ended there are none."""
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        socket.create_connection(server.getsockname()) as end,
    ):
        assert end.getsockname()[1] in local_ports(ME)
    assert local_ports(ProcessIdentity(2**22 + 1, 1.0)) == set()


def test_each_kind_may_hit_each_link() -> None:
    """Eleven and two more: between every two parts that talk to each other."""
    assert len(LINKS) == 13
    assert {kind.targets for kind in KINDS} == {LINKS}
    assert len({kind.name for kind in KINDS}) == len(KINDS) == 7
