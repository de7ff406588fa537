"""Records of measurements with made-up values, for what is made from records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from spaf.bench.results.folder import write_arrays
from spaf.bench.results.record import SALES_FILE, Validity
from spaf.bench.results.sales import SHARES
from spaf.report.figures import StoredRecord
from tests.support.records import RECORD

RATES = (10.0, 50.0, 100.0, 10_000.0)
HOPS = ("due_sent", "sent_appended", "appended_written", "written_visible")
SERVICES = ("kafka", "jobmanager", "taskmanager", "postgres", "locust", "serve", "quarantine")
SUSTAINED = [
    {"key": f"{tasks}-{limit}", "parallelism": tasks, "limit_ms": float(limit), "median": 23_400.0}
    for tasks in (1, 2)
    for limit in (100, 1000)
]
TRIALS = [{"rate": rate, "p99_ms": rate / 200} for rate in (8_000.0, 16_000.0, 32_000.0)]
SLOPES = {figure: {"exponent": 0.02} for figure in ("stack_us", "p99", "stack_mib")}
KINDS = ("price_spike", "surge", "drought")


def peer(speed: int, us: float, **changes: Any) -> dict[str, Any]:
    """Return what was measured of a program."""
    drain = {"events": 1_000_000, "seconds": 1.0, "events_per_second": speed, "complete": True}
    latency = {"p50_ms": 4.0, "p99_ms": 21.5}
    return {
        "version": "1.2.3",
        "lines": 180,
        "settings": "batches of 5 ms",
        "drain": drain | {"cpu_us_per_event": us, "exact": True},
        "latency": {"100": latency, "1000": latency},
        "memory_mib": 212.4,
        "bad_record": "is skipped <and logged>",
        "after_kill": "counts twice",
        "error": None,
    } | changes


PEERS = {
    "a consumer": peer(200_000, 4.9),
    "another": peer(0, 0, version="", drain=None, latency=None, error="no wheel for <this> Python"),
    "spaf aggregates": peer(510_000, 3.4),
    "spaf full job": peer(230_000, 5.6),
    "a slow one": peer(
        0, 0, drain={"events_per_second": 31_000, "cpu_us_per_event": 44.0, "complete": False}
    ),
    "a wrong one": peer(0, 0, drain={"events_per_second": 9e9, "exact": False}),
}
RATIOS = {"spaf aggregates": {"ratio": 2.55}, "spaf full job": {"ratio": 1.15}}
TUNING = {
    "baseline": {
        "p50_ms": [2.9, 3.1],
        "p99_ms": [9.0, 10.0, 11.0],
        "cpu_us_per_event": [5.2, 5.4],
        "cores": [0.4, 0.42],
    },
    "settings": [
        {
            "name": "buffer timeout",
            "key": "execution.buffer-timeout.interval",
            "ours": "5 ms",
            "tried": "100 ms",
            "p50_ms": [52.0, 53.0, 54.0],
            "p99_ms": [103.0, 104.0, 107.0],
            "cpu_us_per_event": [5.0],
            "cores": [0.36],
            "verdict": "worse",
            "reason": "a buffer waits until it is full",
        },
        {"name": "object reuse", "tried": "off", "p99_ms": 10.2, "cpu_us_per_event": None},
    ],
}


def fault(kind: str, target: str, recovery_s: float | None, **changes: Any) -> dict[str, Any]:
    """Return what became of a fault."""
    return {
        "kind": kind,
        "target": target,
        "made": True,
        "recovery_s": recovery_s,
        "status_said": "taskmanager is starting",
        "status_after_s": 0.4,
        "page_said": "A TaskManager is missing",
        "page_after_s": 0.7,
        "sales_late": 12,
        "differences": 0,
        "lost": 0,
        "error": "",
    } | changes


FAULTS = [
    *(fault("kill", "taskmanager", 4.0 + number / 10) for number in range(20)),
    fault("kill", "kafka", 6.5),
    fault("kill", "postgres", 3.1),
    fault("kill", "jobmanager", 2.2),
    fault("pause", "taskmanager+kafka", 31.0, sales_late=1_234),
    fault("reset", "serve:postgres", 1.0),
    fault("reset", "taskmanager:kafka", 2.0),
    fault("slow-disk", "postgres", None, made=False, error="no <device-mapper> here"),
]


def record(  # noqa: PLR0913 - what a record may differ in
    scenario: str,
    result: Any,
    *,
    started_us: int = 1,
    reasons: tuple[str, ...] = (),
    quick: bool = False,
    options: Mapping[str, Any] | None = None,
) -> StoredRecord:
    """Return a record of a scenario that took 30 s; with reasons it is not valid."""
    changed = replace(
        RECORD,
        name=scenario.replace(" ", "-"),
        scenario=scenario,
        started_us=started_us,
        ended_us=started_us + 30_000_000,
        options=RECORD.options | {"quick": quick} | dict(options or {}),
        validity=Validity(valid=not reasons, reasons=list(reasons)),
        machine=RECORD.machine | {"cpu": "A <CPU>", "system": "Linux 6"},
        result=result,
    )
    return StoredRecord(changed, Path("nowhere"))


def at_rate(rate: float) -> dict[str, Any]:
    """Return the outcome at a rate."""
    latency = {"p50": 2.94, "p99": 1_216.08}
    return {
        "rate": rate,
        "visible_rate": rate,
        "records": int(60 * rate),
        "unaccounted": 0,
        "differences": 0,
        "latency_ms": {"store": latency, "screen": latency},
        "hops_ms": {hop: {"mean": 0.75} for hop in HOPS},
        "publish_delay_ms": {"p99": 0.09},
        "rss_mib": 1_182.7,
        "cpu_cores": 0.673,
        "services": {name: {"rss_mib": 164.2, "cpu_percent": 14.1} for name in SERVICES},
    }


def with_sales(stored: StoredRecord, folder: Path) -> StoredRecord:
    """Return a record with the steps of a thousand sales at each rate, written to a folder."""
    arrays: dict[str, NDArray[Any]] = {}
    for rate in RATES:
        steps = {f"{rate:g}-1/{hop}_us": np.full(1_000, 750, dtype=np.int32) for hop in HOPS}
        arrays |= steps | {
            f"{rate:g}-1/due_us": np.arange(1_000) * 10_000,
            f"{rate:g}-1/shares": SHARES,
            f"{rate:g}-1/store_quantiles_us": np.full(len(SHARES) + 1, 3_000),
        }
    written = write_arrays(folder, SALES_FILE, arrays)
    return StoredRecord(replace(stored.record, files={SALES_FILE: written}), folder)


def every_record() -> list[StoredRecord]:
    """Return a record of each scenario that report and talk show, without the single sales."""
    rates = {"seconds": 60.0, "rates": [at_rate(rate) for rate in RATES]}
    scores = {"kinds": {kind: {"precision": 1.0, "recall": 0.993} for kind in KINDS}}
    limit = {"events_per_second": 1_950_123, "cpu_us_per_event": 0.68}
    drain = {"events": 3_000_000, "events_per_second": 328_412, "cpu_us_per_event": 5.352}
    return [
        record("bench rates", rates),
        record("bench drain", drain | {"limits": {"scan": limit, "decode": limit}}),
        record("bench sustain", {"rates": SUSTAINED, "trials": {"1-1": TRIALS}}),
        record("bench scale", {"factors": [{"factor": "rows", "slopes": SLOPES}]}),
        record("prove detection", scores | {"random": scores, "always": scores}),
        record("bench peers", {"peers": PEERS, "ratios": RATIOS}),
        record("bench tuning", TUNING),
        record("chaos", {"faults": FAULTS}),
    ]
