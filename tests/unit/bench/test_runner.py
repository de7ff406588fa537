"""A scenario leaves a record, however it ends, and an invalid run shows no figure."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from spaf.bench.progress import Progress, ProgressFile, Step, no_progress
from spaf.bench.results import folder as results
from spaf.bench.results import recording
from spaf.bench.results.record import RECORD_FILE, SAMPLES_FILE, Ending, ResultRecord
from spaf.bench.runner import INTERRUPTED, Order, default_name, json_of, run_recorded
from spaf.bench.scenario import Result, Scenario
from spaf.errors import LoadError, ResultsError
from spaf.measure import interference
from spaf.measure.interference import Interference
from spaf.settings import Settings
from spaf.stack.control import Watcher

pytestmark = pytest.mark.usefixtures("bare", "quiet_machine")


class FigureResult(Result, frozen=True):
    """A figure, and why it is not valid."""

    figure: float
    faults: tuple[str, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """The faults."""
        return list(self.faults)


class FigureScenario(Scenario, frozen=True):
    """Returns a figure after an action."""

    action: Callable[[], None] = lambda: None
    faults: tuple[str, ...] = ()

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> FigureResult:  # noqa: ARG002 - no run
        """Act, and return the figure."""
        self.action()
        return FigureResult(1.5, self.faults)


@pytest.fixture
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore what other programs use: other tests run at the same time."""
    monkeypatch.setattr(interference, "MAX_OTHER_SHARE", 2.0)
    monkeypatch.setattr(interference, "MAX_UNSEEN_SHARE", 2.0)
    monkeypatch.setattr(interference, "MAX_STEAL_SHARE", 2.0)


def order(
    action: Callable[[], None] = lambda: None,
    *,
    scenario: str = "bench figure",
    faults: tuple[str, ...] = (),
    result: str = "r",
) -> Order:
    """Return an order for the scenario above; its record is called `r`."""
    # The options of a record are JSON: the action is none of them.
    return Order(FigureScenario(action, faults), scenario, "spaf bench figure", result)


