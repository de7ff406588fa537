"""The `pipeline` and `load` messages of the page, from one snapshot after the other."""

from __future__ import annotations

from typing import Any

from spaf.serve.monitor import load
from spaf.serve.monitor.bottleneck import BottleneckDetector
from spaf.serve.monitor.flink import checkpoint_age_s
from spaf.serve.monitor.rates import GrowthRate
from spaf.serve.monitor.snapshot import STAGES, PipelineSnapshot


class PipelineMessages:
    """Adds to each snapshot what needs the ones before: rates, processor time, the bottleneck."""

    def __init__(self, write_interval_s: float = 0.0) -> None:
        """Begin without a snapshot; the job buffers rows for `write_interval_s`."""
        self._detector = BottleneckDetector(write_interval_s)
        self._rates = {stage: GrowthRate() for stage in STAGES}
        self._achieved = {"page": GrowthRate(), "headless": GrowthRate()}
        self._processors: dict[str, GrowthRate] = {}

    def update(self, snapshot: PipelineSnapshot) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the `pipeline` and the `load` message of a snapshot."""
        flink = snapshot.flink
        detected = self._detector.update(snapshot)
        pipeline = {
            "stages": [self._stage(stage, snapshot) for stage in STAGES],
            "checkpoint_age_s": None if flink is None else _rounded(checkpoint_age_s(flink)),
            "backpressure": None if flink is None else _rounded(flink.backpressure),
            "busy": None if flink is None else _rounded(flink.busy),
            # The stage of the known cause, or the one that is detected.
            "culprit": (snapshot.trouble.stage if snapshot.trouble else "") or detected,
            "cause": None if snapshot.trouble is None else snapshot.trouble.message(),
            "disk": None if snapshot.disk is None else snapshot.disk.message(),
            "restarts": 0 if flink is None else flink.restarts,
        }
        return pipeline, self._load(snapshot)

    def _load(self, snapshot: PipelineSnapshot) -> dict[str, Any]:
        statuses = {"page": snapshot.page_load, "headless": snapshot.headless}
        at = snapshot.passed_at("locust")
        page, headless = (
            self._achieved[name].update(at, None if status is None else status.acked)
            for name, status in statuses.items()
        )
        service = next((info for info in snapshot.services if info.name == "locust"), None)
        return {
            **load.message(snapshot.page_load, page, None if service is None else service.address),
            "headless": snapshot.headless and load.headless_message(snapshot.headless, headless),
        }

    def _stage(self, stage: str, snapshot: PipelineSnapshot) -> dict[str, Any]:
        rate = self._rates[stage].update(snapshot.passed_at(stage), snapshot.passed(stage))
        delay = snapshot.delays.get(stage)
        cpu_percent, rss_mib = self._cost(stage, snapshot)
        return {
            "name": stage,
            "state": snapshot.state(stage),
            "rate": None if rate is None else round(rate, 1),
            "lag": snapshot.lag(stage),
            "p50_ms": None if delay is None else round(delay.p50, 2),
            "p99_ms": None if delay is None else round(delay.p99, 2),
            "cpu_percent": cpu_percent,
            "rss_mib": rss_mib,
            "detail": snapshot.detail(stage),
        }

    def _cost(self, stage: str, snapshot: PipelineSnapshot) -> tuple[float | None, float | None]:
        """Return percent of a core and memory; None where SPAF did not start the stage."""
        ours = [service for service in snapshot.services_of(stage) if service.rss_mib]
        if not ours:
            return None, None
        shares = [
            self._processors.setdefault(service.name, GrowthRate()).update(
                snapshot.at, service.cpu_seconds
            )
            for service in ours
        ]
        known = [share for share in shares if share is not None]
        cpu_percent = round(100 * sum(known), 1) if known else None
        return cpu_percent, round(sum(service.rss_mib for service in ours), 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
