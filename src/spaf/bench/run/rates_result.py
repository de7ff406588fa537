"""The result of a sweep over rates: medians of the valid measurements, and the tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import msgspec

from spaf.bench.scenario import Result, Table
from spaf.bench.spread import Spread
from spaf.measure.resources import CoreUse

LATENCY_FIGURES = ("p50", "p90", "p99", "max")
COLUMNS = (
    *("sales/s", "records", "unaccounted", "differences", "p50 ms", "p99 ms", "max ms"),
    *("screen p50", "screen p99", "delay p99", "memory MiB", "CPU cores", "generator"),
    *("holds", "valid"),
)
REPEATED_COLUMNS = (
    *("sales/s", "valid", "holds", "achieved", "p50 ms", "p99 ms", "max ms"),
    *("screen p50", "screen p99", "delay p99", "CPU cores", "generator", "memory MiB"),
)
HOPS = {
    "due_sent": "due → sent",
    "sent_appended": "→ appended",
    "appended_written": "→ written",
    "written_visible": "→ visible",
    "visible_received": "→ page",
    "received_painted": "→ painted",
}
INTERRUPTED = "interrupted: the measurements up to then"


class RateFigures(msgspec.Struct, frozen=True):
    """The valid measurements at one rate: medians with their range; None without a valid one."""

    rate: float
    repeats: int
    valid: int
    held: int
    """Measurements in which generator and tables kept up with the rate."""
    achieved_rate: Spread | None
    """Sales a second that became visible in PostgreSQL."""
    latency_ms: dict[str, dict[str, Spread]]
    """Of each measured place: p50, p90, p99, max."""
    publish_delay_p99_ms: Spread | None
    """Sent minus due: the generator's own delay, which is a part of the latency."""
    cpu_cores: Spread | None
    generator_cores: Spread | None
    rss_mib: Spread | None

    @classmethod
    def of(cls, rate: float, outcomes: Sequence[dict[str, Any]]) -> Self:
        """Return the figures of all measurements at a rate."""
        valid = [one for one in outcomes if one["valid"]]

        def spread(*path: str) -> Spread | None:
            found = [value for one in valid if (value := _at(one, path)) is not None]
            return Spread.of(found) if found else None

        latency = {}
        for place in ("store", "screen"):
            figures = ((name, spread("latency_ms", place, name)) for name in LATENCY_FIGURES)
            latency[place] = {name: one for name, one in figures if one is not None}
        return cls(
            rate=rate,
            repeats=len(outcomes),
            valid=len(valid),
            held=sum(not one["unheld"] for one in outcomes),
            achieved_rate=spread("visible_rate"),
            latency_ms={place: figures for place, figures in latency.items() if figures},
            publish_delay_p99_ms=spread("publish_delay_ms", "p99"),
            cpu_cores=spread("cpu_cores"),
            generator_cores=spread("cores", "generator"),
            rss_mib=spread("rss_mib"),
        )

    def row(self) -> tuple[Any, ...]:
        """Return the cells of the table."""
        store, screen = (self.latency_ms.get(place, {}) for place in ("store", "screen"))
        figures = [
            self.achieved_rate,
            *(store.get(name) for name in ("p50", "p99", "max")),
            *(screen.get(name) for name in ("p50", "p99")),
            *(self.publish_delay_p99_ms, self.cpu_cores, self.generator_cores, self.rss_mib),
        ]
        medians = (None if one is None else one.median for one in figures)
        counts = (f"{count} of {self.repeats}" for count in (self.valid, self.held))
        return self.rate, *counts, *medians


def _at(outcome: dict[str, Any], path: Sequence[str]) -> float | None:
    """Return the figure at a path of keys; None where one is missing."""
    value: Any = outcome
    for key in path:
        value = None if value is None else value.get(key)
    figure: float | None = value
    return figure


