"""The measurement that the page starts: its children, its record, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spaf import clock
from spaf.serve.sweep_view import RatePoint, SweepOutcome, SweepPlan, SweepState
from spaf.stack import page_sweep, process
from spaf.stack.page_sweep import PageSweep
from spaf.stack.process import wait_until
from spaf.stack.state import RunFolder
from spaf.stack.sweep_record import SweepRecord, read_sweep

PLAN = SweepPlan((50.0, 100.0), 3)
PATIENCE_S = 30.0
# Takes the place of `spaf`: argv is `bench rates ... NAME` or `report FOLDER ... FILE`.
COMMAND = """
import json, pathlib, signal, sys, time
from spaf.files import write_atomically
words, results = sys.argv[2:], pathlib.Path(sys.argv[1])
if words[0] == "report":
    pathlib.Path(words[-1]).write_text("report")
    sys.exit()
folder = results / words[-1]
folder.mkdir(parents=True)
record = {"started_us": 1, "ending": "running", "validity": {"valid": False, "reasons": ["killed"]}}
def write():
    write_atomically(folder / "record.json", json.dumps(record).encode())
def end(*_):
    why = {"valid": False, "reasons": ["the run was interrupted"]}
    record.update(ended_us=2_000, ending="interrupted", validity=why)
    write()
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
"""
ENDS = """
write()
rate = {"rate": 50, "valid": True, "records": 7, "latency_ms": {"store": {"p50": 1.5, "p99": 4.0}}}
record.update(ended_us=2_000, ending="complete", validity={"valid": True, "reasons": []},
              result={"rates": [rate]})
write()
"""
GOES_ON = """
write()
step = {"number": 2, "of": 2, "rate": 100.0}
progress = {"doing": "selling", "done": 1, "total": 3, "step": step}
write_atomically(folder / "progress.json", json.dumps(progress).encode())
time.sleep(60)
"""
REFUSES = """
print("The disk is full.", file=sys.stderr)
print("Delete something.", file=sys.stderr)
sys.exit(1)
"""

Make = Callable[[str], PageSweep]


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Make a run folder."""
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


