"""The processor time of a drain by part, and where a profile is refused."""

from __future__ import annotations

import msgspec
import pytest

from spaf import settings
from spaf.bench.throughput.drain import Drain
from spaf.bench.throughput.drain_tables import ALL, DrainResult, DrainScenario, TableSetResult
from spaf.bench.throughput.profile import DrainProfile, cpu_by_part, require_profiler, used
from spaf.bench.throughput.profile_parts import COLLECTOR, JSON, REST, SampleParts
from spaf.errors import SettingsError
from spaf.measure.flight_recorder import StackSample, ThreadTime
from tests.unit.bench.throughput.test_profile_parts import SOURCE, STACKS, plan

PARTS = SampleParts(plan(), [StackSample(1, SOURCE, 0.0, frames) for frames in STACKS.values()])
DRAIN = Drain.of(events=1_000, seconds=1.0, cpu_seconds=2.0, exact=True)


def test_samples_divide_the_time_of_their_thread() -> None:
    """A thread without samples has the part of its name; nothing of the time is lost."""
    samples = [StackSample(7, SOURCE, 0.0, STACKS[part]) for part in (JSON, JSON, JSON, "ledger")]
    threads = {
        7: ThreadTime("Source: KafkaSo", 8.0),
        8: ThreadTime("GC Thread#0", 1.0),
        9: ThreadTime("main", 0.5),
    }
    found = cpu_by_part(samples, threads, PARTS)
    assert found == pytest.approx({JSON: 6.0, "ledger": 2.0, COLLECTOR: 1.0, REST: 0.5})


def test_profile_has_share_and_cost_in_the_order_of_the_job() -> None:
    """The shares add up to one, the costs to the cost of an event."""
    profile = DrainProfile.of({"a + b": 1.0, COLLECTOR: 2.0, JSON: 5.0}, 1_000_000, 42, "x.jfr")
    assert msgspec.to_builtins(profile) == {
        "parts": [
            {"part": JSON, "share": 0.625, "cpu_us_per_event": 5.0},
            {"part": COLLECTOR, "share": 0.25, "cpu_us_per_event": 2.0},
            {"part": "a + b", "share": 0.125, "cpu_us_per_event": 1.0},
        ],
        "samples": 42,
        "cpu_us_per_event": 8.0,
        "recording": "x.jfr",
    }
    assert profile.table().rows[0] == (JSON, "62.5%", 5.0)


def test_only_time_since_the_beginning_counts() -> None:
    """A thread that is new, or has the number of one that has ended, began with nothing."""
    now = ThreadTime("a", 3.0)
    assert used({1: ThreadTime("a", 1.0)}, 1, now).cpu_seconds == 2.0
    assert used({}, 1, now) == now
    assert used({1: ThreadTime("b", 9.0)}, 1, now) == now


@pytest.mark.usefixtures("bare")
def test_profile_of_a_cluster_of_the_user_is_refused_before_the_start() -> None:
    """In one sentence, and what to do."""
    chosen = settings.load(flink={"rest_url": "http://f:1"})
    with pytest.raises(SettingsError, match=r"flink\.rest_url names another cluster"):
        DrainScenario(profile=True).prepare(chosen)
    with pytest.raises(SettingsError):
        require_profiler(chosen)


@pytest.mark.usefixtures("bare")
def test_only_a_profile_changes_how_the_task_manager_is_started() -> None:
    """Its options cost memory."""
    chosen = settings.load()
    assert not DrainScenario().settings(chosen).flink.profiling
    assert DrainScenario(profile=True).settings(chosen).flink.profiling


def test_result_puts_the_job_beside_its_limits() -> None:
    """In the table and in the object; a limit that has not counted every record fails it."""
    limits = {"scan": TableSetResult.of([DRAIN, DRAIN]), "decode": TableSetResult.of([DRAIN])}
    profile = DrainProfile.of({JSON: 1.0}, 1_000, 1, "x.jfr")
    result = DrainResult.compare({ALL: [DRAIN]}, limits=limits, profile=profile)
    titles = [table.title for table in result.tables()]
    assert titles == ["", "the job and its limits", "last drain by part, 1 samples"]
    assert [row[0] for row in list(result.tables())[1].rows] == ["scan", "decode", "job"]
    assert msgspec.to_builtins(result)["limits"].keys() == limits.keys()
    assert "x.jfr" in result.summary()
    wrong = {"scan": TableSetResult.of([msgspec.structs.replace(DRAIN, exact=False)])}
    assert DrainResult.compare({ALL: [DRAIN]}, limits=wrong).reasons == [
        "a drain of scan is not exact"
    ]
