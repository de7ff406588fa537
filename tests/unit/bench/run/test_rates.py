"""The tables of a measurement at several rates."""

from __future__ import annotations

from typing import Any

from spaf.bench.run.rates import RatesResult

OUTCOME: dict[str, Any] = {
    "rate": 100.0,
    "records": 6_000,
    "unaccounted": 0,
    "differences": 0,
    "latency_ms": {"store": {"p50": 3.1, "p99": 6.0, "max": 9.0}},
    "hops_ms": {
        "due_sent": {"p50": 0.064, "mean": 0.072, "p99": 0.1},
        "sent_appended": {"p50": 0.4, "mean": 0.5, "p99": 1.0},
        "appended_written": {"p50": 2.0, "mean": 2.1, "p99": 4.0},
        "written_visible": {"p50": 0.5, "mean": 0.6, "p99": 1.2},
    },
    "cores": {"machine": 2, "busy": 0.8, "pipeline": 0.6, "generator": 0.05, "realtime": True},
    "rss_mib": 900.0,
    "cpu_cores": 0.6,
    "valid": True,
    "reasons": [],
}
FAILED = OUTCOME | {
    "rate": 20_000.0,
    "latency_ms": {"store": None},
    "hops_ms": None,
    "valid": False,
    "reasons": ["the tables are not exact"],
}


def test_steps_and_cores_of_each_rate_are_shown() -> None:
    """A rate that is not valid has no figures."""
    result = RatesResult(60.0, [OUTCOME, FAILED])
    latency, hops = result.tables()
    assert latency.rows[0][4:7] == (3.1, 6.0, 9.0)
    assert hops.columns == ("sales/s", "due → sent", "→ appended", "→ written", "→ visible")
    assert hops.rows == [
        (
            100.0,
            *("0.06 / 0.1 / 0.07", "0.40 / 1.0 / 0.50", "2.00 / 4.0 / 2.10", "0.50 / 1.2 / 0.60"),
        ),
        (20_000.0, "", "", "", ""),
    ]
    assert result.summary().splitlines()[0] == (
        "100 sales/s: The generator (realtime) used 0.05, the pipeline 0.60 and other programs "
        "0.15 of 2 cores."
    )
    assert result.reasons == ["20000 sales/s: the tables are not exact"]
