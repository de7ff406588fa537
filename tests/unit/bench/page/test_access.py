"""The figures of the page, from records whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spaf.bench.page import goals
from spaf.bench.page.goals import Goal
from spaf.bench.page.hour import MemorySample, slope
from spaf.bench.page.viewers import PhaseLatency, ViewersResult
from spaf.bench.page.weight import FirstLoad, WeightResult, wire_bytes
from spaf.measure.latency import Stamps
from spaf.measure.quantiles import Quantiles

MINUTE_S = 60.0


def hour_of_growth(mib_per_hour: float, *, warm_up_mib: float = 0.0) -> list[MemorySample]:
    """Return an hour in which the memory of serve grew linearly, after a jump in the warm-up."""
    return [
        MemorySample(
            n * MINUTE_S, 5.0, 60.0, 40.0 + mib_per_hour * n / 60 + (warm_up_mib if n < 10 else 0.0)
        )
        for n in range(61)
    ]


@pytest.mark.parametrize("mib", [0.0, 12.0, -3.0])
def test_slope_is_the_growth_of_a_memory_in_an_hour(mib: float) -> None:
    """Exact for a straight line."""
    samples = hour_of_growth(mib)
    assert slope(samples, "serve_mib") == pytest.approx(mib, abs=0.01)
    assert slope(samples, "heap_mib") == pytest.approx(0.0, abs=0.01)


def test_warm_up_is_not_part_of_the_slope() -> None:
    """Caches that fill once are not a leak."""
    samples = hour_of_growth(2.0, warm_up_mib=-30.0)
    assert slope(samples, "serve_mib") == pytest.approx(2.0, abs=0.01)


def test_one_sample_has_no_slope() -> None:
    """Two points make a line."""
    assert slope([MemorySample(1.0, 1, 1, 1)], "heap_mib") is None
    assert slope([], "heap_mib") is None


class UnloadedSampler:
    """A sampler without a sample."""

    def rss_mib(self) -> float:
        """Return no memory."""
        return 0.0

    cores = rss_mib

    def table(self) -> dict[str, Any]:
        """Return no service."""
        return {}


@pytest.mark.parametrize("reasons", [[], ["the tables are not exact"]])
def test_ratio_is_of_medians(reasons: list[str]) -> None:
    """One disturbed phase of each kind does not decide; an invalid run has no figures."""

    def phase(viewers: int, p99: float) -> PhaseLatency:
        return PhaseLatency(viewers, 1.0, Quantiles(9, 0, p99 / 2, p99, p99, p99, p99), None, None)

    outcome: Any = SimpleNamespace(reasons=reasons, sampler=UnloadedSampler())
    phases = [phase(0, 10), phase(100, 11), phase(0, 90), phase(100, 12), phase(0, 8)]
    result = ViewersResult.of(100, outcome, phases)
    figures = result.p99_ms_without, result.p99_ms_with, result.ratio
    assert (result.valid, result.reasons) == (not reasons, reasons)
    assert result.goals[0].met == result.valid
    assert figures == ((10, 11.5, 1.15) if result.valid else (None, None, None))


def test_stamps_are_cut_at_both_ends() -> None:
    """A stretch owns the sales that were intended in it: its begin is in, its end is not."""
    at = np.arange(10, dtype=np.int64)
    cut = Stamps(at, at + 1, at + 2, at + 20, at + 30, 0).between(3, 7)
    assert (cut.intended.tolist(), cut.visible.tolist()) == ([3, 4, 5, 6], [33, 34, 35, 36])


def event(method: str, number: str, **more: Any) -> dict[str, Any]:
    """Return an event of the browser's network, of one request."""
    return {"method": f"Network.{method}", "params": {"requestId": number, **more}}


def request(number: str, path: str) -> dict[str, Any]:
    """Return the event of a request."""
    return event("requestWillBeSent", number, request={"url": f"http://127.0.0.1:8080{path}"})


def test_bytes_are_counted_by_path() -> None:
    """What has ended counts as it went over the wire; a stream by what has come so far."""
    events = [
        request("1", "/"),
        request("2", "/api/stream"),
        event("dataReceived", "1", dataLength=900, encodedDataLength=300),
        event("dataReceived", "2", dataLength=50, encodedDataLength=0),
        event("loadingFinished", "1", encodedDataLength=500.0),
        event("dataReceived", "2", dataLength=70, encodedDataLength=0),
        request("3", "/"),
        event("loadingFinished", "3", encodedDataLength=20.0),
    ]
    assert wire_bytes(events) == {"/": 520, "/api/stream": 120}


def test_first_load_is_without_the_stream_and_its_first_number_the_earliest() -> None:
    """The stream goes on for ever; a first number is one that comes from the tables."""
    first = FirstLoad(
        {"/": 1_000, "/static/a.js": 2_000, "/api/stream": 99_000},
        {"accepted": 700.0, "row-count": 350.0, "age": 10.0},
    )
    assert (first.files_bytes, first.first_number_ms) == (3_000, 350.0)
    weight = WeightResult.of([first, first])
    assert (weight.first_load_kb, weight.stream_kb, weight.requests) == (3.0, 99.0, 3)
    assert weight.first_number_ms == {"median": 350.0, "max": 350.0}


def run(rate: float, p50: float | None, p99: float | None, fps: float = 60.0) -> dict[str, Any]:
    """Return the record of a run on a screen."""
    latency = None if p50 is None else {"p50": p50, "p99": p99}
    return {
        "rate": rate,
        "latency_ms": {"screen": latency},
        "screen": {"frames_per_second": {"median": fps}},
    }


@pytest.mark.parametrize(
    ("record", "met"),
    [
        (run(100.0, 25.0, 50.0), [True, True]),
        (run(100.0, 25.1, 50.1), [False, False]),
        (run(100.0, None, None), [False, False]),
        (run(1_000.0, 99.0, 80.0, 30.0), [True, True]),
        (run(1_000.0, 1.0, 81.0, 29.0), [False, False]),
        (run(7.0, 1.0, 1.0), []),
    ],
)
def test_goals_of_the_screen(record: dict[str, Any], met: list[bool]) -> None:
    """At the rates that have goals; what could not be measured is not met."""
    assert [goal.met for goal in goals.of_screen(record)] == met


def test_a_goal_says_what_it_is() -> None:
    """With its limit, the right way round."""
    found = goals.of_screen(run(1_000.0, 1.0, 70.0, 45.0))
    assert [goal.goal for goal in found] == [
        "1000 sales/s, sale to screen, p99 <= 80 ms",
        "1000 sales/s, page >= 30 frames/s",
    ]
    assert Goal.at_most("first load", None, 250.0, "kB") == Goal(
        "first load <= 250 kB", None, met=False
    )
