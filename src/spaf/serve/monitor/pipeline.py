"""The way of a sale as stages, each with its state, rate, lag, delays and cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from spaf.generate.locust.protocol import LoadStatus
from spaf.serve.monitor import load
from spaf.serve.monitor.bottleneck import SILENT_S, STAGES, BottleneckDetector, PipelineFacts
from spaf.serve.monitor.flink import FlinkMetrics, age_s
from spaf.serve.monitor.rates import GrowthRate
from spaf.serve.run_info import ServiceInfo

SILENT = "silent"
# A run without a load of ours: whoever sells, it is somebody else.
ABSENT = "absent"
# Which services make a stage, by the beginning of their names.
SERVICES = {
    "locust": ("locust",),
    "kafka": ("kafka",),
    "flink": ("jobmanager", "taskmanager"),
    "postgres": ("postgres",),
    "serve": ("serve",),
}
# Flink's word for a job that is well.
JOB_RUNS = "RUNNING"


class ProbeAnswer(NamedTuple):
    """How a neighbour answered: why it did not, and for how long it has not."""

    problem: str | None = None
    silent_s: float = 0.0

    @property
    def silent(self) -> bool:
        """Whether it is told that it does not answer."""
        return self.problem is not None or self.silent_s >= SILENT_S


WELL = ProbeAnswer()


class StageDelay(NamedTuple):
    """p50 and p99 of a stage of its own, milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True)
class PipelineObservation:
    """All that one look at the neighbours has found; None is unknown."""

    at: float
    services: list[ServiceInfo]
    job: str
    """State of the job, as the supervisor says."""
    load: LoadStatus | None
    flink: FlinkMetrics | None
    ends: int | None
    counted: int | None
    accepted: int | None
    in_flight: int | None
    events: int
    """How many events this page has sent."""
    viewers: int
    unreadable: bool = False
    delays: dict[str, StageDelay] = field(default_factory=dict)
    answers: dict[str, ProbeAnswer] = field(default_factory=dict)
    """How the neighbour of each stage answered."""
    load_at: float | None = None
    """When the load, the ends and the tables answered; None is at the time of the look."""
    ends_at: float | None = None
    counted_at: float | None = None


