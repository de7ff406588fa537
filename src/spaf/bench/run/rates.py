"""Latency, exactness and cost at several rates, one after the other on one stack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

import msgspec

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import Measurement, Outcome
from spaf.bench.scenario import Rates, Result, Scenario, Seconds, Table, option
from spaf.generate.locust.command import LoadSpec
from spaf.measure.resources import CoreUse
from spaf.measure.screen import Screen
from spaf.stack.run import Run

POLL_INTERVAL_S = 0.1
COLUMNS = (
    *("sales/s", "records", "unaccounted", "differences", "p50 ms", "p99 ms", "max ms"),
    *("memory MiB", "CPU cores", "generator", "valid"),
)
HOPS = {
    "due_sent": "due → sent",
    "sent_appended": "→ appended",
    "appended_written": "→ written",
    "written_visible": "→ visible",
    "visible_received": "→ page",
    "received_painted": "→ painted",
}


class RatesResult(Result, frozen=True):
    """The outcome at each rate, as `Outcome.as_dict` has it."""

    seconds: float
    rates: list[dict[str, Any]]

    @property
    def reasons(self) -> list[str]:
        """Why the figures at a rate are not valid."""
        return [f"{one['rate']:g} sales/s: {why}" for one in self.rates for why in one["reasons"]]

    @property
    def invalid(self) -> list[str]:
        """The same if no rate is valid; a valid rate is reported, whatever the others are."""
        return [] if any(one["valid"] for one in self.rates) else self.reasons

    def tables(self) -> Iterable[Table]:
        """Return a row a rate."""
        rows = list(map(_row, self.rates))
        return [Table("intended → visible in PostgreSQL, every sale", COLUMNS, rows), self.hops()]

    def hops(self) -> Table:
        """Return how long each step of a sale takes, a row a rate."""
        measured = [hop for hop in HOPS if any(hop in (one["hops_ms"] or {}) for one in self.rates)]
        columns = ("sales/s", *(HOPS[hop] for hop in measured))
        rows = [(one["rate"], *(_hop(one, hop) for hop in measured)) for one in self.rates]
        return Table("of which, p50 / p99 / mean, ms", columns, rows)

    def summary(self) -> str:
        """Return who used the cores at each rate."""
        uses = ((one["rate"], msgspec.convert(one["cores"], CoreUse)) for one in self.rates)
        return "\n".join(f"{rate:g} sales/s: {use.sentence}" for rate, use in uses)


def _row(outcome: dict[str, Any]) -> tuple[Any, ...]:
    counts = (outcome[key] for key in ("rate", "records", "unaccounted", "differences"))
    latency = outcome["latency_ms"]["store"] or {}
    quantiles = (latency.get(key) for key in ("p50", "p99", "max"))
    cost = outcome["rss_mib"], outcome["cpu_cores"], outcome["cores"]["generator"]
    return *counts, *quantiles, *cost, outcome["valid"]


def _hop(outcome: dict[str, Any], hop: str) -> str:
    durations = (outcome["hops_ms"] or {}).get(hop)
    if durations is None:
        return ""
    return f"{durations['p50']:.2f} / {durations['p99']:.1f} / {durations['mean']:.2f}"


class RatesScenario(Scenario, frozen=True):
    """Sell at each rate in turn; verify all; latency of every sale, memory and processor time."""

    judges_intervals: ClassVar[bool] = True

    rates: Annotated[Rates, option("Sales a second, with commas between.")] = (10, 50, 100, 1_000)
    seconds: Annotated[Seconds, option("How long at each rate.", flag="--for")] = Seconds(60)

    def measure_run(self, run: Run, progress: Progress) -> RatesResult:
        """Measure each rate on one stack."""
        outcomes = [measure_rate(run, rate, self.seconds, progress) for rate in self.rates]
        return RatesResult(self.seconds, [outcome.as_dict() for outcome in outcomes])


def measure_rate(  # noqa: PLR0913 - what a benchmark varies
    run: Run,
    rate: float,
    seconds: float,
    progress: Progress,
    screen: Screen | None = None,
    *,
    repeat: int = 1,
) -> Outcome:
    """Sell at one rate, then verify everything and measure every sale.

    With a screen, each sale is measured there too; its browser is ended when the load is. `repeat`
    tells several measurements of one rate apart.

    Raises:
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    with Measurement.start(run, screen, name=f"{rate:g}-{repeat}") as measurement:
        return measure_load(measurement, offered(run), rate, seconds, progress)


def measure_load(
    measurement: Measurement, load_spec: LoadSpec, rate: float, seconds: float, progress: Progress
) -> Outcome:
    """Sell what the specification says, then verify everything and measure every sale.

    Raises:
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    load = Load(measurement.run, load_spec, rate=rate, seconds=seconds)
    start_s = clock.monotonic()
    while not load.done:
        measurement.sampler.sample_if_due()
        progress(f"{rate:g} sales/s, seconds", int(clock.monotonic() - start_s), int(seconds))
        clock.sleep(POLL_INTERVAL_S)
    progress(f"{rate:g} sales/s, verifying")
    return measurement.finish(load.result())
