"""Which of two JobManagers leads, by the session that says so in ZooKeeper."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from spaf.chaos.faults import failover
from spaf.chaos.faults.failover import FOLLOWER, LEADER, SecondJobManager, roles
from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack import zookeeper
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import ServiceState, ServiceStatus

NAMES = ("jobmanager", "jobmanager-2", "zookeeper")


@pytest.fixture
def services() -> dict[str, ServiceState]:
    """Return the services of a cluster."""
    return {
        name: ServiceState(name, ServiceStatus.RUNNING, "", pid=number)
        for number, name in enumerate(NAMES, 1)
    }


def connected(monkeypatch: pytest.MonkeyPatch, port: int | None) -> None:
    """Let the JobManagers use the ports 6001 and 6002, and the leader one of them."""

    def process(self: ProcessIdentity) -> Any:
        own = SimpleNamespace(port=6000 + self.pid)
        sockets = [SimpleNamespace(status=psutil.CONN_ESTABLISHED, laddr=own)]
        return SimpleNamespace(net_connections=lambda kind: sockets)  # noqa: ARG005

    monkeypatch.setattr(ProcessIdentity, "process", process)
    monkeypatch.setattr(zookeeper, "leading_port", lambda _: port)


@pytest.mark.parametrize(("port", "leader"), [(6001, "jobmanager"), (6002, "jobmanager-2")])
def test_the_leader_is_the_one_that_zookeeper_names(
    monkeypatch: pytest.MonkeyPatch, services: dict[str, ServiceState], port: int, leader: str
) -> None:
    """The other one stands by."""
    connected(monkeypatch, port)
    found = roles(services)
    assert found[LEADER] == leader
    assert {found[LEADER], found[FOLLOWER]} == set(NAMES[:2])


def test_without_a_leader_nothing_is_killed(
    monkeypatch: pytest.MonkeyPatch, services: dict[str, ServiceState]
) -> None:
    """The fault counts as one that was not made."""
    connected(monkeypatch, None)
    with pytest.raises(StackError, match="No JobManager leads"):
        roles(services)
    del services["jobmanager-2"]
    with pytest.raises(StackError, match="one JobManager"):
        roles(services)


def test_the_run_of_these_faults_has_high_availability() -> None:
    """Whatever the settings of the user are."""
    assert SecondJobManager().open(Settings()).flink.high_availability == "zookeeper"
    assert failover.KINDS[0].by_name
