"""Sizing: each size is a measured cost times the rate; what no record holds is a gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from spaf.bench.results.folder import write_arrays
from spaf.bench.results.record import SAMPLES_FILE, Interval
from spaf.report.figures import Figures, StoredRecord
from spaf.report.sizing.costs import CAPACITY, SUSTAIN, MeasuredCosts, measured_costs
from spaf.report.sizing.sizing import PLANNED_SHARE, Sizing, SizingRequest, sizing
from tests.support.interference import QUIET
from tests.support.report_records import record

SETTINGS = {
    "flink": {"slots": 2},
    "job": {"parallelism": 2, "mini_batch_ms": 50, "flush_ms": 20},
    "generate": {"categories": 10, "currencies": ["BRL"]},
}
# What each service does in the samples.
SERIES = {
    "taskmanager/cpu_cores": 0.5,
    "taskmanager/memory_mib": 400.0,
    "taskmanager/net_received_bytes": 400_000.0,
    "kafka/cpu_cores": 0.2,
    "kafka/net_received_bytes": 410_000.0,
    "postgres/cpu_cores": 0.1,
}
REQUEST = SizingRequest(rate=7_000, keep_s=2 * 86_400, replication=3, host_cores=4)


def sampled(
    folder: Path, scenario: str, result: Any, interval: str, factor: float = 1.0
) -> StoredRecord:
    """Return a record of ten seconds with samples, written to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    at_us = np.arange(12) * 1_000_000
    arrays = {name: np.full(12, value * factor) for name, value in SERIES.items()}
    written = write_arrays(folder, SAMPLES_FILE, {"at_us": at_us, **arrays})
    made = msgspec.structs.replace(
        record(scenario, result).record,
        settings=SETTINGS,
        intervals=[Interval(interval, 0, 10_000_000, QUIET)],
        files={SAMPLES_FILE: written},
    )
    return StoredRecord(made, folder)


def sustained(folder: Path, factor: float = 1.0) -> StoredRecord:
    """Return a search in which one task held 1,000 sales a second."""
    rates = [{"key": "1-100", "median": 1_000.0}, {"key": "1-1000", "median": 2_000.0}]
    return sampled(folder / "sustain", SUSTAIN, {"rates": rates}, "1-1-1000-1", factor)


def every_cost(folder: Path, factor: float = 1.0) -> MeasuredCosts:
    """Return the costs of records of every measurement."""
    drain = {"events_per_second": 20_000, "cpu_us_per_event": 5.0 * factor, "drains": [{}]}
    rates = {
        "rate": 1_000.0,
        "records": 10_000,
        "rows": {"sale_anomaly": 5},
        "pipeline": {"commits_per_second": 500.0, "wal_mib_per_second": 0.5},
    }
    visits = [[{"state_mib": 0.4}]]
    scale = {"factors": [{"factor": "rate", "levels": [{"level": 1, "visits": visits}]}]}
    tables = ("sales_summary", "ledger_second", "sale_anomaly")
    capacity = {
        "sizes": [{"table": name, "bytes_per_row": 100.0} for name in tables],
        "notifying_commits_per_second": 4_000.0,
        "row_updates_per_second": 5_000.0,
        "reader_rows_per_second": 100_000.0,
    }
    with_settings = msgspec.structs.replace(
        record("bench rates", {"rates": [rates]}).record, settings=SETTINGS
    )
    return measured_costs(
        Figures(
            [
                sustained(folder, factor),
                sampled(folder / "drain", "bench drain", drain, "drain"),
                StoredRecord(with_settings, folder),
                record("bench scale", scale),
                record("bench verify", {"events_per_second": 3_000}),
                record(CAPACITY, capacity),
            ]
        )
    )


def sized(folder: Path, rate: float = 7_000.0) -> Sizing:
    """Return the size of a rate from every cost."""
    return sizing(msgspec.structs.replace(REQUEST, rate=rate), every_cost(folder))


