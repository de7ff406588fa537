"""The arithmetic of a drain, and the settings that it runs with."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from spaf import settings
from spaf.bench.throughput.drain import TOPIC, Drain
from spaf.bench.throughput.drain_tables import DrainScenario


def test_throughput_and_cost_come_from_the_raw_figures() -> None:
    """Events over seconds; processor time over events."""
    drain = Drain.of(events=3_000_000, seconds=12.0, cpu_seconds=15.0, exact=True)
    assert drain.events_per_second == 250_000
    assert drain.cpu_us_per_event == pytest.approx(5.0)


def test_record_keeps_raw_and_derived_figures() -> None:
    """A reader can compute the rounded figures again."""
    drain = Drain.of(events=3, seconds=7.0, cpu_seconds=0.5, exact=False)
    assert msgspec.to_builtins(drain) == {
        "events": 3,
        "seconds": 7.0,
        "cpu_seconds": 0.5,
        "exact": False,
        "events_per_second": 0,
        "cpu_us_per_event": 166666.667,
    }


@pytest.mark.usefixtures("bare")
def test_scenario_keeps_contract_and_detection_of_the_user() -> None:
    """What a sale is and what is unusual stay; the machinery is the scenario's."""
    chosen = settings.load(
        home=Path("mine"),
        sale={"max_lateness_s": 7},
        generate={"seed": 5},
        job={"outlier_score": 9.5, "surge_seconds": 30, "flush_ms": 1},
        kafka={"topic": "mine", "partitions": 5},
    )
    found = DrainScenario().settings(chosen)
    assert (found.sale, found.generate) == (chosen.sale, chosen.generate)
    assert (found.job.outlier_score, found.job.surge_seconds) == (9.5, 30)
    assert found.job.mini_batch_ms > 0
    assert found.home == Path("mine/drain")
    assert (found.kafka.topic, found.kafka.partitions) == (TOPIC, 2)


@pytest.mark.usefixtures("bare")
def test_scenario_has_a_task_for_each_partition() -> None:
    """Neither a partition without a task nor a task without a slot."""
    found = DrainScenario().settings(settings.load())
    tasks = found.job.parallelism
    assert tasks == found.kafka.partitions == found.flink.slots * found.flink.task_managers


@pytest.mark.usefixtures("bare")
def test_scenario_does_not_touch_services_of_the_user() -> None:
    """Broker and cluster are its own, wherever the user's are."""
    chosen = settings.load(kafka={"bootstrap_servers": "k:1"}, flink={"rest_url": "http://f:1"})
    found = DrainScenario().settings(chosen)
    assert (found.kafka.bootstrap_servers, found.flink.rest_url) == (None, None)
