"""What a sale has cost where it was measured: every figure comes from a record, or is a gap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from spaf.bench.results.record import SAMPLES_FILE, Interval
from spaf.errors import FigureError
from spaf.report.figures import Figures, StoredRecord

DRAIN, RATES, SUSTAIN = "bench drain", "bench rates", "bench sustain"
SCALE, VERIFY, CAPACITY = "bench scale", "bench verify", "bench capacity"
# Of the search for the highest rate: one task, p99 within 100 ms.
ONE_TASK = "1-100"
# The same with any latency, as long as the lag does not grow: what one machine holds.
ONE_MACHINE = "1-1000"
# The first sample of an interval covers a part of what was before it.
SKIPPED_US = 1_000_000


class RecordSource(msgspec.Struct, frozen=True):
    """The record of a measurement, and the machine that it was made on."""

    record: str
    command: str
    measured: str
    """Day, UTC."""
    machine: str

    @classmethod
    def of(cls, stored: StoredRecord) -> RecordSource:
        """Return where the figures of a record come from."""
        record, machine = stored.record, stored.record.machine
        day = f"{datetime.fromtimestamp(record.started_us / 1e6, UTC):%Y-%m-%d}"
        cores, memory = machine.get("cores", "?"), machine.get("memory_gib", "?")
        where = f"{cores} cores of {machine.get('cpu', '?')}, {memory} GiB"
        return cls(record.name, f"spaf {record.scenario}", day, where)


class SaleCost(msgspec.Struct, frozen=True):
    """What services used while one task held its highest rate; of a sale where it grows so."""

    sales_per_second: float
    taskmanager_us: float
    """Processor time of the TaskManager for a sale, µs."""
    kafka_us: float
    postgres_cores: float
    """Of all: what the tables cost grows with the tasks and with the rows that change."""
    topic_bytes: float
    """Bytes that the broker receives for a sale: what it writes to its log."""
    read_bytes: float
    """Bytes that the TaskManager receives for a sale."""
    taskmanager_mib: float
    slots: int
    """Task slots of that TaskManager."""


class BatchCost(msgspec.Struct, frozen=True):
    """What the job costs with mini-batches, over a full topic."""

    sales_per_second: float
    """Of one slot."""
    taskmanager_us: float
    taskmanager_mib: float
    postgres_cores: float
    """Of one task."""
    slots: int
    mini_batch_ms: int
    flush_ms: int


class TableCost(msgspec.Struct, frozen=True):
    """What the tables cost at the highest rate of the sweep of rates."""

    commits_per_second: float
    wal_bytes_per_second: float
    anomalies: float
    """Rows of sale_anomaly for a sale."""
    categories: int
    currencies: int


class Capacity(msgspec.Struct, frozen=True):
    """What bounds a larger run besides the job, see `spaf bench capacity`."""

    row_bytes: Mapping[str, float]
    """Table → bytes of a row, with its indexes."""
    notifying_commits: float
    """Commits a second of writers that notify, all together."""
    row_updates: float
    """Updates a second of rows that change again and again."""
    reader_rows: float
    """Rows a second that the page's reader applies on one core."""


class MeasuredCosts(msgspec.Struct, frozen=True):
    """Every cost, and why one of them is not known."""

    sale: SaleCost | None = None
    batch: BatchCost | None = None
    tables: TableCost | None = None
    capacity: Capacity | None = None
    one_machine: float | None = None
    """Sales a second that one machine holds with everything on it."""
    verified_per_second: float | None = None
    state_mib: float | None = None
    """State of the job in a checkpoint at the highest rate of the record of `bench scale`."""
    sources: Mapping[str, RecordSource] = {}
    """By the command of the measurement."""
    gaps: Mapping[str, str] = {}
    """Command of a measurement → why it says nothing."""


def measured_costs(figures: Figures) -> MeasuredCosts:
    """Return what the records say; what they do not say is a gap with its reason."""
    known: dict[str, Any] = {}
    sources: dict[str, RecordSource] = {}
    gaps: dict[str, str] = {}
    for scenario, read in READERS.items():
        try:
            known |= read(figures)
        except FigureError as error:
            gaps[scenario] = error.what
        else:
            sources[scenario] = RecordSource.of(figures.stored[scenario])
    return MeasuredCosts(**known, sources=sources, gaps=gaps)


def _sale(figures: Figures) -> dict[str, Any]:
    rates = _by(figures.result(SUSTAIN).get("rates", []), "key")
    if ONE_TASK not in rates:
        raise _without(SUSTAIN, ONE_TASK)
    held = float(rates[ONE_TASK]["median"])
    stored = figures.stored[SUSTAIN]
    use = _Use(figures, SUSTAIN, _interval(stored, rf"1-\d+-{re.escape(f'{held:g}')}-\d+"))
    cost = SaleCost(
        sales_per_second=held,
        taskmanager_us=use.mean("taskmanager/cpu_cores") / held * 1e6,
        kafka_us=use.mean("kafka/cpu_cores") / held * 1e6,
        postgres_cores=use.mean("postgres/cpu_cores"),
        topic_bytes=use.mean("kafka/net_received_bytes") / held,
        read_bytes=use.mean("taskmanager/net_received_bytes") / held,
        taskmanager_mib=use.highest("taskmanager/memory_mib"),
        slots=_setting(stored, "flink", "slots"),
    )
    machine = rates.get(ONE_MACHINE, {}).get("median")
    return {"sale": cost, "one_machine": None if machine is None else float(machine)}


