"""Names the one cause for which sales do not reach the tables, from what the probes know.

The rules are in the order of certainty: what the operating system says of disk and processes comes
first, then what each server says of itself along the way of a sale, and last that records wait
although everything seems to be well. The first rule that holds is the cause; what stands still
behind it is only its effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from spaf.job.flink_client import JobFailure
from spaf.stack.service_names import (
    JOBMANAGER,
    KAFKA,
    LOCUST,
    POSTGRES,
    SERVE,
    TASKMANAGER,
    ZOOKEEPER,
)
from spaf.stack.service_specs import Restart, spec_of
from spaf.stack.state import JobPhase, ServiceState, ServiceStatus
from spaf.store.queries import WaitingStatement
from spaf.topic.admin import TOPIC_OPTIONS
from spaf.trouble import Trouble, trouble

# A server that has not answered for this long is silent. Seconds.
SILENT_S = 2.0
# If records wait for this long and none was counted, the job is stuck. Seconds.
STUCK_S = 4.0
# A statement of the job takes milliseconds. Seconds.
SLOW_S = 4.0
# Shorter waits for a lock are ordinary. Seconds.
LOCKED_S = 1.5
# Progress is noticed at the next poll, when what had made it may have ended already. Seconds.
PROGRESS_DELAY_S = 2.0
# A job that failed is watched for this long after it runs again, if no record shows it. Seconds.
FAILED_S = 15.0
# After this many failures in a row the job does not recover by restarts.
MAX_FAILURES = 3
MAX_QUERY_CHARS = 120
# How Kafka's client says that the log does not hold an offset.
OUT_OF_RANGE = re.compile(
    r"OffsetOutOfRange.*\boffset=(?P<position>\d+)\b.*for partition \S+-(?P<part>\d+)"
)
# What Flink says of a job whose TaskManager has ended: no cause, only that it ended.
LOST_TASK_MANAGER = ("TaskExecutor", "TaskManager")

STAGES = {
    LOCUST: "locust",
    KAFKA: "kafka",
    JOBMANAGER: "flink",
    ZOOKEEPER: "flink",
    TASKMANAGER: "flink",
    POSTGRES: "postgres",
    SERVE: "serve",
}


@dataclass(frozen=True)
class Answer:
    """How a server has answered: its error, and for how long it has not answered at all."""

    problem: str = ""
    silent_s: float = 0.0


@dataclass(frozen=True)
class TopicFacts:
    """The topic, as the broker describes it."""

    gone: bool = False
    id: str = ""
    partitions: tuple[int, ...] = ()
    leaderless: tuple[int, ...] = ()
    begins: Mapping[int, int] = field(default_factory=dict)
    ends: Mapping[int, int] = field(default_factory=dict)
    # Ends of what a reader of committed records may read.
    stable_ends: Mapping[int, int] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableFacts:
    """Up to where each partition is counted, and the statements that take long.

    `done` is the offset that a checkpoint has passed, `counted` the newest one in the ledger; both
    are None if a table is locked.
    """

    done: Mapping[int, int] | None = None
    counted: Mapping[int, int] | None = None
    waiting: Sequence[WaitingStatement] = ()


@dataclass(frozen=True)
class JobFacts:
    """The job, as Flink knows it."""

    state: str = ""
    running: bool = False
    failures: Sequence[JobFailure] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that is known at one moment; None is unknown."""

    # Seconds since the epoch.
    now: float
    topic_name: str
    addresses: Mapping[str, str]
    services: Sequence[ServiceState] = ()
    # Services that are suspended, by name.
    suspended: Mapping[str, int] = field(default_factory=dict)
    starting: bool = False
    disk: Trouble | None = None
    job_phase: JobPhase = JobPhase.WAITING
    # Why the job supervisor does not start the job, or starts it again.
    job_trouble: Trouble | None = None
    kafka: Answer = Answer()
    postgres: Answer = Answer()
    flink: Answer = Answer()
    topic: TopicFacts | None = None
    tables: TableFacts | None = None
    job: JobFacts | None = None
    # When a record was last counted, seconds since the epoch.
    progress_at: float = 0.0
    # Partitions with waiting records of which none has been counted since.
    waiting_since: Mapping[int, float] = field(default_factory=dict)
    # Cleanup policy with which the topic was counted; "" is unknown.
    usual_policy: str = ""
    # Offsets up to which the tables were counted before, by a job that now starts from the log.
    recount_to: Mapping[int, int] = field(default_factory=dict)
    # Records that are counted late on purpose: the job buffers rows for this long, seconds.
    write_interval_s: float = 0.0
    # Whether Flink's decoder can read none of the waiting records.
    unreadable: bool = False

    @property
    def lag(self) -> dict[int, int]:
        """Records that wait to be counted, by partition."""
        if self.topic is None or self.tables is None or self.tables.counted is None:
            return {}
        counted = self.tables.counted
        waiting = {
            part: end - max(counted.get(part, 0), self.topic.begins.get(part, 0))
            for part, end in self.topic.ends.items()
        }
        return {part: records for part, records in waiting.items() if records > 0}

    @property
    def stuck_s(self) -> float:
        """How long the records of some partition have waited without any being counted."""
        return self.now - min(self.waiting_since.values(), default=self.now)


