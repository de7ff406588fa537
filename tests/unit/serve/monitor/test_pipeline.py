"""Stages from what a look has found: states, rates, lags, costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spaf.generate.locust.protocol import LoadStatus
from spaf.serve.monitor import load
from spaf.serve.monitor.bottleneck import STAGES
from spaf.serve.monitor.flink import FlinkMetrics
from spaf.serve.monitor.pipeline import Pipeline, PipelineObservation, ProbeAnswer, StageDelay
from spaf.serve.monitor.rates import GrowthRate
from spaf.serve.run_info import ServiceInfo

NAMES = ("kafka", "postgres", "jobmanager", "taskmanager-1", "locust", "quarantine", "serve")
LOAD = LoadStatus("running", 100, 100.0, 1_000, 990, 4, "ab")
FOUND = PipelineObservation(
    at=10.0,
    services=[ServiceInfo(name, "running", f"at {name}", 0, 100.0, 5.0) for name in NAMES],
    job="RUNNING",
    load=LOAD,
    flink=FlinkMetrics("RUNNING", 0.25, 0.5, "Source", None, 2),
    ends=1_000,
    counted=980,
    accepted=970,
    in_flight=20,
    events=50,
    viewers=3,
    delays={"locust": StageDelay(0.123, 4.567)},
)


def stages(
    found: PipelineObservation, pipeline: Pipeline | None = None
) -> dict[str, dict[str, Any]]:
    """Return the stages of a look by name."""
    told, _ = (pipeline or Pipeline()).see(found)
    return {stage["name"]: stage for stage in told["stages"]}


def test_a_look() -> None:
    """Five stages in order, with what is known of each."""
    pipeline, told = Pipeline().see(FOUND)
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
    assert told == {
        "state": "running",
        "rate": 100.0,
        "achieved": 0.0,
        "failed": 4,
        "address": "at locust",
    }


def test_rates_and_costs_are_those_of_two_looks() -> None:
    """What has passed, and the processor time of all of a stage's services, over the time."""
    pipeline = Pipeline()
    stages(FOUND, pipeline)
    later = replace(
        FOUND,
        at=12.0,
        ends=1_200,
        counted=1_100,
        accepted=1_090,
        events=60,
        load=LoadStatus("running", 100, 100.0, 1_250, 1_200, 4, "ab"),
        services=[replace(one, cpu_seconds=5.5) for one in FOUND.services],
    )
    found = stages(later, pipeline)
    rates = {name: stage["rate"] for name, stage in found.items()}
    assert rates == {"locust": 125, "kafka": 100, "flink": 60, "postgres": 60, "serve": 5}
    assert found["flink"]["cpu_percent"] == 50.0
    assert found["kafka"]["cpu_percent"] == 25.0


@pytest.mark.parametrize(
    ("changed", "stage", "state"),
    [
        ({"answers": {"kafka": ProbeAnswer("no broker answers", 0.0)}}, "kafka", "silent"),
        ({"answers": {"postgres": ProbeAnswer(None, 1.5)}}, "postgres", "silent"),
        ({"answers": {"postgres": ProbeAnswer(None, 0.5)}}, "postgres", "running"),
        ({"job": "RESTARTING"}, "flink", "restarting"),
        ({"job": "waiting"}, "flink", "waiting"),
        ({"flink": FlinkMetrics("FAILING")}, "flink", "failing"),
        ({"load": LoadStatus("ready", 0, 0.0, 0, 0, 0)}, "locust", "ready"),
        ({"load": LoadStatus("stopped", 0, 0.0, 9, 9, 0, "ab")}, "locust", "stopped"),
        ({"load": None, "answers": {"locust": ProbeAnswer("away", 0.0)}}, "locust", "silent"),
    ],
)
def test_states(changed: dict[str, Any], stage: str, state: str) -> None:
    """A neighbour that does not answer is silent; the job's own word counts for flink."""
    assert stages(replace(FOUND, **changed))[stage]["state"] == state


def test_the_supervisors_word_comes_first() -> None:
    """A service that is starting again is not merely silent; an external one says so."""
    services = [
        replace(one, state={"kafka": "restarting", "postgres": "external"}.get(one.name, one.state))
        for one in FOUND.services
    ]
    answers = {"kafka": ProbeAnswer("no broker answers", 3.0)}
    found = stages(replace(FOUND, services=services, answers=answers))
    assert found["kafka"]["state"] == "restarting"
    assert found["kafka"]["detail"] == {"problem": "no broker answers"}
    assert found["postgres"]["state"] == "external"


def test_what_is_not_ours_has_no_cost() -> None:
    """A service elsewhere has neither memory nor processor time here."""
    services = [ServiceInfo("kafka", "external", "far:9092", 0, 0.0, 0.0)]
    alone = replace(FOUND, services=services, load=None)
    found = stages(alone)
    assert (found["kafka"]["cpu_percent"], found["kafka"]["rss_mib"]) == (None, None)
    assert (found["flink"]["state"], found["flink"]["rss_mib"]) == ("running", None)
    assert found["locust"]["state"] == "absent"
    assert Pipeline().see(alone)[0]["culprit"] is None


def test_a_load_that_is_away_is_gone() -> None:
    """And its page has no address that could be told if there is no such service."""
    told = load.message(None, None, None)
    assert told == {"state": "gone", "rate": 0.0, "achieved": 0.0, "failed": 0, "address": None}


def test_rate() -> None:
    """Over some looks; it begins anew with a count that is smaller, and after a pause."""
    rate = GrowthRate(3.0)
    assert [rate.see(at, 10 * at) for at in (0.0, 1.0, 2.0, 3.0, 4.0)] == [None, 10, 10, 10, 10]
    assert rate.see(5.0, 80) == pytest.approx(20)
    assert rate.see(6.0, None) is None
    assert rate.see(6.0, 5) is None
    assert rate.see(7.0, 8) == 3
    assert rate.see(100.0, 1_000) is None
