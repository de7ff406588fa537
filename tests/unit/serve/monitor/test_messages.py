"""The messages of snapshots: states, rates, lags, costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from spaf.generate.locust.protocol import LoadStatus
from spaf.serve.monitor import load
from spaf.serve.monitor.flink import FlinkMetrics
from spaf.serve.monitor.messages import PipelineMessages
from spaf.serve.monitor.rates import GrowthRate
from spaf.serve.monitor.snapshot import STAGES, PipelineSnapshot, ProbeHealth, StageDelay
from spaf.serve.run_info import ServiceInfo
from spaf.trouble import DiskOutlook

NAMES = ("kafka", "postgres", "jobmanager", "taskmanager-1", "locust", "quarantine", "serve")
LOAD = LoadStatus("running", 100, 100.0, 1_000, 990, 4, "ab")
FOUND = PipelineSnapshot(
    at=10.0,
    services=[ServiceInfo(name, "running", f"at {name}", 0, 100.0, 5.0) for name in NAMES],
    job="RUNNING",
    page_load=LOAD,
    flink=FlinkMetrics("RUNNING", 0.25, 0.5, "Source", None, 2),
    ends=1_000,
    counted=980,
    accounts={"accepted": 970, "in_flight": 20},
    events=50,
    viewers=3,
    delays={"locust": StageDelay(0.123, 4.567)},
)


def stages(
    snapshot: PipelineSnapshot, messages: PipelineMessages | None = None
) -> dict[str, dict[str, Any]]:
    """Return the stages of a snapshot's message by name."""
    pipeline, _ = (messages or PipelineMessages()).update(snapshot)
    return {stage["name"]: stage for stage in pipeline["stages"]}


def test_a_snapshot() -> None:
    """Five stages in order, with what is known of each."""
    pipeline, load_message = PipelineMessages().update(FOUND)
    assert [stage["name"] for stage in pipeline["stages"]] == list(STAGES)
    found = stages(FOUND)
    assert {name: stage["state"] for name, stage in found.items()} == dict.fromkeys(
        STAGES, "running"
    )
    assert {name: stage["lag"] for name, stage in found.items()} == {
        "locust": None,
        "kafka": 6,
        "flink": 20,
        "postgres": None,
        "serve": None,
    }
    assert (found["locust"]["p50_ms"], found["locust"]["p99_ms"]) == (0.12, 4.57)
    assert found["flink"]["rss_mib"] == 200.0
    assert found["serve"]["detail"] == {"viewers": 3}
    assert (pipeline["busy"], pipeline["backpressure"], pipeline["restarts"]) == (0.25, 0.5, 2)
    assert (pipeline["culprit"], pipeline["checkpoint_age_s"]) == (None, None)
    assert load_message == {
        "state": "running",
        "rate": 100.0,
        "achieved": 0.0,
        "failed": 4,
        "address": "at locust",
        "headless": None,
    }


def test_rates_and_costs_are_those_of_two_looks() -> None:
    """What has passed, and the processor time of all of a stage's services, over the time."""
    messages = PipelineMessages()
    stages(FOUND, messages)
    later = msgspec.structs.replace(
        FOUND,
        at=12.0,
        ends=1_200,
        counted=1_100,
        accounts={"accepted": 1_090, "in_flight": 20},
        events=60,
        page_load=LoadStatus("running", 100, 100.0, 1_250, 1_200, 4, "ab"),
        services=[replace(service, cpu_seconds=5.5) for service in FOUND.services],
    )
    found = stages(later, messages)
    rates = {name: stage["rate"] for name, stage in found.items()}
    assert rates == {"locust": 125, "kafka": 100, "flink": 60, "postgres": 60, "serve": 5}
    assert found["flink"]["cpu_percent"] == 50.0
    assert found["kafka"]["cpu_percent"] == 25.0


@pytest.mark.parametrize(
    ("changed", "stage", "state"),
    [
        ({"health": {"kafka": ProbeHealth("no broker answers", 0.0)}}, "kafka", "silent"),
        ({"health": {"postgres": ProbeHealth(None, 1.5)}}, "postgres", "silent"),
        ({"health": {"postgres": ProbeHealth(None, 0.5)}}, "postgres", "running"),
        ({"job": "RESTARTING"}, "flink", "restarting"),
        ({"job": "waiting"}, "flink", "waiting"),
        ({"flink": FlinkMetrics("FAILING")}, "flink", "failing"),
        ({"page_load": LoadStatus("ready", 0, 0.0, 0, 0, 0)}, "locust", "ready"),
        ({"page_load": LoadStatus("stopped", 0, 0.0, 9, 9, 0, "ab")}, "locust", "stopped"),
        ({"page_load": None, "health": {"locust": ProbeHealth("away", 0.0)}}, "locust", "silent"),
    ],
)
def test_states(changed: dict[str, Any], stage: str, state: str) -> None:
    """A neighbour that does not answer is silent; the job's own word counts for flink."""
    assert stages(msgspec.structs.replace(FOUND, **changed))[stage]["state"] == state


