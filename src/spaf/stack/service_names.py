"""Names that several processes of a run know it by: services, logs, and the consumer group."""

from __future__ import annotations

KAFKA = "kafka"
POSTGRES = "postgres"
JOBMANAGER = "jobmanager"
# With high availability: the second JobManager, and the service by which both elect the leader.
STANDBY = "jobmanager-2"
ZOOKEEPER = "zookeeper"
# The first TaskManager; further ones are taskmanager-2, taskmanager-3, ...
TASKMANAGER = "taskmanager"
LOCUST = "locust"
# The live page.
SERVE = "serve"
QUARANTINE = "quarantine"
# What `spaf service page` runs: topic, tables, job, quarantine and the live page.
PAGE = "page"
# No service, but a process with a log: it plans the job and submits it.
SUBMITTER = "job-submit"
# The supervisor; its log is the one of the whole run.
SUPERVISOR = "supervisor"
SUPERVISOR_LOG = "spaf"

# The consumer group of the job. A second job, which counts into new tables, has another one: the
# next number.
GROUP = "spaf-job"
# Argument of the supervisor: services only, for a benchmark or a test that brings its own job.
BARE = "--bare"
# Argument of the supervisor: the run of `spaf service page`.
IN_SERVICE = "--in-service"
# Argument of the supervisor: each JVM writes its class-data archive when it ends.
ARCHIVING = "--archiving"


def is_run_group(group: str) -> bool:
    """Return whether a consumer group is that of a run's job."""
    return group == GROUP or _number(group) > 1


def next_group(group: str) -> str:
    """Return the consumer group of the job that takes the place of the one of a group."""
    return f"{GROUP}-{_number(group) + 1}"


def _number(group: str) -> int:
    number = group.removeprefix(f"{GROUP}-")
    return int(number) if number.isdecimal() else 1
