"""Records of measurements with made-up values, for what is made from records."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from spaf.bench.results.record import ResultRecord, Validity
from tests.support.records import RECORD

RATES = (10.0, 100.0, 10_000.0)
HOPS = ("due_sent", "sent_appended", "appended_written", "written_visible")
SERVICES = ("kafka", "jobmanager", "taskmanager", "postgres", "locust", "serve", "quarantine")
KINDS = ("price_spike", "surge", "drought")


def record(
    scenario: str, result: Any, *, started_us: int = 1, reasons: tuple[str, ...] = ()
) -> ResultRecord:
    """Return a record of a scenario; with reasons it is not valid."""
    return replace(
        RECORD,
        name=scenario.replace(" ", "-"),
        scenario=scenario,
        started_us=started_us,
        validity=Validity(valid=not reasons, reasons=list(reasons)),
        machine=RECORD.machine | {"cpu": "A <CPU>", "system": "Linux 6"},
        result=result,
    )


def at_rate(rate: float) -> dict[str, Any]:
    """Return the outcome at a rate."""
    latency = {"p50": 2.94, "p99": 1_216.08}
    return {
        "rate": rate,
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


def every_record() -> list[ResultRecord]:
    """Return a record of each scenario that report and talk show."""
    rates = {"seconds": 60.0, "rates": [at_rate(rate) for rate in RATES]}
    scores = {"kinds": {kind: {"precision": 1.0, "recall": 0.993} for kind in KINDS}}
    limit = {"events_per_second": 1_950_123, "cpu_us_per_event": 0.68}
    drain = {"events": 3_000_000, "events_per_second": 328_412, "cpu_us_per_event": 5.352}
    return [
        record("bench rates", rates),
        record("bench page screen", rates),
        record("bench drain", drain | {"limits": {"scan": limit, "decode": limit}}),
        record("prove detection", scores | {"random": scores, "always": scores}),
    ]