def diagnose(facts: Facts) -> Trouble | None:
    """Return the cause, or None if sales reach the tables as far as is known."""
    return next((cause for rule in RULES if (cause := rule(facts)) is not None), None)


def disk(facts: Facts) -> Trouble | None:
    """Return that the disk is full, or a folder cannot be written."""
    return facts.disk


def suspended(facts: Facts) -> Trouble | None:
    """Return that a process is suspended: it accepts connections and never answers."""
    for service in facts.services:
        if service.name in facts.suspended:
            name, pid = service.name, facts.suspended[service.name]
            return trouble("process_stopped", stage=stage_of(name), service=name, pid=pid)
    return None


def away(facts: Facts) -> Trouble | None:
    """Return that a service has ended; while the run starts, that is the start's own matter."""
    if facts.starting:
        return None
    for service in facts.services:
        optional = spec_of(service.name).restart is Restart.OPTIONAL
        healthy = (ServiceStatus.RUNNING, ServiceStatus.EXTERNAL)
        if service.state is ServiceStatus.RESTARTING and _is_replaced(service, facts):
            continue
        if service.state is ServiceStatus.FAILED or (service.state not in healthy and not optional):
            return trouble(
                "service_away",
                stage=stage_of(service.name),
                lasting=service.state is ServiceStatus.FAILED,
                service=service.name,
                state=service.state,
                reason=service.reason or "it has not answered yet",
            )
    return None


def _is_replaced(service: ServiceState, facts: Facts) -> bool:
    """Return whether the job goes on without a service: another JobManager leads, or will.

    Without ZooKeeper it goes on for as long as a session lasts; a restart takes less.
    """
    if service.name == ZOOKEEPER:
        return True
    others = (info for info in facts.services if info.name.startswith(JOBMANAGER))
    return service.name.startswith(JOBMANAGER) and any(
        other.state is ServiceStatus.RUNNING and other.name not in facts.suspended
        for other in others
    )


def job_held(facts: Facts) -> Trouble | None:
    """Return why the supervisor does not start the job, or starts it again."""
    return facts.job_trouble


def kafka_answers(facts: Facts) -> Trouble | None:
    """Return that the broker does not answer, or answers with an error."""
    return _answers("kafka", KAFKA, "SPAF_KAFKA__BOOTSTRAP_SERVERS", facts.kafka, facts)


