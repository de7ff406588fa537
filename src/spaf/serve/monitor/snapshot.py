"""One observation of the pipeline: what is known at a moment of each stage that a sale passes."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from spaf.generate.locust.protocol import LoadStatus
from spaf.serve.monitor import load
from spaf.serve.monitor.flink import FlinkMetrics
from spaf.serve.run_info import ServiceInfo
from spaf.trouble import DiskOutlook, Trouble

STAGES = ("locust", "kafka", "flink", "postgres", "serve")
# A service on the same machine answers in milliseconds.
SILENT_S = 1.2
SILENT = "silent"
# A run without a Locust of SPAF: another program may sell.
ABSENT = "absent"
# The services of a stage, by prefix of their names.
SERVICES = {
    "locust": ("locust",),
    "kafka": ("kafka",),
    "flink": ("jobmanager", "taskmanager", "zookeeper"),
    "postgres": ("postgres",),
    "serve": ("serve",),
}
# Flink's name for the state of a healthy job.
JOB_RUNS = "RUNNING"


class ProbeHealth(NamedTuple):
    """How the probe of a stage was answered: the error, and how long it has been waiting."""

    problem: str | None = None
    silent_s: float = 0.0

    @property
    def silent(self) -> bool:
        """Whether the stage does not answer."""
        return self.problem is not None or self.silent_s >= SILENT_S


HEALTHY = ProbeHealth()


class StageDelay(NamedTuple):
    """p50 and p99 of the time in a stage, milliseconds."""

    p50: float
    p99: float


class PipelineSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The stages at one moment; None is unknown. Counts only grow; times are monotonic seconds.

    Attributes:
        at: when the snapshot was complete.
        services: of the run, as the supervisor knows them.
        job: state of the job, as the supervisor knows it.
        trouble: why sales do not reach the tables, as the supervisor knows it.
        disk: when a disk will be full, if that is foreseen.
        page_load: what Locust's page sells.
        headless: what `spaf load` sells, if it does.
        flink: state and load of the job, as Flink knows them.
        ends: sum of the end offsets of the topic's partitions.
        counted: sum of the offsets up to which the ledger is complete.
        accounts: the `accounts` message.
        events: number of events that this page has sent.
        viewers: number of clients that are connected to this page.
        unreadable: whether Flink's decoder can read none of the records at the head of its lag.
        delays: by stage.
        health: of the probe of each stage.
        load_at: when the load answered; None is `at`.
        ends_at: when Kafka answered.
        counted_at: when PostgreSQL answered.

    """

    at: float
    services: list[ServiceInfo] = []
    job: str = JOB_RUNS
    trouble: Trouble | None = None
    disk: DiskOutlook | None = None
    page_load: LoadStatus | None = None
    headless: LoadStatus | None = None
    flink: FlinkMetrics | None = None
    ends: int | None = None
    counted: int | None = None
    accounts: dict[str, Any] | None = None
    events: int = 0
    viewers: int = 0
    unreadable: bool = False
    delays: dict[str, StageDelay] = {}
    health: dict[str, ProbeHealth] = {}
    load_at: float | None = None
    ends_at: float | None = None
    counted_at: float | None = None

    @property
    def load(self) -> LoadStatus | None:
        """All sales of SPAF together: of Locust's page and of `spaf load`."""
        return load.together(self.page_load, self.headless)

    @property
    def rate(self) -> float:
        """Sales a second that the load is to sell; 0 while it sells nothing."""
        return self.load.rate if self.load is not None and self.load.selling else 0.0

    @property
    def settled(self) -> int | None:
        """Sales of the load that were acknowledged or have failed."""
        return None if self.load is None else self.load.acked + self.load.failed

    @property
    def due(self) -> int | None:
        """How far the load is in its schedule; an episode may skip slots or sell several in one."""
        if self.load is None or self.load.slots is None:
            return None if self.load is None else self.load.intended
        return self.load.slots

    def services_of(self, stage: str) -> list[ServiceInfo]:
        """Return the services of a stage."""
        return [service for service in self.services if service.name.startswith(SERVICES[stage])]

    def state(self, stage: str) -> str:
        """Return the state of a stage: of its services, of the job, or that it is silent."""
        states = [service.state for service in self.services_of(stage)]
        trouble = next((state for state in states if state not in ("running", "external")), None)
        if trouble is not None:
            return trouble
        if self.health.get(stage, HEALTHY).silent:
            return SILENT
        if stage == "flink":
            known = (self.job, JOB_RUNS if self.flink is None else self.flink.state)
            return next((state.lower() for state in known if state != JOB_RUNS), "running")
        if stage == "locust" and self.load is not None:
            return load.state(self.load)
        if stage == "locust" and not states:
            return ABSENT
        return "external" if states == ["external"] else "running"

    def passed(self, stage: str) -> int | None:
        """Return how many sales, records or events have left a stage."""
        accepted = None if self.accounts is None or self.counted is None else self.accounts
        return {
            "locust": None if self.load is None else self.load.intended,
            "kafka": self.ends,
            "flink": self.counted,
            "postgres": None if accepted is None else accepted["accepted"],
            "serve": self.events,
        }[stage]

    def passed_at(self, stage: str) -> float:
        """Return when the count of a stage was true: its probe may have answered before `at`."""
        times = {
            "locust": self.load_at,
            "kafka": self.ends_at,
            "flink": self.counted_at,
            "postgres": self.counted_at,
        }
        return times.get(stage) or self.at

    def lag(self, stage: str) -> int | None:
        """Return how many wait for a stage: sales not acknowledged, records not counted."""
        if stage == "kafka" and self.load is not None:
            return max(0, self.load.intended - self.load.acked - self.load.failed)
        return self.accounts["in_flight"] if stage == "flink" and self.accounts else None

    def detail(self, stage: str) -> dict[str, Any]:
        """Return what else is known of a stage."""
        detail: dict[str, Any] = {}
        problem = self.health.get(stage, HEALTHY).problem
        if problem:
            detail["problem"] = problem
        restarts = sum(service.restarts for service in self.services_of(stage))
        if restarts:
            detail["service_restarts"] = restarts
        if stage == "locust" and self.load is not None:
            detail |= {"users": self.load.users, "intended": self.load.intended}
            detail["failed"] = self.load.failed
            if self.headless is not None:
                detail["headless"] = self.headless.rate
        if stage == "flink" and self.flink is not None:
            detail |= {"job": self.flink.state, "busiest": self.flink.busiest}
        if stage == "serve":
            detail["viewers"] = self.viewers
        return detail
