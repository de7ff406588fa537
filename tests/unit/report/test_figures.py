"""Figures by name: found in the newest valid record, written as each language writes numbers."""

from __future__ import annotations

import pytest

from spaf.errors import FigureError
from spaf.report.figures import Figures, definitions
from spaf.report.language import Language, number
from tests.support.report_records import at_rate, every_record, record


@pytest.mark.parametrize(
    ("name", "english", "portuguese"),
    [
        ("rate.100.p50", "2.9 ms", "2,9 ms"),
        ("rate.100.p99", "1,216.1 ms", "1.216,1 ms"),
        ("rate.10000.records", "600,000", "600.000"),
        ("rate.10.memory.kafka", "164 MiB", "164 MiB"),
        ("rate.10.processor.kafka", "14.1%", "14,1%"),
        ("rate.10.cores", "0.67 cores", "0,67 núcleos"),
        ("screen.100.p50", "2.9 ms", "2,9 ms"),
        ("drain.throughput", "328,000 records/s", "328.000 registros/s"),
        ("drain.scan.cost", "0.68 µs", "0,68 µs"),
        ("detection.surge.recall", "0.993", "0,993"),
        ("detection.random.surge.precision", "1.000", "1,000"),
    ],
)
def test_a_figure_is_written_with_its_unit(name: str, english: str, portuguese: str) -> None:
    """Rounded as its definition says; the blank before a unit ends no line."""
    figure = Figures(every_record()).figure(name)
    shown = [figure.text(language).replace("\N{NO-BREAK SPACE}", " ") for language in Language]
    assert shown == [english, portuguese]


def test_a_negative_number_keeps_its_sign() -> None:
    """A difference may be negative."""
    assert number(-1_234.56, 1, Language.pt) == "-1.234,6"
    assert number(-0.004, 2, Language.en) == "0.00"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("start.new", "There is no result of `spaf bench start`."),
        ("rate.77.cores", "The result of `spaf bench rates` has no rates[rate=77].cpu_cores."),
        ("rate.100.p42", "No figure is named rate.100.p42; see figures.toml."),
    ],
)
def test_a_missing_figure_says_why(name: str, reason: str) -> None:
    """It is never zero."""
    with pytest.raises(FigureError) as caught:
        Figures(every_record()).figure(name)
    assert caught.value.what == reason


def test_a_figure_that_the_run_withheld_is_missing() -> None:
    """A rate that is not valid has no latency: JSON null."""
    outcome = at_rate(100.0) | {"latency_ms": {"store": None}}
    figures = Figures([record("bench rates", {"rates": [outcome]})])
    with pytest.raises(FigureError, match="has no"):
        figures.figure("rate.100.p99")


def test_an_invalid_record_gives_its_reason() -> None:
    """Its values exist, and are not shown."""
    invalid = record("bench rates", {"rates": [at_rate(100.0)]}, reasons=("a sale was lost",))
    with pytest.raises(FigureError, match="not valid: a sale was lost"):
        Figures([invalid]).figure("rate.100.p50")


def test_the_newest_valid_record_counts() -> None:
    """A newer one that is not valid does not hide it."""
    runs = [
        record("bench drain", {"cpu_us_per_event": 5.0}, started_us=1),
        record("bench drain", {"cpu_us_per_event": 4.0}, started_us=2),
        record("bench drain", {"cpu_us_per_event": 3.0}, started_us=3, reasons=("disturbed",)),
    ]
    assert Figures(runs).figure("drain.cost").value == 4.0


def test_chosen_rates_add_to_the_sweep_and_do_not_hide_it() -> None:
    """Those that the sweep has are its own; a quick look adds nothing to a full one."""
    sweep = record("bench rates", {"rates": [at_rate(100.0)]}, started_us=1)
    high = [at_rate(100.0) | {"records": 1}, at_rate(20_000.0)]
    chosen = record("bench rates", {"rates": high}, started_us=2, options={"rates": [100, 20_000]})
    quick = record("bench rates", {"rates": [at_rate(5.0)]}, started_us=3, quick=True)
    figures = Figures([sweep, chosen, quick])
    assert figures.figure("rate.100.records").value == 6_000
    assert figures.figure("rate.20000.records").value == 1_200_000
    assert figures.rates() == ["100"]
    with pytest.raises(FigureError, match="has no"):
        figures.figure("rate.5.records")


def test_of_two_scenarios_the_special_one_counts() -> None:
    """The page in Chromium is measured by two; without the one, the other gives the figure."""
    outcome = at_rate(100.0) | {"latency_ms": {"screen": {"p50": 15.5}}}
    special = record("bench page screen", {"rates": [outcome]})
    assert Figures([*every_record(), special]).figure("screen.100.p50").value == 15.5
    assert Figures(every_record()).figure("screen.100.p50").value == 2.94


def test_a_scenario_defines_a_figure_once() -> None:
    """Otherwise it is not known which one counts."""
    names = [(definition.name, definition.scenario) for definition in definitions()]
    assert len(set(names)) == len(names)


def test_a_quick_look_does_not_hide_a_full_measurement() -> None:
    """It counts without one; and how long it took is a figure of its own."""
    full = record("bench drain", {"cpu_us_per_event": 5.0}, started_us=1)
    quick = record("bench drain", {"cpu_us_per_event": 4.0}, started_us=2, quick=True)
    assert Figures([full, quick]).figure("drain.cost").value == 5.0
    assert Figures([quick]).figure("drain.cost").value == 4.0
    assert Figures([full, quick]).quick_seconds("bench drain") == 30.0
    with pytest.raises(FigureError, match="bench drain --quick"):
        Figures([full]).quick_seconds("bench drain")


def test_the_digest_changes_with_what_was_measured() -> None:
    """Not with the order of the records."""
    one, other = record("bench drain", {"events": 1}), record("bench rates", {"rates": []})
    digest = Figures([one, other]).digest()
    assert digest == Figures([other, one]).digest()
    assert digest != Figures([record("bench drain", {"events": 2}), other]).digest()
    assert digest != Figures([one]).digest()
