"""The table of services: what each waits for, and what its repeated exit means for the run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spaf.stack.service_names import (
    JOBMANAGER,
    KAFKA,
    LOCUST,
    PAGE,
    POSTGRES,
    QUARANTINE,
    SERVE,
    STANDBY,
    TASKMANAGER,
    ZOOKEEPER,
)

# Two steps that are no processes: topic, roles and tables are there; the job runs.
TABLES = "tables"
JOB = "job"


class Restart(StrEnum):
    """What happens when the restarts of a service are exhausted."""

    REQUIRED = "required"
    """The run fails: without the service no sale reaches the tables."""
    OPTIONAL = "optional"
    """The service is restarted less often, for as long as the run lasts."""


@dataclass(frozen=True)
class ServiceSpec:
    """One row of the table."""

    name: str
    # Services that must be ready, and steps that must be done, before this one starts.
    after: tuple[str, ...] = ()
    restart: Restart = Restart.REQUIRED
    # It cannot be ready before these are, and is not asked until then.
    ready_after: tuple[str, ...] = ()


# What the job needs; a bare run has these only. ZooKeeper is one of them with high availability.
CORE = (KAFKA, POSTGRES, ZOOKEEPER, JOBMANAGER, TASKMANAGER)
# What `spaf service` runs, each in a container or on a host of its own; PAGE has all the other rows
# and steps of the table.
ALONE = (*CORE, LOCUST, PAGE)
# The JobManager prepares the job while the TaskManagers still start: its tasks wait for them.
_JOB_AFTER = (TABLES, JOBMANAGER)

SPECS = {
    spec.name: spec
    for spec in (
        *map(ServiceSpec, CORE),
        ServiceSpec(TABLES, after=(KAFKA, POSTGRES)),
        ServiceSpec(JOB, after=_JOB_AFTER),
        # Needed only when the first one is lost; until the job runs, it would delay the start.
        ServiceSpec(STANDBY, after=(JOB,), restart=Restart.OPTIONAL),
        # Locust needs the topic; then it is ready to sell when the job is.
        ServiceSpec(LOCUST, after=_JOB_AFTER),
        # First of all, because it shows the start; ready once it shows what the job has written.
        ServiceSpec(SERVE, restart=Restart.OPTIONAL, ready_after=(JOB,)),
        # It only reads what the job has written: until it runs, the processors are left to it.
        ServiceSpec(QUARANTINE, after=(JOB,), restart=Restart.OPTIONAL),
    )
}


def spec_of(service: str) -> ServiceSpec:
    """Return the row of a service; every TaskManager has the row of the first."""
    return SPECS.get(service) or SPECS[service.rpartition("-")[0]]
