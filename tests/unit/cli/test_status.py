"""What `spaf status` and `spaf load` say of a run whose sales do not reach the tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf.cli.load import require_broker
from spaf.cli.status import (
    disk_report,
    pid_of,
    print_status,
    trouble_report,
)
from spaf.errors import LoadError, SettingsError, StackError
from spaf.trouble import DiskOutlook, Trouble, trouble

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
        "job": {"state": "RUNNING", "id": "j", "submissions": 1, "note": "", "upgrade": ""},
        "trouble": None if found is None else trouble_report(found),
        "quarantine": None,
    } | changes


def test_why_a_job_counts_anew_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """And how far an upgrade is; both are text, not markup."""
    job = report()["job"]
    print_status(report(job={**job, "note": "its checkpoint [1] is gone"}))
    expected = "job j: RUNNING, counted from the first record: its checkpoint [1] is gone"
    assert expected in capsys.readouterr().out.splitlines()
    print_status(report(job={**job, "upgrade": "counts into new tables: 1 of 2 records"}))
    expected = "job j: RUNNING; its upgrade counts into new tables: 1 of 2 records"
    assert expected in capsys.readouterr().out.splitlines()


def test_the_cause_is_printed_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do, and its text is no markup."""
    print_status(report(LOCK))
    assert LOCK.line in capsys.readouterr().out.splitlines()
    assert "LOCK TABLE a[0]" in LOCK.line
    assert LOCK.todo == "Let it commit, or end it with `kill 9`."


def test_a_disk_that_will_be_full_is_foreseen(capsys: pytest.CaptureFixture[str]) -> None:
    """With numbers; what to do about it is printed when it comes near."""
    far = DiskOutlook("/data", 40 * 2**30, 2 * 2**30, 20 * 86_400.0, 7_200.0)
    near = DiskOutlook("/data", 3 * 2**30, 2 * 2**30, 1.5 * 86_400.0, 7_200.0)
    print_status(report(disk=disk_report(far)))
    print_status(report(disk=disk_report(near)))
    lines = capsys.readouterr().out.splitlines()
    assert (
        "At the present rate the disk of /data is full in 20.0 days: 40.0 GiB are free, and "
        "2.0 GiB are written a day (measured over 2.0 hours)."
    ) in lines
    (soon,) = (line for line in lines if "full in 36.0 hours" in line)
    assert soon.endswith("bound what is kept: kafka.retention and store.keep.")


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
