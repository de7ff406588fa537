"""What `spaf status` and `spaf load` say of a run whose sales do not reach the tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf.cli.load import require_broker
from spaf.cli.status import is_healthy, pid_of, print_status, trouble_report
from spaf.errors import LoadError, SettingsError, StackError
from spaf.trouble import Trouble, trouble

LOCK = trouble(
    "postgres_lock",
    pid=9,
    session="ana, psql",
    time="12:00:00 UTC",
    query="LOCK TABLE a[0]",
    end="`kill 9`",
)
SILENT = trouble("kafka_silent", address="k:1", setting="S")


def report(found: Trouble | None = None, **changes: Any) -> dict[str, Any]:
    """Return the report of a run."""
    service = {"state": "running", "address": "", "restarts": 0, "rss_mib": 1.0, "pid": 1}
    return {
        "phase": "running",
        "services": {"kafka": {**service, "cpu_percent": 0.0}},
        "job": {"state": "RUNNING", "id": "j", "submissions": 1},
        "trouble": None if found is None else trouble_report(found),
        "quarantine": None,
    } | changes


def test_a_cause_alone_is_enough_for_the_exit_code() -> None:
    """Every service and the job may run while nothing is counted."""
    assert is_healthy(report())
    assert not is_healthy(report(LOCK))
    assert not is_healthy(report(phase="starting"))


def test_the_cause_is_printed_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do, and its text is no markup."""
    print_status(report(LOCK))
    assert LOCK.line in capsys.readouterr().out.splitlines()
    assert "LOCK TABLE a[0]" in LOCK.line
    assert LOCK.todo == "Let it commit, or end it with `kill 9`."


@pytest.mark.parametrize(("found", "refused"), [(None, False), (LOCK, False), (SILENT, True)])
def test_load_refuses_only_while_no_sale_can_be_sent(
    found: Trouble | None, *, refused: bool
) -> None:
    """Sales that the tables do not show yet are kept in the topic."""
    run = cast("Any", SimpleNamespace(lasting_trouble=lambda: found))
    if not refused:
        require_broker(run)
        return
    with pytest.raises(LoadError, match="Kafka at k:1 does not answer") as caught:
        require_broker(run)
    assert "SPAF" in caught.value.todo or "S to its new address" in caught.value.todo


def test_the_process_id_of_one_service() -> None:
    """For a command such as kill; another name is answered with those there are."""
    services = {"kafka": SimpleNamespace(pid=7), "locust": SimpleNamespace(pid=None)}
    state = cast("Any", SimpleNamespace(services=services))
    assert pid_of(state, "kafka") == 7
    with pytest.raises(SettingsError, match="--pid broker") as refused:
        pid_of(state, "broker")
    assert "kafka, locust" in refused.value.todo
    with pytest.raises(StackError, match="no process"):
        pid_of(state, "locust")
