"""What the monitor concludes from one poll after the other."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace as replace_struct

from spaf import clock
from spaf.stack.diagnosis import Facts, TableFacts, TopicFacts
from spaf.stack.health import CountingProgress, HealthMonitor, HealthTarget, signature
from spaf.stack.state import Phase, RunState
from spaf.store.access import Access
from spaf.trouble import DiskOutlook, Trouble, trouble

FULL: dict[str, Any] = {"folder": "/d", "needed": "32"}


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Hold the clock, seconds since the epoch."""
    now = [1_000.0]
    monkeypatch.setattr(clock, "now_us", lambda: round(now[0] * 1e6))
    return now


def facts(ends: dict[int, int], counted: dict[int, int] | None, now: float) -> Facts:
    """Return what is known of topic and tables."""
    return Facts(
        now=now,
        topic_name="t",
        addresses={"kafka": "k:1", "postgres": "p:1", "jobmanager": "f:1"},
        topic=TopicFacts(partitions=(*ends,), ends=ends),
        tables=TableFacts(done=counted, counted=counted),
    )


def test_progress_is_kept_by_partition(moment: list[float]) -> None:
    """A partition that is not read waits, however fast the others are."""
    progress = CountingProgress()
    for second in range(5):
        moment[0] += 1
        progress.update(facts({0: 10 * second, 1: 1}, {0: 10 * second - 1, 1: 0}, moment[0]))
    # Records were counted after the poll at 1,004 s.
    assert progress.at == 1_004.0
    assert {part: at for part, (_, at) in progress.parts.items()} == {0: 1_005.0, 1: 1_001.0}


def test_nothing_waits_while_nothing_is_sold(moment: list[float]) -> None:
    """The time begins with the first record that waits."""
    progress = CountingProgress()
    progress.update(facts({0: 5}, {0: 5}, moment[0] + 60))
    progress.update(facts({0: 6}, {0: 5}, moment[0] + 61))
    assert progress.parts[0][1] == 1_060.0
    assert progress.at == 1_000.0


def test_what_is_not_known_is_no_progress(moment: list[float]) -> None:
    """A locked table or a silent broker leaves everything as it was."""
    progress = CountingProgress()
    progress.update(facts({0: 6}, None, moment[0] + 5))
    progress.update(replace(facts({0: 6}, {0: 5}, moment[0] + 5), topic=None))
    assert progress.parts == {}


def test_a_cause_is_logged_once_until_it_is_gone(
    moment: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """A number that grows makes no new line, and neither does a job that runs for a moment."""
    caplog.set_level(logging.INFO)
    published: list[Trouble | None] = []
    state = RunState(1, 1.0, Phase.RUNNING)
    target = HealthTarget(
        "k:1",
        "t",
        "http://f:1",
        Access.own("127.0.0.1", 1, "public", {"spaf_read": ""}),
        [Path("/")],
        cast("Any", SimpleNamespace()),
    )
    monitor = HealthMonitor(target, state, published.append)
    first = trouble("disk_full", free="9", **FULL)
    for cause in (
        first,
        trouble("disk_full", free="8", **FULL),
        trouble("kafka_error", problem="no"),
        trouble("disk_full", free="7", **FULL),
        None,
        first,
    ):
        monitor._conclude(replace(facts({}, {}, moment[0]), disk=cause))
        moment[0] += 1
    assert [cause and cause.since for cause in published] == [
        1_000,
        1_000,
        1_002,
        1_003,
        None,
        1_005,
    ]
    said = [line.partition(":")[0] for line in caplog.messages]
    trouble_line, fine = "sales do not reach the tables", "sales reach the tables again"
    assert said == [trouble_line, trouble_line, fine, trouble_line]
    monitor.close()
    monitor._conclude(replace(facts({}, {}, moment[0]), disk=first))
    assert len(published) == 6


def test_a_disk_that_will_be_full_is_logged_once(
    moment: list[float], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time that it comes near; the state of the run has it all the time."""
    caplog.set_level(logging.INFO)
    state = RunState(1, 1.0, Phase.RUNNING)
    access = Access.own("127.0.0.1", 1, "public", {"spaf_read": ""})
    target = HealthTarget("k:1", "t", "http://f:1", access, [Path("/")], cast("Any", None))
    monitor = HealthMonitor(target, state, lambda _: None)
    near = DiskOutlook("/data", 2**30, 2**30, 86_400.0, 600.0)
    far = replace_struct(near, full_in_s=30 * 86_400.0)
    for outlook in (far, near, near, far, near, None):
        monkeypatch.setattr(monitor._forecast, "sample", lambda o=outlook: o)
        monitor._conclude(facts({}, {}, moment[0]))
        assert state.disk == outlook
    assert caplog.messages == [f"{near.line} {near.todo}"] * 2


def test_causes_of_two_services_are_two() -> None:
    """What differs in more than a growing number is another cause."""
    cause = trouble("process_stopped", service="kafka", pid=1)
    assert signature(cause) != signature(trouble("process_stopped", service="postgres", pid=1))
    records: dict[str, Any] = {"topic": "t", "partitions": "0", "time": "1", "state": "RUNNING"}
    few, many = (trouble("not_counted", records=count, **records) for count in (1, 9))
    assert signature(few) == signature(many)