class Pipeline:
    """Makes the `pipeline` message of each look."""

    def __init__(self, gathers_s: float = 0.0) -> None:
        """Begin without a look; the job gathers for so long before it writes, seconds."""
        self.watch = BottleneckDetector(gathers_s)
        self._rates = {stage: GrowthRate() for stage in STAGES}
        self._achieved = GrowthRate()
        self._processors: dict[str, GrowthRate] = {}

    def see(self, found: PipelineObservation) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the `pipeline` and the `load` message of a look."""
        states = {stage: state(stage, found) for stage in STAGES}
        culprit = self.watch.see(facts(found, states))
        look, flink = found.load, found.flink
        at = _at("locust", found)
        achieved = self._achieved.see(at, None if look is None else look.acked)
        pipeline = {
            "stages": [self._stage(stage, states[stage], found) for stage in STAGES],
            "checkpoint_age_s": None if flink is None else _rounded(age_s(flink)),
            "backpressure": None if flink is None else _rounded(flink.backpressure),
            "busy": None if flink is None else _rounded(flink.busy),
            "culprit": culprit,
            "restarts": 0 if flink is None else flink.restarts,
        }
        address = next((one.address for one in found.services if one.name == "locust"), None)
        return pipeline, load.message(look, achieved, address)

    def _stage(self, stage: str, told: str, found: PipelineObservation) -> dict[str, Any]:
        rate = self._rates[stage].see(_at(stage, found), _passed(stage, found))
        delay = found.delays.get(stage)
        processor, memory = self._cost(stage, found)
        return {
            "name": stage,
            "state": told,
            "rate": None if rate is None else round(rate, 1),
            "lag": _lag(stage, found),
            "p50_ms": None if delay is None else round(delay.p50, 2),
            "p99_ms": None if delay is None else round(delay.p99, 2),
            "cpu_percent": processor,
            "rss_mib": memory,
            "detail": detail(stage, found),
        }

    def _cost(self, stage: str, found: PipelineObservation) -> tuple[float | None, float | None]:
        """Return share of a core in percent and memory; None where the stage is not ours."""
        ours = [one for one in _services(stage, found.services) if one.rss_mib]
        if not ours:
            return None, None
        used = [
            self._processors.setdefault(one.name, GrowthRate()).see(found.at, one.cpu_seconds)
            for one in ours
        ]
        known = [share for share in used if share is not None]
        processor = round(100 * sum(known), 1) if known else None
        return processor, round(sum(one.rss_mib for one in ours), 1)


def facts(found: PipelineObservation, states: dict[str, str]) -> PipelineFacts:
    """Return what the search for the culprit needs of a look."""
    look, flink = found.load, found.flink
    selling = look is not None and look.selling
    return PipelineFacts(
        at=found.at,
        states=states,
        rate=look.rate if look is not None and selling else 0.0,
        intended=None if look is None else look.intended,
        slots=None if look is None else look.slots,
        settled=None if look is None else look.acked + look.failed,
        ends=found.ends,
        counted=found.counted,
        unreadable=found.unreadable,
        busy=None if flink is None else flink.busy,
        backpressure=None if flink is None else flink.backpressure,
        busiest="" if flink is None else flink.busiest,
        load_at=_at("locust", found),
    )


def state(stage: str, found: PipelineObservation) -> str:
    """Return the state of a stage: that of its services, of the job, or that it is silent."""
    states = [one.state for one in _services(stage, found.services)]
    trouble = next((one for one in states if one not in ("running", "external")), None)
    if trouble is not None:
        return trouble
    if found.answers.get(stage, WELL).silent:
        return SILENT
    if stage == "flink":
        known = (found.job, JOB_RUNS if found.flink is None else found.flink.state)
        return next((one.lower() for one in known if one != JOB_RUNS), "running")
    if stage == "locust" and found.load is not None:
        return load.state(found.load)
    if stage == "locust" and not states:
        return ABSENT
    return "external" if states == ["external"] else "running"


def detail(stage: str, found: PipelineObservation) -> dict[str, Any]:
    """Return what else is worth knowing of a stage."""
    told: dict[str, Any] = {}
    problem = found.answers.get(stage, WELL).problem
    if problem:
        told["problem"] = problem
    restarts = sum(one.restarts for one in _services(stage, found.services))
    if restarts:
        told["service_restarts"] = restarts
    if stage == "locust" and found.load is not None:
        told |= {"users": found.load.users, "intended": found.load.intended}
        told["failed"] = found.load.failed
    if stage == "flink" and found.flink is not None:
        told |= {"job": found.flink.state, "busiest": found.flink.busiest}
    if stage == "serve":
        told["viewers"] = found.viewers
    return told


def _passed(stage: str, found: PipelineObservation) -> int | None:
    """Return how many sales, records or events have left a stage."""
    sent = None if found.load is None else found.load.intended
    return {
        "locust": sent,
        "kafka": found.ends,
        "flink": found.counted,
        "postgres": found.accepted,
        "serve": found.events,
    }[stage]


def _at(stage: str, found: PipelineObservation) -> float:
    """Return when the count of a stage was true: an answer may have come before the look ended."""
    times = {
        "locust": found.load_at,
        "kafka": found.ends_at,
        "flink": found.counted_at,
        "postgres": found.counted_at,
    }
    return times.get(stage) or found.at


def _lag(stage: str, found: PipelineObservation) -> int | None:
    """Return how many wait for a stage: sales without acknowledgement, records not counted."""
    if stage == "kafka" and found.load is not None:
        return max(0, found.load.intended - found.load.acked - found.load.failed)
    return found.in_flight if stage == "flink" else None


def _services(stage: str, services: list[ServiceInfo]) -> list[ServiceInfo]:
    return [one for one in services if one.name.startswith(SERVICES[stage])]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