def _middle(outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the measurement with the median p99 to PostgreSQL, one that is valid if any is."""
    valid = [one for one in outcomes if one["valid"]]
    if not valid:
        return outcomes[0]
    ordered = sorted(valid, key=lambda one: _at(one, ("latency_ms", "store", "p99")) or 0.0)
    return ordered[(len(ordered) - 1) // 2]


class RatesResult(Result, frozen=True):
    """The measurements, each as `Outcome.as_dict` has it."""

    seconds: float
    rates: list[dict[str, Any]]
    """One of each rate: that with the median p99. Its steps are those of the same sales."""
    figures: list[RateFigures]
    measurements: list[dict[str, Any]]
    """All of them, by rate and repeat."""
    interrupted: bool

    @classmethod
    def of(
        cls,
        seconds: float,
        outcomes: Sequence[dict[str, Any]],
        *,
        interrupted: bool = False,
        **fields: Any,
    ) -> Self:
        """Return the result of measurements, by rate and repeat."""
        measured = sorted(outcomes, key=lambda one: (one["rate"], one.get("repeat", 1)))
        by_rate = {
            rate: [one for one in measured if one["rate"] == rate]
            for rate in dict.fromkeys(one["rate"] for one in measured)
        }
        return cls(
            seconds=seconds,
            rates=[_middle(of_rate) for of_rate in by_rate.values()],
            figures=[RateFigures.of(rate, of_rate) for rate, of_rate in by_rate.items()],
            measurements=measured,
            interrupted=interrupted,
            **fields,
        )

    @property
    def reasons(self) -> list[str]:
        """Why measurements are not valid."""
        reasons = [f"{_name(one)}: {why}" for one in self.measurements for why in one["reasons"]]
        return reasons + ([INTERRUPTED] if self.interrupted else [])

    @property
    def invalid(self) -> list[str]:
        """The same if none is valid; a valid one is reported, whatever the others are."""
        return [] if any(one["valid"] for one in self.rates) else self.reasons

    def tables(self) -> Iterable[Table]:
        """Return a row a rate: its figures, and the steps of one measurement."""
        title = "intended → visible in PostgreSQL, every sale"
        columns: Sequence[str]
        if all(one.repeats == 1 for one in self.figures):
            columns, rows = COLUMNS, list(map(_row, self.rates))
        else:
            title = f"{title}; medians of the valid measurements"
            columns, rows = REPEATED_COLUMNS, [one.row() for one in self.figures]
        # Without a browser, nothing of the screen.
        shown = [at for at, name in enumerate(columns) if "screen" not in name or _any(rows, at)]
        cells = [[row[at] for at in shown] for row in rows]
        return [Table(title, [columns[at] for at in shown], cells), self.hops()]

    def hops(self) -> Table:
        """Return how long each step of a sale takes, a row a rate."""
        measured = [
            hop for hop in HOPS if any(hop in (one.get("hops_ms") or {}) for one in self.rates)
        ]
        columns = ("sales/s", *(HOPS[hop] for hop in measured))
        rows = [(one["rate"], *(_hop(one, hop) for hop in measured)) for one in self.rates]
        return Table("of which, p50 / p99 / mean, ms", columns, rows)

    def summary(self) -> str:
        """Return which rates do not hold, and who used the cores where a measurement is valid."""
        unheld = [
            f"{_name(one)} do not hold: {one['unheld'].removesuffix('.')}."
            for one in self.measurements
            if one["unheld"]
        ]
        uses = [
            f"{_name(one)}: {msgspec.convert(one['cores'], CoreUse).sentence}"
            for one in self.rates
            if one["valid"]
        ]
        return "\n".join(unheld + uses)


def _row(outcome: dict[str, Any]) -> tuple[Any, ...]:
    """Return the cells of a single measurement."""
    counts = (outcome.get(key) for key in ("rate", "records", "unaccounted", "differences"))
    latency = (_at(outcome, ("latency_ms", "store", name)) for name in ("p50", "p99", "max"))
    screen = (_at(outcome, ("latency_ms", "screen", name)) for name in ("p50", "p99"))
    delay = _at(outcome, ("publish_delay_ms", "p99"))
    cost = outcome.get("rss_mib"), outcome.get("cpu_cores"), _at(outcome, ("cores", "generator"))
    return *counts, *latency, *screen, delay, *cost, not outcome["unheld"], outcome["valid"]


def failed(rate: float, reason: str) -> dict[str, Any]:
    """Return a measurement that an error ended: it has a reason, and no figure."""
    return {"rate": rate, "valid": False, "reasons": [reason], "unheld": reason}


def _any(rows: Sequence[Sequence[Any]], column: int) -> bool:
    return any(row[column] is not None for row in rows)


def _name(outcome: dict[str, Any]) -> str:
    """Name a measurement: by its rate, and by its repeat after the first."""
    repeat = outcome.get("repeat", 1)
    return f"{outcome['rate']:g} sales/s" + (f" (repeat {repeat})" if repeat > 1 else "")


def _hop(outcome: dict[str, Any], hop: str) -> str:
    durations = (outcome.get("hops_ms") or {}).get(hop)
    if durations is None:
        return ""
    return f"{durations['p50']:.2f} / {durations['p99']:.1f} / {durations['mean']:.2f}"