def topic_is_whole(facts: Facts) -> Trouble | None:
    """Return that the topic is gone or cannot be read, or has options that make counts wrong."""
    topic, name = facts.topic, facts.topic_name
    if topic is None:
        return None
    if topic.gone:
        return trouble("topic_gone", topic=name)
    if topic.leaderless:
        numbers = ", ".join(map(str, topic.leaderless))
        return trouble("no_leader", topic=name, partitions=numbers)
    kind = topic.options.get("message.timestamp.type", "")
    address = facts.addresses[KAFKA]
    if kind and kind != TOPIC_OPTIONS["message.timestamp.type"]:
        return trouble("client_timestamps", topic=name, address=address, value=kind)
    policy = topic.options.get("cleanup.policy", "")
    usual = facts.usual_policy
    if "compact" in policy and usual not in ("", policy):
        return trouble("topic_compacted", topic=name, address=address, value=policy, usual=usual)
    return None


def postgres_answers(facts: Facts) -> Trouble | None:
    """Return that PostgreSQL does not answer, or answers with an error."""
    return _answers("postgres", POSTGRES, "SPAF_POSTGRES__DSN", facts.postgres, facts)


def statements_pass(facts: Facts) -> Trouble | None:
    """Return which session blocks the job's statements, or that one takes too long."""
    for waiting in () if facts.tables is None else facts.tables.waiting:
        seconds = facts.now - waiting.since.timestamp()
        if waiting.blocker is not None and seconds >= LOCKED_S:
            return _lock(waiting, facts)
        if waiting.blocker is None and seconds >= SLOW_S:
            return trouble(
                "postgres_slow",
                pid=waiting.pid,
                time=clock_time(waiting.since),
                wait=waiting.wait or "the processor",
            )
    return None


def flink_answers(facts: Facts) -> Trouble | None:
    """Return that Flink does not answer, or answers with an error."""
    return _answers("flink", JOBMANAGER, "SPAF_FLINK__REST_URL", facts.flink, facts)


def records_are_there(facts: Facts) -> Trouble | None:
    """Return that records were deleted before the job had counted them."""
    for failure in _new_failures(facts):
        match = OUT_OF_RANGE.search(failure.cause)
        begins = {} if facts.topic is None else facts.topic.begins
        if match is not None and int(match["position"]) < begins.get(int(match["part"]), 0):
            return trouble(
                "records_deleted",
                topic=facts.topic_name,
                partition=match["part"],
                begin=begins[int(match["part"])],
                position=match["position"],
            )
    return None


def job_runs(facts: Facts) -> Trouble | None:
    """Return why the job fails again and again, or that it does not run."""
    job = facts.job
    if job is None:
        away = facts.job_phase not in (JobPhase.WAITING, JobPhase.RUNNING) and not facts.starting
        return trouble("job_state", lasting=False, state=facts.job_phase) if away else None
    since = _new_failures(facts)
    newest = max((failure.at_ms / 1_000 for failure in since), default=0.0)
    stuck = facts.stuck_s >= _max_pause_s(facts)
    if since and (not job.running or stuck or facts.now - newest < FAILED_S):
        return trouble(
            "job_restarts",
            lasting=len(since) >= MAX_FAILURES,
            cause=_cause(since[0].cause, facts),
            failures=len(since),
        )
    if not job.running and not facts.starting:
        return trouble("job_state", lasting=False, state=job.state or JobPhase.SUBMITTING)
    return None


def recounts(facts: Facts) -> Trouble | None:
    """Return that the job counts the topic from its beginning again; new records wait for that."""
    if not facts.lag or facts.tables is None or facts.tables.done is None:
        return None
    done = facts.tables.done
    if all(done.get(part, 0) >= to for part, to in facts.recount_to.items()):
        return None
    return trouble(
        "recounting",
        lasting=False,
        topic=facts.topic_name,
        records=sum(done.values()),
        total=sum(facts.recount_to.values()),
    )


