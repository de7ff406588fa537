"""What `spaf bench tuning` accepts, measures again, and says of its measurements."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from spaf import settings
from spaf.bench.progress import no_progress
from spaf.bench.scale.level import LevelResult, Timing
from spaf.bench.tuning import ladder as ladder_module
from spaf.bench.tuning.ladder import Ladder, stack
from spaf.bench.tuning.noise import UNKNOWN, WITHIN, Baseline
from spaf.bench.tuning.rungs import OURS, RUNGS, Rung
from spaf.bench.tuning.tuning import NO_BASELINE, TunedSetting, TuningResult, TuningScenario
from spaf.bench.tuning.visit import Drained, Visit, visit_of
from spaf.errors import JobError, SettingsError, StackError
from spaf.measure.quantiles import Quantiles
from spaf.stack import control

OWN = [Visit(2.6, 9.0, 8.0, 0.38), Visit(2.7, 10.0, 8.2, 0.40), Visit(2.5, 9.5, 8.1, 0.39)]
TIMING = Timing(1.0, 10.0)
DISTURBED = "other programs used 1.00 of 2 cores, most of it make"


def test_a_difference_within_our_own_range_is_noise() -> None:
    """Beyond it, latencies are told in milliseconds and cost in percent of the median."""
    baseline = Baseline.of(OWN)
    assert baseline.verdict(Visit(2.8, 10.5, 8.3, 0.41)) == WITHIN
    assert (
        baseline.verdict(Visit(2.81, 8.4, 9.72, 0.39)) == "p50 +0.2 ms, p99 -1.1 ms, µs/event +20 %"
    )
    assert baseline.effect("p50_ms", 2.8) is None
    assert baseline.effect("p50_ms", 52.6) == pytest.approx(50.0)


def test_figures_that_are_missing_have_no_verdict() -> None:
    """Neither those of a rung nor, with less than two measurements, those of ours."""
    baseline = Baseline.of([OWN[0], Visit(cpu_us_per_event=8.2, reason="sales: a step")])
    assert baseline.p50_ms == [2.6]
    assert baseline.median == {"p50_ms": 2.6, "p99_ms": 9.0, "cpu_us_per_event": 8.1, "cores": 0.38}
    assert baseline.reasons == ["sales: a step"]
    assert baseline.verdict(Visit(99.0, 99.0, 9.0, 0.9)) == "µs/event +11 %"
    assert Baseline.of(OWN[:1]).verdict(Visit(99.0, 99.0, 9.0, 0.9)) == UNKNOWN
    assert Baseline.of(OWN).verdict(Visit(reason="no job")) == ""


def level(**changes: Any) -> LevelResult:
    """Return what ten seconds of sales have shown."""
    latency = Quantiles(1_000, 0, 2.6, 4.0, 9.0, 20.0, 3.2)
    usual = LevelResult(1_000, 2_000.0, 3_800.0, latency, 0.1, {}, 0.5, counted=True)
    return msgspec.structs.replace(usual, **changes)


def test_a_visit_has_the_figures_of_its_drain_and_its_sales() -> None:
    """Cores are the processor time of all services over the time of the sales."""
    found = visit_of(Drained(8.1234, []), level(), TIMING)
    assert found == Visit(2.6, 9.0, 8.123, 0.38)
    assert found.complete


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"counted": False}, "not every record is counted once"),
        ({"latency_ms": None}, "a latency is missing or negative"),
        ({"latency_ms": Quantiles(9, 1, 1.0, 1.0, 1.0, 1.0, 1.0)}, "missing or negative"),
        ({"sales": 900}, "the generator fell behind: 90.0 of 100 sales/s"),
    ],
)
def test_sales_that_are_wrong_or_late_give_no_figure(changes: Any, message: str) -> None:
    """The drain before them keeps its own."""
    found = visit_of(Drained(8.0, []), level(**changes), TIMING)
    assert message in found.reason
    assert (found.p50_ms, found.cores, found.cpu_us_per_event) == (None, None, 8.0)


def test_a_disturbed_drain_leaves_the_sales() -> None:
    """Its reason is reported."""
    found = visit_of(Drained(8.0, [DISTURBED]), level(), TIMING)
    assert found.reason == f"drain: {DISTURBED}"
    assert (found.p50_ms, found.cpu_us_per_event) == (2.6, None)


class Services:
    """Stand for the services: note each start, and what is measured on them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace what starts and measures."""
        self.log: list[str] = []
        self.disturbed: dict[str, int] = {}
        self.raises: dict[str, BaseException] = {}
        self.cold = 0
        """How often the first drain of a TaskManager fails, after that of the first one."""
        monkeypatch.setattr(ladder_module, "running", self.running)
        monkeypatch.setattr(ladder_module, "fill", lambda *_: None)
        monkeypatch.setattr(ladder_module, "warm_up", self.warm_up)
        monkeypatch.setattr(ladder_module, "server_options", self.server_options)
        monkeypatch.setattr(ladder_module, "measure", self.measure)
        monkeypatch.setattr(control, "down", lambda *_, **__: self.log.append("wipe"))

    @contextlib.contextmanager
    def running(self, chosen: Any, *_: object, **__: object) -> Iterator[object]:
        """Note start and end."""
        if error := self.raises.get("start"):
            raise error
        self.log.append(f"up {chosen.flink.second_compiler_delay}")
        yield object()
        self.log.append("down")

    def warm_up(self, *_: object) -> None:
        """Note the first drain, or fail."""
        if self.cold and "warm" in self.log:
            self.cold -= 1
            raise JobError("The TaskManager is gone.")
        self.log.append("warm")

    @contextlib.contextmanager
    def server_options(self, _run: object, options: Any) -> Iterator[None]:
        """Note the options of the server."""
        self.log += [f"{name} {value}" for name, value in options.items()]
        yield

    def measure(self, _run: object, rung: Rung, name: str, *_: object) -> Visit:
        """Note a measurement."""
        self.log.append(name)
        if error := self.raises.get(name):
            raise error
        left = self.disturbed.get(rung.name, 0)
        self.disturbed[rung.name] = left - 1
        return Visit(reason=DISTURBED) if left > 0 else OWN[0]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    """Return what stands for the services of each ladder."""
    return Services(monkeypatch)


def measured(*names: str) -> TuningResult:
    """Measure these rungs."""
    scenario = TuningScenario(names=names)
    return scenario.measure(settings.load(), lambda _: None, no_progress)


@pytest.mark.usefixtures("bare")
def test_services_start_again_only_for_what_needs_it(services: Services) -> None:
    """A new TaskManager reads the topic once before it is measured."""
    found = measured("fsync", "second-compiler")
    assert services.log == [
        *("up 10", "warm", "ours 1", "ours 2", "fsync off", "fsync", "down"),
        *("up 1", "warm", "second-compiler", "down"),
        *("up 10", "warm", "ours 3", "down", "wipe"),
    ]
    assert not found.reasons
    assert [setting.name for setting in found.settings] == ["fsync", "second-compiler"]


@pytest.mark.usefixtures("bare")
def test_a_disturbed_rung_is_measured_once_more(services: Services) -> None:
    """If it is disturbed again, it has no figure, and the reason is reported."""
    services.disturbed = {"mini-batch": 1, "fsync": 2}
    found = measured("mini-batch", "fsync")
    assert "mini-batch (again 2)" in services.log
    mini_batch, fsync = found.settings
    assert mini_batch.p50_ms == 2.6
    assert (fsync.p50_ms, fsync.verdict, fsync.reason) == (None, "", DISTURBED)
    assert found.reasons == [f"fsync: {DISTURBED}"]
    assert not found.invalid


@pytest.mark.usefixtures("bare")
def test_a_rung_that_fails_does_not_end_the_others(services: Services) -> None:
    """What failed is told in its row."""
    services.raises = dict.fromkeys(("fsync", "fsync (again 2)"), JobError("Flink refused it."))
    found = measured("fsync", "mini-batch")
    assert [setting.reason for setting in found.settings] == ["", "Flink refused it."]
    assert len(found.baseline.p50_ms) == 3


@pytest.mark.usefixtures("bare")
def test_services_that_do_not_start_again_are_the_reason_of_their_rung(services: Services) -> None:
    """The others are measured on new ones."""
    services.cold = 2
    found = measured("fsync", "second-compiler")
    assert [one.reason for one in found.settings] == ["", "The TaskManager is gone."]
    assert services.log[-5:] == ["up 10", "warm", "ours 3", "down", "wipe"]
    assert len(found.baseline.p50_ms) == 3


@pytest.mark.usefixtures("bare")
def test_an_interruption_keeps_what_was_measured(services: Services) -> None:
    """Services are stopped and their folder is deleted."""
    services.raises = {"fsync": KeyboardInterrupt()}
    found = measured("mini-batch", "fsync")
    assert found.interrupted
    assert [setting.name for setting in found.settings] == ["mini-batch"]
    assert services.log[-2:] == ["down", "wipe"] or services.log[-1] == "wipe"


@pytest.mark.usefixtures("bare")
def test_services_that_do_not_start_are_the_error(services: Services) -> None:
    """Nothing was measured."""
    services.raises = {"start": StackError("Kafka does not start.")}
    with pytest.raises(StackError, match="does not start"):
        measured("fsync")


@pytest.mark.usefixtures("bare")
def test_unknown_settings_and_a_small_disk_are_refused() -> None:
    """In one sentence, with the list."""
    with pytest.raises(SettingsError, match="there is no setting 'colour'") as refused:
        TuningScenario(names=("fsync", "colour")).prepare(settings.load())
    assert "buffer-timeout, " in refused.value.line
    with pytest.raises(StackError, match="are needed"):
        TuningScenario(events=10**12).prepare(settings.load())


@pytest.mark.usefixtures("bare")
def test_the_record_samples_the_services_of_the_ladder() -> None:
    """Their run folder is below that of the user."""
    chosen = settings.load()
    assert TuningScenario().settings(chosen).home == chosen.home / "tuning"


def test_selection_keeps_the_order_of_the_table() -> None:
    """Without one, all are measured, also by --quick."""
    chosen = TuningScenario(names=("defaults", "fetch-size")).rungs()
    assert [rung.name for rung in chosen] == ["fetch-size", "defaults"]
    assert TuningScenario(quick=True).rungs() == TuningScenario().rungs() == list(RUNGS.values())


@pytest.mark.usefixtures("bare")
def test_the_result_has_a_row_for_ours_its_range_and_each_setting() -> None:
    """As a table and as JSON with the keys that the report reads."""
    chosen, baseline = stack(settings.load(), {}), Baseline.of(OWN)
    one = TunedSetting.of(RUNGS["buffer-timeout"], chosen, Visit(52.7, 99.0, 8.1, 0.2), baseline)
    result = TuningResult(100.0, 18.0, 500_000, baseline, [one], interrupted=False, failures=[])
    (table,) = result.tables()
    assert table.rows[0][:6] == ("ours, median of 3", "", "", 2.6, 9.5, 8.1)
    assert table.rows[1][3:6] == ("2.5-2.7", "9-10", "8-8.2")
    assert table.rows[2][:4] == ("buffer-timeout", "0 ms", "100 ms", 52.7)
    assert result.summary() == "buffer-timeout: execution.buffer-timeout.interval"
    record = msgspec.to_builtins(result)
    assert record["baseline"]["cores"] == [0.38, 0.4, 0.39]
    assert set(record["settings"][0]) >= {
        *("name", "key", "ours", "tried", "p50_ms", "p99_ms", "cpu_us_per_event", "cores"),
        *("verdict", "reason"),
    }
    assert record["settings"][0]["effects"] == {"p50_ms": 50.1, "p99_ms": 89.5, "cores": -0.19}


def test_without_a_valid_measurement_of_ours_there_is_no_figure() -> None:
    """There is nothing to compare with."""
    baseline = Baseline.of([Visit(reason=DISTURBED)])
    result = TuningResult(100.0, 18.0, 9, baseline, [], interrupted=True, failures=["the rest: no"])
    assert result.invalid == [NO_BASELINE, "the rest: no", f"ours: {DISTURBED}", "interrupted"]
    assert not Ladder(settings.Settings.model_construct(), print, no_progress, TIMING, 9).measured
    assert OURS.variant.options == {}