def test_the_supervisors_word_comes_first() -> None:
    """A service that is starting again is not merely silent; an external one says so."""
    services = [
        replace(
            service,
            state={"kafka": "restarting", "postgres": "external"}.get(service.name, service.state),
        )
        for service in FOUND.services
    ]
    health = {"kafka": ProbeHealth("no broker answers", 3.0)}
    found = stages(msgspec.structs.replace(FOUND, services=services, health=health))
    assert found["kafka"]["state"] == "restarting"
    assert found["kafka"]["detail"] == {"problem": "no broker answers"}
    assert found["postgres"]["state"] == "external"


def test_what_is_not_ours_has_no_cost() -> None:
    """A service elsewhere has neither memory nor processor time here."""
    services = [ServiceInfo("kafka", "external", "far:9092", 0, 0.0, 0.0)]
    alone = msgspec.structs.replace(FOUND, services=services, page_load=None)
    found = stages(alone)
    assert (found["kafka"]["cpu_percent"], found["kafka"]["rss_mib"]) == (None, None)
    assert (found["flink"]["state"], found["flink"]["rss_mib"]) == ("running", None)
    assert found["locust"]["state"] == "absent"
    assert PipelineMessages().update(alone)[0]["culprit"] is None


def test_a_load_that_is_away_is_gone() -> None:
    """And its page has no address if there is no such service."""
    load_message = load.message(None, None, None)
    assert load_message == {
        "state": "gone",
        "rate": 0.0,
        "achieved": 0.0,
        "failed": 0,
        "address": None,
    }


def test_spaf_load_sells_while_the_page_does_not() -> None:
    """The stage has its rate and says whose it is; the panel's own state stays."""
    ready = LoadStatus("ready", 0, 0.0, 0, 0, 0)
    headless = LoadStatus("running", 100, 50.0, 400, 390, 1, "h", (0.5, 2.0))
    first = msgspec.structs.replace(FOUND, page_load=ready, headless=headless)
    later = msgspec.structs.replace(
        first,
        at=12.0,
        headless=msgspec.structs.replace(headless, intended=500, acked=490),
    )
    messages = PipelineMessages()
    messages.update(first)
    pipeline, load_message = messages.update(later)
    locust = pipeline["stages"][0]
    assert (locust["state"], locust["rate"]) == ("running", 50.0)
    assert locust["detail"] == {"users": 100, "intended": 500, "failed": 1, "headless": 50.0}
    assert load_message["state"] == "ready"
    assert load_message["headless"] == {"rate": 50.0, "achieved": 50.0, "failed": 1}


def test_both_loads_are_added_up() -> None:
    """Only loads that sell count; a page that was stopped keeps the counts of its last run."""
    headless = LoadStatus("running", 5, 50.0, 400, 390, 1, "h", slots=400)
    both = load.together(LOAD, headless)
    assert both == LoadStatus("running", 105, 150.0, 1_400, 1_380, 5, "ab h", None, None)
    stopped = LoadStatus("stopped", 0, 0.0, 9, 9, 0, "ab")
    assert load.together(stopped, headless) is headless
    assert load.together(LOAD, msgspec.structs.replace(headless, state="stopped")) is LOAD
    assert load.together(stopped, None) is stopped
    assert load.together(None, headless) is headless
    assert load.together(None, None) is None


def test_rate() -> None:
    """Over some looks; it begins anew with a count that is smaller, and after a pause."""
    rate = GrowthRate(3.0)
    assert [rate.update(at, 10 * at) for at in (0.0, 1.0, 2.0, 3.0, 4.0)] == [None, 10, 10, 10, 10]
    assert rate.update(5.0, 80) == pytest.approx(20)
    assert rate.update(6.0, None) is None
    assert rate.update(6.0, 5) is None
    assert rate.update(7.0, 8) == 3
    assert rate.update(100.0, 1_000) is None


def test_a_disk_that_will_be_full() -> None:
    """The page has the text in both languages; nothing is sent while nothing is foreseen."""
    assert PipelineMessages().update(FOUND)[0]["disk"] is None
    disk = DiskOutlook("/data", 3 * 2**30, 2**30, 1.5 * 86_400, 5_400.0)
    found = PipelineMessages().update(msgspec.structs.replace(FOUND, disk=disk))[0]["disk"]
    assert found == {
        "folder": "/data",
        "free_gib": 3.0,
        "gib_per_day": 1.0,
        "days": 1.5,
        "hours": 36.0,
        "measured_hours": 1.5,
        "soon": True,
    }