@pytest.fixture
def make(home: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return what makes a measurement whose command is a few lines of Python."""

    def made(code: str) -> PageSweep:
        def command(module: str, *words: str) -> list[str]:
            assert module == "spaf"
            return [sys.executable, "-c", COMMAND + code, str(home.results), *words]

        monkeypatch.setattr(process, "module_command", command)
        monkeypatch.setattr(page_sweep, "POLL_S", 0.02)
        return PageSweep(home)

    return made


def ended(sweep: PageSweep) -> bool:
    """Wait for the end."""
    return wait_until(lambda: not sweep.running(), PATIENCE_S)


def test_a_measurement_ends_with_its_figures_and_its_report(make: Make) -> None:
    """What another program reads in the record is what the page shows; others see it later too."""
    sweep = make(ENDS)
    assert (sweep.view().last, sweep.view().report_ms, sweep.report("en")) == (None, None, None)
    assert sweep.start(PLAN)
    assert ended(sweep)
    last = sweep.view().last
    assert last is not None
    assert (last.outcome, last.points) == (SweepOutcome.VALID, [RatePoint(50, 1.5, 4.0)])
    assert (last.records, last.ended_ms, sweep.view().report_ms) == (7, 2, 2)
    for language in ("en", "pt"):
        file = sweep.report(language)
        assert file is not None
        assert file.read_text() == "report"
    assert make(ENDS).view().last == last


def test_while_it_measures_it_says_how_far_it_is(make: Make) -> None:
    """And refuses another; a stop leaves a record that says so, and no report."""
    sweep = make(GOES_ON)
    assert sweep.start(PLAN)
    assert not sweep.start(PLAN)
    assert sweep.view().state is SweepState.RUNNING

    def selling() -> bool:
        progress = sweep.view().progress
        return progress is not None and progress.doing == "selling"

    assert wait_until(selling, PATIENCE_S)
    view = sweep.view()
    assert view.progress is not None
    assert (view.progress.number, view.progress.of, view.progress.rate) == (2, 2, 100.0)
    assert 0 < view.progress.left_s <= view.about_s
    assert view.last is None
    assert sweep.stop()
    assert ended(sweep)
    assert not sweep.stop()
    last = sweep.view().last
    assert last is not None
    assert (last.outcome, last.reasons) == (SweepOutcome.INTERRUPTED, [])
    assert sweep.report("en") is None


def test_the_end_of_the_page_ends_it(make: Make, home: RunFolder) -> None:
    """Its record is written before the page has gone."""
    sweep = make(GOES_ON)
    sweep.start(PLAN)
    assert wait_until(lambda: any(home.results.glob("*/progress.json")), PATIENCE_S)
    sweep.close()
    assert [read.ending for read in records(home)] == ["interrupted"]


def records(home: RunFolder) -> list[SweepRecord]:
    """Return the records of the run folder."""
    found = [read_sweep(folder) for folder in home.results.iterdir()]
    return [value for value in found if value is not None]


def test_a_command_that_refuses_is_quoted(make: Make) -> None:
    """It has written no record; the next start forgets it."""
    sweep = make(REFUSES)
    sweep.start(PLAN)
    assert ended(sweep)
    last = sweep.view().last
    assert last is not None
    assert last.outcome is SweepOutcome.FAILED
    assert last.reasons == ["The disk is full. Delete something."]


def test_a_killed_measurement_says_by_what(
    make: Make, home: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record says that it has not ended; the log has nothing."""
    spawned: list[subprocess.Popen[bytes]] = []
    spawn = process.spawn

    def kept(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        spawned.append(spawn(*words, **options))
        return spawned[-1]

    monkeypatch.setattr(process, "spawn", kept)
    sweep = make(GOES_ON)
    sweep.start(PLAN)
    assert wait_until(lambda: any(home.results.glob("*/progress.json")), PATIENCE_S)
    spawned[0].send_signal(signal.SIGKILL)
    assert ended(sweep)
    last = sweep.view().last
    assert last is not None
    assert last.reasons == ["The measurement was ended by SIGKILL."]
    # A page that was started anew knows the record only.
    again = make(GOES_ON).view().last
    assert again is not None
    assert (again.outcome, again.reasons) == (SweepOutcome.FAILED, ["killed"])


LATENCY = {"store": {"p50": 1.0, "p99": 2.0}}
RATE = {"rate": 50.0, "valid": True, "latency_ms": LATENCY}


@pytest.mark.parametrize(
    ("changed", "outcome", "points"),
    [
        ({}, SweepOutcome.PARTIAL, 1),
        ({"validity": {"valid": True, "reasons": []}}, SweepOutcome.VALID, 1),
        ({"validity": {"valid": False, "reasons": ["late"]}}, SweepOutcome.INVALID, 0),
        ({"result": {"rates": [RATE], "interrupted": True}}, SweepOutcome.INTERRUPTED, 1),
        ({"ending": "failed", "result": None}, SweepOutcome.FAILED, 0),
        ({"ending": "interrupted", "result": None}, SweepOutcome.INTERRUPTED, 0),
    ],
)
def test_no_figure_of_an_invalid_rate_is_shown(
    changed: dict[str, Any], outcome: SweepOutcome, points: int
) -> None:
    """Whatever the record holds."""
    record = {
        "started_us": 1,
        "ended_us": 2,
        "ending": "complete",
        "validity": {"valid": True, "reasons": ["100 sales/s: late"]},
        "result": {"rates": [RATE, RATE | {"rate": 100.0, "valid": False}]},
    }
    summary = msgspec.convert(record | changed, SweepRecord).summary()
    assert (summary.outcome, len(summary.points)) == (outcome, points)


def test_the_time_that_is_left_follows_the_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long topic takes longer at each rate, so the others will, too."""
    at = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: at)
    pace = page_sweep.Pace(SweepPlan((10, 50, 100), 10))
    assert pace.left_s() == round(pace.whole_s)
    planned = 20.0
    at += 18.0
    pace.step(1)
    assert pace.left_s() == 3 * planned + page_sweep.REPORT_S
    at += 50.0
    assert pace.left_s() == 1 + 2 * planned + page_sweep.REPORT_S
    pace.step(2)
    assert pace.left_s() == 2 * 50 + page_sweep.REPORT_S
