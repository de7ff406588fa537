"""The end of the run that the tests of commands and page share."""

from __future__ import annotations

import psutil

from tests.support.commands import Answer, FullRun, Processes, Spaf


def test_down_wipe_leaves_nothing(
    full_run: FullRun, spaf: Spaf, answer: Answer, processes: Processes
) -> None:
    """No process, no listening port and no file of the run is left; a second time is fine."""
    addresses = [one["address"] for one in answer(full_run.up)["services"].values()]
    ports = {int(tail) for address in addresses if (tail := address.rpartition(":")[2]).isdigit()}
    known = processes(full_run.home)
    assert len(known) > len(addresses)
    done = spaf(full_run.path, "down", "--wipe", **full_run.variables)
    assert done.returncode == 0
    assert "Stopped." in done.stderr
    assert [identity for identity in known if identity.alive()] == []
    assert set(full_run.path.iterdir()) == full_run.before
    assert list(full_run.home.iterdir()) == []
    listening = {
        connection.laddr.port
        for connection in psutil.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    assert not ports & listening
    again = spaf(full_run.path, "down", **full_run.variables)
    assert again.returncode == 0
    assert "Nothing was running." in again.stderr
    assert spaf(full_run.path, "down", "--wipe", **full_run.variables).returncode == 0