def _batch(figures: Figures) -> dict[str, Any]:
    stored, result = figures.stored.get(DRAIN), figures.result(DRAIN)
    if stored is None or not result.get("events_per_second"):
        raise _without(DRAIN, "events_per_second")
    tasks = _setting(stored, "job", "parallelism")
    # The drains of the job come before those of its parts.
    last = len(result.get("drains", ())) - 1
    intervals = stored.record.intervals
    if not 0 <= last < len(intervals):
        raise _without(DRAIN, "drains")
    use = _Use(figures, DRAIN, intervals[last])
    cost = BatchCost(
        sales_per_second=result["events_per_second"] / tasks,
        taskmanager_us=float(result["cpu_us_per_event"]),
        taskmanager_mib=use.highest("taskmanager/memory_mib"),
        postgres_cores=use.mean("postgres/cpu_cores") / tasks,
        slots=_setting(stored, "flink", "slots"),
        mini_batch_ms=_setting(stored, "job", "mini_batch_ms"),
        flush_ms=_setting(stored, "job", "flush_ms"),
    )
    return {"batch": cost}


def _tables(figures: Figures) -> dict[str, Any]:
    measured = [rate for rate in figures.result(RATES).get("rates", []) if rate.get("pipeline")]
    if not measured:
        raise _without(RATES, "rates[].pipeline")
    most = max(measured, key=lambda rate: float(rate["rate"]))
    generate = figures.stored[RATES].record.settings.get("generate", {})
    cost = TableCost(
        commits_per_second=float(most["pipeline"]["commits_per_second"]),
        wal_bytes_per_second=float(most["pipeline"]["wal_mib_per_second"]) * 2**20,
        anomalies=most["rows"]["sale_anomaly"] / max(1, most["records"]),
        categories=int(generate.get("categories", 1)),
        currencies=len(generate.get("currencies", ("",))),
    )
    return {"tables": cost}


def _state(figures: Figures) -> dict[str, Any]:
    factors = _by(figures.result(SCALE).get("factors", []), "factor")
    levels = factors.get("rate", {}).get("levels", [])
    sizes = [
        float(visit["state_mib"])
        for level in levels[-1:]
        for repeat in level.get("visits", [])
        for visit in repeat
        if visit.get("state_mib") is not None
    ]
    if not sizes:
        raise _without(SCALE, "factors[factor=rate].levels[].visits[].state_mib")
    return {"state_mib": max(sizes)}


def _verified(figures: Figures) -> dict[str, Any]:
    return {"verified_per_second": float(figures.result(VERIFY)["events_per_second"])}


def _capacity(figures: Figures) -> dict[str, Any]:
    result = figures.result(CAPACITY)
    return {
        "capacity": Capacity(
            row_bytes={size["table"]: float(size["bytes_per_row"]) for size in result["sizes"]},
            notifying_commits=float(result["notifying_commits_per_second"]),
            row_updates=float(result["row_updates_per_second"]),
            reader_rows=float(result["reader_rows_per_second"]),
        )
    }


# Which records are read, and how.
READERS = {
    SUSTAIN: _sale,
    DRAIN: _batch,
    RATES: _tables,
    SCALE: _state,
    VERIFY: _verified,
    CAPACITY: _capacity,
}


class _Use:
    """The samples of a record within an interval."""

    def __init__(self, figures: Figures, scenario: str, interval: Interval) -> None:
        """Read them.

        Raises:
            FigureError: the record has none.

        """
        self._scenario = scenario
        self._series = figures.arrays(scenario, SAMPLES_FILE)
        at_us = self._series["at_us"]
        begun = at_us > interval.start_us + SKIPPED_US
        self._chosen: NDArray[np.bool_] = begun & (at_us <= interval.end_us)

    def mean(self, name: str) -> float:
        """Return the mean of a series."""
        return float(np.mean(self._values(name)))

    def highest(self, name: str) -> float:
        """Return the highest value of a series."""
        return float(np.max(self._values(name)))

    def _values(self, name: str) -> NDArray[np.float64]:
        series = self._series.get(name, np.array([]))
        values = series[self._chosen] if len(series) == len(self._chosen) else series[:0]
        known: NDArray[np.float64] = values[~np.isnan(values)]
        if not len(known):
            raise _without(self._scenario, name)
        return known


def _interval(stored: StoredRecord, pattern: str) -> Interval:
    """Return the last interval of a record whose name matches."""
    matching = [
        interval for interval in stored.record.intervals if re.fullmatch(pattern, interval.name)
    ]
    if not matching:
        raise _without(stored.record.scenario, f"intervals[{pattern}]")
    return matching[-1]


def _setting(stored: StoredRecord, section: str, name: str) -> int:
    try:
        return int(stored.record.settings[section][name])
    except (KeyError, TypeError, ValueError):
        raise _without(stored.record.scenario, f"settings.{section}.{name}") from None


def _by(rows: Any, field: str) -> dict[str, Any]:
    return {str(row[field]): row for row in rows}


def _without(scenario: str, path: str) -> FigureError:
    return FigureError(f"The result of `spaf {scenario}` has no {path}.", code="no_value")
