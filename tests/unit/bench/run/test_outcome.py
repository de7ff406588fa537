"""What makes a run unfit to report a latency from, and that it then reports none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from spaf.bench.results.record import Interval
from spaf.bench.run.outcome import Outcome, Painted
from spaf.measure.latency import Stamps
from spaf.measure.resources import Sampler
from spaf.measure.screen import FrameRate, PageCost
from spaf.stack.state import RunFolder
from spaf.verify import Verdict
from tests.support.interference import QUIET
from tests.support.load_results import LOAD

COST = PageCost("Chromium", FrameRate.of([60.0, 58.0, 59.0]), 7.2, 60.0, 300.0, 0.5, 900)


def outcome(  # noqa: PLR0913 - each fault that a run may have
    *,
    unaccounted: int = 0,
    unseen: int = 0,
    sales: int = 2,
    early: int = 0,
    unpainted: int | None = None,
    interval: Interval | None = None,
    **load: Any,
) -> Outcome:
    """Return a run without fault but for what is asked for; `unpainted` makes it have a screen."""
    verdict = Verdict(
        records=100,
        accepted=100,
        late=0,
        rejected=0,
        unaccounted=unaccounted,
        differences=[],
        open_groups=0,
        late_cents=0,
        reasons={},
    )
    at = np.arange(sales, dtype=np.int64) * 1_000
    visible = at + 5_000
    visible[:early] = at[:early] - 1
    stamps = Stamps(at, at + 100, at + 200, at + 3_200, visible, unseen)
    result = msgspec.structs.replace(LOAD, **load)
    painted = None
    if unpainted is not None:
        later = Stamps(at, at + 100, at + 200, at + 8_000, at + 25_000, unpainted)
        painted = Painted(later, COST)
    sampler = Sampler(RunFolder(Path("none")))
    return Outcome(result, verdict, stamps, 3.0, sampler, painted, interval)


def test_run_without_fault_is_valid_and_reports_its_latency() -> None:
    """Intended to visible, and the generator's own delay in addition."""
    found = outcome()
    record = found.as_dict()
    assert found.reasons == []
    assert (record["valid"], record["reasons"]) == (True, [])
    assert record["latency_ms"]["store"]["p99"] == 5.0
    assert record["publish_delay_ms"]["max"] == 0.1
    assert (record["exact"], record["produced"], record["acked"]) == (True, 100, 100)


def test_a_rate_that_falls_behind_does_not_hold() -> None:
    """Its latency is reported all the same: it is what a user would see."""
    due = np.arange(20_000, dtype=np.int64) * 1_000
    found = outcome()
    later = Stamps(due, due + 100, due + 200, due + 3_200, due + 5_000 + due // 4, 0)
    behind = msgspec.structs.replace(found, measured=later)
    assert behind.unheld.startswith("the lag grows by")
    assert behind.as_dict()["latency_ms"]["store"] is not None
    assert found.unheld == ""
    assert outcome(achieved_rate=5.0).unheld.startswith("the generator fell behind: 5.0 of 10")


DISTURBED = Interval(
    "100 sales/s",
    0,
    60_000_000,
    msgspec.structs.replace(QUIET, other_cores=1.0, other_name="ffmpeg", clock_step_ms=12.5),
)
OTHERS = "other programs used 1.00 of 2 cores, most of it ffmpeg"


def test_what_disturbed_the_machine_takes_the_latency_away() -> None:
    """Each disturbance is a reason; the counters stay in the record."""
    found = outcome(interval=DISTURBED)
    assert found.reasons == [OTHERS, "the wall clock was set by +12.5 ms"]
    record = found.as_dict()
    assert record["latency_ms"] == {"store": None}
    assert record["interference"]["other_name"] == "ffmpeg"
    assert outcome().as_dict()["interference"] is None


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"unaccounted": 1}, "the tables are not exact"),
    ({"unseen": 3}, "3 sales were never seen in PostgreSQL"),
    ({"early": 1}, "1 of 2 latencies are negative"),
    ({"failed": 2}, "2 of 100 sales failed"),
    ({"acked": 99}, "only 99 of 100 sales were acknowledged"),
    ({"achieved_rate": 9.89}, "the generator fell behind: 9.9 of 10 sales/s"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_each_fault_is_named_and_takes_the_latency_away(fault: dict[str, Any], reason: str) -> None:
    """A figure from a run that was not right is no figure."""
    found = outcome(**fault)
    assert found.reasons == [reason]
    record = found.as_dict()
    assert (record["valid"], record["reasons"]) == (False, [reason])
    assert record["latency_ms"] == {"store": None}
    assert record["publish_delay_ms"] is not None


def test_a_screen_that_was_watched_is_reported_beside_the_database() -> None:
    """Latency of each sale on it, frames a second and memory; without a screen there is none."""
    record = outcome(unpainted=0).as_dict()
    assert record["valid"] is True
    assert record["latency_ms"]["store"]["p50"] == 5.0
    assert record["latency_ms"]["screen"]["p50"] == 25.0
    assert record["latency_ms"]["screen"]["count"] == 2
    assert record["screen"]["frames_per_second"] == {"median": 59.0, "min": 58.0, "reports": 3}
    assert record["screen"]["heap_mib"] == 7.2
    assert "screen" not in outcome().as_dict()


def test_sales_that_were_never_painted_take_the_latency_away() -> None:
    """Those that were painted would be the luckiest."""
    found = outcome(unpainted=4)
    assert found.reasons == ["4 sales were never seen on the screen"]
    assert found.as_dict()["latency_ms"] == {"store": None, "screen": None}


def test_all_faults_are_named_together() -> None:
    """A user sees every fault in one run."""
    together = {key: value for fault, _ in FAULTS for key, value in fault.items()}
    assert sorted(outcome(**together).reasons) == sorted(reason for _, reason in FAULTS)


@pytest.mark.parametrize(("achieved", "valid"), [(9.9, True), (9.899, False)])
def test_generator_may_fall_short_by_one_percent(achieved: float, *, valid: bool) -> None:
    """Beyond that it measured another load than the one asked for."""
    assert (not outcome(achieved_rate=achieved).reasons) == valid


def test_run_without_sales_reports_no_latency() -> None:
    """There is nothing to report, and no division by it either."""
    record = outcome(sales=0).as_dict()
    assert record["latency_ms"] == {"store": None}
    assert record["publish_delay_ms"] is None
    assert (record["rss_mib"], record["cpu_cores"]) == (0, 0)


def test_a_shared_machine_may_run_other_programs() -> None:
    """But its clock must not be set, and the record says that it was shared."""
    shared = msgspec.structs.replace(DISTURBED, shared=True)
    assert outcome(interval=shared).reasons == ["the wall clock was set by +12.5 ms"]