@pytest.fixture(autouse=True)
def no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the action of the scenario out of its record."""
    monkeypatch.setattr("spaf.bench.runner.options_of", lambda _: {"size": 5})


def run(ordered: Order) -> tuple[dict[str, object], ResultRecord]:
    """Run, and return the JSON object of the command and the record."""
    recorded = run_recorded(ordered, Settings(), lambda _: None, no_progress)
    return json_of(recorded), results.read(recorded.folder)


def kept() -> ResultRecord:
    """Return the record called `r`."""
    return results.read(Path(".spaf/results/r"))


def test_a_run_leaves_its_record() -> None:
    """With machine, versions, options, settings, time, command, samples and the result."""
    shown, record = run(order())
    assert (shown["valid"], shown["reasons"], shown["figure"]) == (True, [], 1.5)
    assert (record.ending, record.validity.valid) == (Ending.COMPLETE, True)
    assert record.result == {"figure": 1.5, "faults": []}
    assert record.command == "spaf bench figure"
    assert record.options == {"size": 5}
    assert record.settings["job"]["flush_ms"] == 1
    assert record.machine["cores"] == os.cpu_count()
    assert {"spaf", "python", "java", "kafka", "flink", "postgresql"} <= set(record.versions)
    assert record.seconds is not None
    assert record.seconds > 0
    samples = results.read_arrays(Path(".spaf/results/r"), record, SAMPLES_FILE)
    assert {"at_us", "bench/cpu_cores", "bench/memory_mib", "machine/other_cores"} <= set(samples)


def test_no_figure_of_an_invalid_run_is_shown() -> None:
    """It is in the record, with the reason."""
    shown, record = run(order(faults=("the tables are not exact",)))
    assert "figure" not in shown
    assert (shown["valid"], shown["reasons"]) == (False, ["the tables are not exact"])
    assert record.validity.reasons == ["the tables are not exact"]
    assert record.result["figure"] == 1.5


def test_a_proof_that_fails_shows_what_it_found() -> None:
    """Its reasons are its answer; other programs do not change it."""
    shown, record = run(order(scenario="prove figure", faults=("3 disagreements",)))
    assert (shown["figure"], shown["reasons"]) == (1.5, ["3 disagreements"])
    assert record.validity.valid


def fail() -> None:
    """Fail as a scenario does."""
    raise LoadError("The load did not sell.")


def crash() -> None:
    """Fail as a defect does."""
    raise ZeroDivisionError("by zero")


def interrupt() -> None:
    """Fail as Ctrl-C does."""
    raise KeyboardInterrupt


def terminate() -> None:
    """Get the signal that ends a service or a container."""
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("action", "raised", "ending", "reason"),
    [
        (fail, LoadError, Ending.FAILED, "The load did not sell."),
        (crash, ZeroDivisionError, Ending.FAILED, "ZeroDivisionError: by zero"),
        (interrupt, KeyboardInterrupt, Ending.INTERRUPTED, INTERRUPTED),
        (terminate, KeyboardInterrupt, Ending.INTERRUPTED, INTERRUPTED),
    ],
)
def test_a_run_that_ends_early_leaves_its_reason(
    action: Callable[[], None], raised: type[BaseException], ending: Ending, reason: str
) -> None:
    """And the samples up to then; the error goes on."""
    with pytest.raises(raised):
        run(order(action))
    record = kept()
    assert (record.ending, record.validity.reasons) == (ending, [reason])
    assert (record.validity.valid, record.result) == (False, None)
    assert list(record.files) == [SAMPLES_FILE]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_killed_run_has_left_its_record() -> None:
    """From its first moment on: it is not valid, because it has not ended."""
    seen: list[bytes] = []
    run(order(lambda: seen.append(Path(".spaf/results/r", RECORD_FILE).read_bytes())))
    record = msgspec.json.decode(seen[0], type=ResultRecord)
    assert (record.ending, record.validity.valid) == (Ending.RUNNING, False)
    assert record.validity.reasons == [recording.KILLED]


def test_a_taken_name_is_refused_before_the_run() -> None:
    """Half an hour of measuring would be lost."""
    run(order())
    with pytest.raises(ResultsError, match="exists"):
        run(order(crash))


def test_a_path_is_used_as_it_is() -> None:
    """Such as that of a reference run, outside of the run folder."""
    run(order(result="reference/figure"))
    assert results.read(Path("reference/figure")).name == "figure"
    assert not Path(".spaf").exists()


def test_a_default_name_sorts_by_time() -> None:
    """Among the results of its scenario."""
    assert default_name("bench page screen", 1_796_000_000_000_000) == "page-screen-20261130-005320"
    run(order(result=""))
    assert [folder.name[:7] for folder in Path(".spaf/results").iterdir()] == ["figure-"]


def test_what_disturbed_any_interval_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each interval is judged apart; what happened between two of them does not count."""
    monkeypatch.setattr(Interference, "reasons", property(lambda one: [f"{one.cores} cores"]))

    def two_intervals() -> None:
        recording.interval("first").end()
        recording.interval("second")

    shown, record = run(order(two_intervals))
    cores = len(os.sched_getaffinity(0))
    assert record.validity.reasons == [f"first: {cores} cores", f"second: {cores} cores"]
    assert [interval.name for interval in record.intervals] == ["first", "second"]
    assert "figure" not in shown
    assert recording.interval("without a run").reasons == []


def test_other_programs_can_follow_a_run() -> None:
    """Progress is a file of the record's folder, as long as the run goes on."""
    file = Path(".spaf/results/r/progress.json")
    seen: list[object] = []

    def poll() -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        progress = ProgressFile(file.parent, no_progress)
        progress("selling", 1, 3, step=Step(2, 4, 50.0))
        seen.append(json.loads(file.read_text()))
        progress("selling", 2, 3, step=Step(2, 4, 50.0))  # within a second: not written
        assert json.loads(file.read_text()) == seen[0]
        progress("verifying", step=Step(2, 4, 50.0))
        seen.append(json.loads(file.read_text())["doing"])

    run(order(poll))
    step = {"number": 2, "of": 4, "rate": 50.0}
    assert seen == [{"doing": "selling", "done": 1, "total": 3, "step": step}, "verifying"]
    assert not file.exists()
