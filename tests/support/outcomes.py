"""A measurement at one rate with made-up values, as `spaf bench rates` reports it."""

from __future__ import annotations

from typing import Any

OUTCOME: dict[str, Any] = {
    "rate": 100.0,
    "repeat": 1,
    "records": 6_000,
    "unaccounted": 0,
    "differences": 0,
    "visible_rate": 100.0,
    "latency_ms": {"store": {"p50": 3.1, "p90": 4.0, "p99": 6.0, "max": 9.0}},
    "hops_ms": {
        "due_sent": {"p50": 0.064, "mean": 0.072, "p99": 0.1},
        "sent_appended": {"p50": 0.4, "mean": 0.5, "p99": 1.0},
        "appended_written": {"p50": 2.0, "mean": 2.1, "p99": 4.0},
        "written_visible": {"p50": 0.5, "mean": 0.6, "p99": 1.2},
    },
    "publish_delay_ms": {"p99": 0.1},
    "cores": {"machine": 2, "busy": 0.8, "pipeline": 0.6, "generator": 0.05, "realtime": True},
    "rss_mib": 900.0,
    "cpu_cores": 0.6,
    "unheld": "",
    "valid": True,
    "reasons": [],
}