def records_pass(facts: Facts) -> Trouble | None:
    """Return that records wait, although nothing else is wrong."""
    if facts.topic is None or facts.tables is None or facts.stuck_s < _max_pause_s(facts):
        return None
    if facts.job is None or not facts.job.running:
        return None  # `job_runs` says why, except while the run starts
    for part, end in facts.topic.stable_ends.items():
        behind = facts.topic.ends.get(part, end) - end
        counted = (facts.tables.counted or {}).get(part, 0)
        if behind > 0 and counted >= end:
            return trouble(
                "open_transaction",
                topic=facts.topic_name,
                partition=part,
                offset=end,
                records=behind,
            )
    if facts.unreadable:
        return None
    since = min(facts.waiting_since.values())
    stuck = [part for part, at in facts.waiting_since.items() if facts.now - at >= STUCK_S]
    return trouble(
        "not_counted",
        topic=facts.topic_name,
        partitions=", ".join(map(str, sorted(stuck))),
        records=sum(facts.lag.get(part, 0) for part in stuck),
        time=clock_time(datetime.fromtimestamp(since, UTC)),
        state=facts.job.state,
    )


Rule = Callable[[Facts], Trouble | None]
RULES: tuple[Rule, ...] = (
    disk,
    suspended,
    away,
    job_held,
    kafka_answers,
    topic_is_whole,
    postgres_answers,
    statements_pass,
    flink_answers,
    records_are_there,
    job_runs,
    recounts,
    records_pass,
)


def seems_stuck(facts: Facts) -> bool:
    """Return whether it must be found out why records wait; the probes then ask for more."""
    return facts.stuck_s >= _max_pause_s(facts) / 2


def stage_of(service: str) -> str:
    """Return the stage of the pipeline to which a service belongs; "" for none."""
    return next((stage for name, stage in STAGES.items() if service.startswith(name)), "")


def clock_time(moment: datetime) -> str:
    """Return a moment as a person reads it."""
    return moment.astimezone(UTC).strftime("%H:%M:%S UTC")


def _new_failures(facts: Facts) -> list[JobFailure]:
    """Return the failures of the job since it last made progress."""
    failures = () if facts.job is None else facts.job.failures
    return [failure for failure in failures if failure.at_ms / 1_000 > facts.progress_at]


def _max_pause_s(facts: Facts) -> float:
    return max(STUCK_S, 2 * facts.write_interval_s)


def _answers(name: str, service: str, setting: str, answer: Answer, facts: Facts) -> Trouble | None:
    # While a service starts or is restarted, `away` says so.
    if answer.problem:
        return trouble(f"{name}_error", problem=answer.problem)
    if answer.silent_s >= SILENT_S:
        return trouble(f"{name}_silent", address=facts.addresses[service], setting=setting)
    return None


def _lock(waiting: WaitingStatement, facts: Facts) -> Trouble:
    query = " ".join(waiting.query.split())
    own = any(service.name == POSTGRES and service.pid for service in facts.services)
    end = (
        f"`kill {waiting.blocker}`" if own else f"`SELECT pg_terminate_backend({waiting.blocker})`"
    )
    if not waiting.blocker:
        end = "`COMMIT PREPARED` / `ROLLBACK PREPARED`"
    return trouble(
        "postgres_lock",
        pid=waiting.blocker,
        session=", ".join(filter(None, (waiting.user, waiting.application))) or "-",
        time=clock_time(waiting.blocking_since),
        query=query if len(query) <= MAX_QUERY_CHARS else f"{query[:MAX_QUERY_CHARS]} ...",
        end=end,
    )


def _cause(cause: str, facts: Facts) -> str:
    """Return the cause of a failure; of a lost TaskManager that for which its process ended.

    Why it ended the time before says nothing: its process may be about to end.
    """
    if any(word in cause for word in LOST_TASK_MANAGER):
        since = facts.progress_at - PROGRESS_DELAY_S
        managers = (service for service in facts.services if service.name.startswith(TASKMANAGER))
        ended = (manager for manager in managers if manager.reason and manager.ended >= since)
        cause = next((f"{service.name} {service.reason}" for service in ended), cause)
    return f"{cause.rstrip('. ')}."
