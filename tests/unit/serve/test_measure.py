"""The measurement as the page's routes start, stop and show it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from spaf.generate.locust import status_file
from spaf.generate.locust.protocol import LoadStatus
from spaf.serve import measure
from spaf.serve.push.hub import Hub
from spaf.serve.run_info import RunInfo
from spaf.serve.sweep_view import USUAL, SweepPlan, SweepState
from tests.support.sweeps import FakeSweep

Ask = Callable[..., httpx.Response]


@pytest.fixture
def sweep(tmp_path: Path) -> FakeSweep:
    """Return the measurement of the page below."""
    return FakeSweep(tmp_path)


@pytest.fixture
def source(run_info: Callable[..., RunInfo], tmp_path: Path, sweep: FakeSweep) -> RunInfo:
    """Return a run whose services do not answer."""
    return run_info(labels=tmp_path / "labels.jsonl", runs=tmp_path, sweep=sweep)


@pytest.fixture
def change(ask: Ask, right: dict[str, str]) -> Callable[..., httpx.Response]:
    """Return what posts a change as the page does."""
    return lambda **body: ask("POST", "/api/measure", json=body, headers=right)


def test_a_start_measures_the_usual_rates(change: Ask, sweep: FakeSweep) -> None:
    """The answer is what the stream sends, too."""
    answer = change(action="start")
    assert (answer.status_code, answer.json()["state"]) == (200, "running")
    assert sweep.plans == [USUAL]
    assert answer.json()["plan"] == {"rates": [10, 50, 100, 1000], "seconds": 10}


def test_a_start_may_name_its_size(change: Ask, sweep: FakeSweep) -> None:
    """For a look that is shorter, or other rates."""
    change(action="start", rates=[20, 2_000], seconds=3)
    assert sweep.plans == [SweepPlan((20, 2_000), 3)]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"action": "begin"}, "The body must be"),
        ({"action": "start", "rates": []}, "rates must be 1 to 6 numbers"),
        ({"action": "start", "rates": [1] * 7}, "rates must be 1 to 6 numbers"),
        ({"action": "start", "rates": [10, 0]}, "rate must be"),
        ({"action": "start", "rates": [200_001]}, "rate must be"),
        ({"action": "start", "seconds": 0.5}, "seconds must be from 1 to 20"),
        ({"action": "start", "seconds": 21}, "seconds must be from 1 to 20"),
        ({"action": "start", "results": "../x"}, "The body must be"),
    ],
)
def test_a_wrong_size_is_a_sentence(
    change: Ask, sweep: FakeSweep, body: dict[str, Any], named: str
) -> None:
    """Nothing is started."""
    answer = change(**body)
    assert (answer.status_code, sweep.plans) == (400, [])
    assert named in answer.json()["error"]


def test_a_second_measurement_is_refused(change: Ask, sweep: FakeSweep) -> None:
    """One at a time: each would be a load of the other."""
    change(action="start")
    answer = change(action="start")
    assert (answer.status_code, answer.json()["code"]) == (409, "measuring")
    assert len(sweep.plans) == 1


def test_a_load_that_runs_refuses_a_measurement(
    change: Ask, sweep: FakeSweep, tmp_path: Path
) -> None:
    """Its sales would be measured with the others."""
    status = LoadStatus("running", 1, 10.0, 5, 5, 0, "a-load")
    status_file.write(tmp_path / f"load-1{status_file.SUFFIX}", status)
    answer = change(action="start")
    assert (answer.status_code, answer.json()["code"]) == (409, "load_running")
    assert answer.json()["error"] == "A load runs already; stop it first, then measure."
    assert sweep.plans == []


def test_sales_are_not_started_while_it_measures(
    change: Ask, ask: Ask, right: dict[str, str]
) -> None:
    """They would be measured, too; Locust is not asked."""
    change(action="start")
    answer = ask("POST", "/api/load", json={"action": "start", "rate": 5}, headers=right)
    assert (answer.status_code, answer.json()["code"]) == (409, "measuring")


def test_a_stop_ends_it_once(change: Ask, sweep: FakeSweep) -> None:
    """Without a measurement there is nothing to stop, which is said."""
    answer = change(action="stop")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_measuring")
    change(action="start")
    assert change(action="stop").json()["state"] == "stopping"
    assert sweep.state is SweepState.STOPPING


def test_a_change_needs_the_token(ask: Ask, sweep: FakeSweep) -> None:
    """As every change does."""
    assert ask("POST", "/api/measure", json={"action": "start"}).status_code == 403
    assert sweep.plans == []
    assert ask("GET", "/api/measure").json()["state"] == "idle"


def test_the_report_is_shown_without_its_scripts(ask: Ask, tmp_path: Path) -> None:
    """Its own policy is the only one: style and pictures of the file, nothing that runs."""
    (tmp_path / "report-pt.html").write_text("<script>alert(1)</script>")
    answer = ask("GET", "/api/measure/report", params={"language": "pt"})
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["content-type"].startswith("text/html")
    policies = answer.headers.get_list("content-security-policy")
    assert policies == [measure.REPORT_POLICY]
    assert "default-src 'none'" in policies[0]
    assert "script-src" not in policies[0]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_without_a_report_there_is_a_sentence(ask: Ask) -> None:
    """Also for a language that no report has, and for one that has gone meanwhile."""
    answer = ask("GET", "/api/measure/report")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_report")
    assert ask("GET", "/api/measure/report", params={"language": "../en"}).status_code == 400


def test_each_change_is_published_once(
    source: RunInfo, sweep: FakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the page has viewers; one that comes later gets a snapshot."""
    monkeypatch.setattr(measure, "INTERVAL_S", 0.01)
    sent: list[str] = []
    hub = Hub("t", dict)
    monkeypatch.setattr(hub, "publish", lambda kind, data: sent.append(f"{kind} {data.state}"))

    async def watch() -> None:
        task = asyncio.create_task(measure.follow(source, hub))
        await asyncio.sleep(0.1)
        viewer = hub.join(None)
        await asyncio.sleep(0.2)
        sweep.start(USUAL)
        await asyncio.sleep(0.2)
        hub.leave(viewer)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(watch())
    assert sent == ["measure idle", "measure running"]