def test_a_size_is_a_cost_times_the_rate(tmp_path: Path) -> None:
    """Ten tasks of 1,000 sales a second at 70 %, and so on."""
    one = sized(tmp_path)
    fast, batches = one.job
    assert (fast.tasks, fast.task_managers) == (10, 3)
    assert fast.cores == pytest.approx(7_000 * 500e-6 / PLANNED_SHARE)
    assert fast.memory_mib == pytest.approx(200 * 4)
    assert fast.postgres_cores == pytest.approx(0.1 * 10 / PLANNED_SHARE)
    assert (batches.tasks, batches.settings) == (1, "job.mini_batch_ms = 50, job.flush_ms = 20")
    assert one.kafka is not None
    assert one.kafka.disk_gib_per_day == pytest.approx(7_000 * 410 * 86_400 * 3 / 2**30)
    assert one.kafka.disk_gib == pytest.approx(2 * one.kafka.disk_gib_per_day)
    assert one.kafka.mbit_in == pytest.approx(7_000 * 410 * 3 * 8 / 1e6 / one.kafka.brokers)
    assert one.postgres is not None
    # Ten categories, ten partitions, and half an anomaly in a thousand sales.
    assert one.postgres.rows_per_day == round(86_400 * (10 + 10 + 7_000 * 0.0005))


def test_the_figures_are_those_of_the_record(tmp_path: Path) -> None:
    """Twice the cost in the record is twice the size: none stands in the program."""
    cheap = sizing(REQUEST, every_cost(tmp_path / "a"))
    dear = sizing(REQUEST, every_cost(tmp_path / "b", factor=2.0))
    assert cheap.kafka is not None
    assert dear.kafka is not None
    for one, other in (
        (cheap.job[0].cores, dear.job[0].cores),
        (cheap.job[1].cores, dear.job[1].cores),
        (cheap.kafka.disk_gib, dear.kafka.disk_gib),
    ):
        assert other == pytest.approx(2 * one)


def test_it_says_which_record_on_which_machine(tmp_path: Path) -> None:
    """Another machine has other costs."""
    source = sized(tmp_path).sources[SUSTAIN]
    assert (source.command, source.record) == ("spaf bench sustain", "bench-sustain")
    assert "cores of A <CPU>" in source.machine


def test_what_breaks_first_stands_first(tmp_path: Path) -> None:
    """Each with its way out; those that the rate has passed are marked."""
    found = sized(tmp_path, rate=2_500).limits
    rates = [limit.breaks_at for limit in found if limit.breaks_at is not None]
    assert rates == sorted(rates)
    names = {limit.what: limit for limit in found}
    assert names["one partition, one task"].reached
    assert names["one machine"].reached
    assert not names["verification of everything"].reached
    assert names["hot rows of sales_summary"].reached
    assert not names["the page's one reader"].reached
    assert all(limit.way_out for limit in found)
    # 4,000 commits a second are those of eight tasks.
    assert names["notifications (NOTIFY)"].breaks_at == pytest.approx(8 * 1_000 * PLANNED_SHARE)


def test_what_no_record_holds_is_a_gap(tmp_path: Path) -> None:
    """With its reason; the rest is sized all the same."""
    one = sizing(REQUEST, measured_costs(Figures([sustained(tmp_path)])))
    assert [job.mode for job in one.job] == ["low latency"]
    assert one.kafka is not None
    assert one.postgres is None
    assert one.gaps["bench drain"] == "There is no result of `spaf bench drain`."
    assert sizing(REQUEST, measured_costs(Figures([]))).job == []


def test_a_record_without_samples_is_a_gap() -> None:
    """Not a size of zero."""
    rates = [{"key": "1-100", "median": 1_000.0}]
    found = measured_costs(Figures([record(SUSTAIN, {"rates": rates})]))
    assert found.sale is None
    assert "has no" in found.gaps[SUSTAIN]
