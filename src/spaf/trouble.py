"""Why sales do not reach the tables: one cause, in words, with what to do about it.

The supervisor publishes the present cause in the run's state; every command and the page show the
same one. The page has the texts of both languages under the same codes.
What is foreseen, and not yet wrong, is a `DiskOutlook`.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

# Seconds after which a command gives up because of a cause: a short silence is no fault.
CERTAIN_S = 3.0
HOUR_S, DAY_S = 3_600, 86_400
# Time to get more space in an office: a disk that is full sooner is reported. Seconds.
SOON_S = 7 * DAY_S
GIB = 2**30


class TroubleText(NamedTuple):
    """The sentence of a cause, what to do, and the stage that it stops."""

    stage: str
    what: str
    todo: str


MAY_MOVE = "If it has moved, set {setting} to its new address; then `spaf down` and `spaf up`."
COUNT_ANEW = (
    "To count what the topic holds now, name new tables with SPAF_POSTGRES__SCHEMA_NAME (or a new "
    "folder with SPAF_HOME); then `spaf down` and `spaf up`."
)
NO_TODO = "SPAF goes on by itself."

TEXTS: dict[str, TroubleText] = {
    "disk_full": TroubleText(
        "kafka",
        "The disk of {folder} is full: {free} MiB are free, at least {needed} MiB are needed.",
        "Free some space; SPAF goes on by itself then.",
    ),
    "folder_not_writable": TroubleText(
        "kafka",
        "The folder {folder} cannot be written: {problem}.",
        "Make it writable; SPAF goes on by itself then.",
    ),
    "disk_silent": TroubleText(
        "kafka",
        "The disk of {folder} does not answer: the supervisor has waited {seconds} s for a write.",
        "Look at that disk and the kernel's log (`dmesg`); SPAF goes on by itself when it answers.",
    ),
    "process_stopped": TroubleText(
        "",
        "The process of {service} (pid {pid}) is suspended.",
        "Let it go on with `kill -CONT {pid}`.",
    ),
    "service_away": TroubleText(
        "",
        "{service} is {state}: {reason}.",
        "SPAF restarts it; `spaf logs {service}` has its last words.",
    ),
    "supervisor_silent": TroubleText(
        "serve",
        "The supervisor (pid {pid}) has not reported for {seconds} s; what is shown may be old.",
        "If it is suspended, `kill -CONT {pid}`; otherwise `spaf logs spaf`.",
    ),
    "kafka_silent": TroubleText(
        "kafka", "Kafka at {address} does not answer.", f"See `spaf logs kafka`. {MAY_MOVE}"
    ),
    "kafka_error": TroubleText("kafka", "{problem}", "See `spaf logs kafka`."),
    "no_leader": TroubleText(
        "kafka",
        "Partitions {partitions} of topic {topic} have no leader: nothing can be written to them "
        "or read from them.",
        "Start the brokers that hold them.",
    ),
    "topic_gone": TroubleText(
        "kafka", "Topic {topic} has been deleted; the tables keep what was counted.", COUNT_ANEW
    ),
    "other_topic": TroubleText(
        "kafka",
        "The tables hold the sales of topic {counted} (id {counted_id}), but topic {topic} is "
        "another one (id {id}): it was created anew.",
        COUNT_ANEW,
    ),
    "partitions_added": TroubleText(
        "flink",
        "Topic {topic} has new partitions ({partitions}): the job starts again and counts all of "
        "them from the first record.",
        NO_TODO,
    ),
    "records_deleted": TroubleText(
        "kafka",
        "Partition {partition} of topic {topic} begins at offset {begin}, but the job has to read "
        "on from offset {position}: the records between were deleted before they were counted.",
        COUNT_ANEW,
    ),
    "beginning_deleted": TroubleText(
        "kafka",
        "The job has to count topic {topic} from its first record again, but partition {partition} "
        "begins at offset {begin} now, not at {position}: the records before were deleted.",
        COUNT_ANEW,
    ),
    "client_timestamps": TroubleText(
        "kafka",
        "Topic {topic} has message.timestamp.type={value}: its new records carry the clients' time "
        "and not that of their arrival.",
        "Set it to LogAppendTime: kafka-configs.sh --bootstrap-server {address} --alter "
        "--entity-type topics --entity-name {topic} --add-config "
        "message.timestamp.type=LogAppendTime",
    ),
    "topic_compacted": TroubleText(
        "kafka",
        "Topic {topic} has cleanup.policy={value}, no longer {usual}: Kafka refuses sales without "
        "a key, and deletes all but the newest sale of a key.",
        "Set it back: kafka-configs.sh --bootstrap-server {address} --alter --entity-type topics "
        "--entity-name {topic} --add-config cleanup.policy={usual}",
    ),
    "open_transaction": TroubleText(
        "kafka",
        "A transaction that is not complete holds partition {partition} of topic {topic} at offset "
        "{offset}; {records} records wait behind it.",
        "Let its producer commit or abort it; Kafka aborts it after the producer's "
        "transaction.timeout.ms (at most 15 minutes by default). `kafka-transactions.sh "
        "find-hanging` and `abort` end one whose producer is gone.",
    ),
    "postgres_silent": TroubleText(
        "postgres",
        "PostgreSQL at {address} does not answer.",
        f"See `spaf logs postgres`. {MAY_MOVE}",
    ),
    "postgres_error": TroubleText("postgres", "{problem}", "See `spaf logs postgres`."),
    "postgres_lock": TroubleText(
        "postgres",
        "PostgreSQL session {pid} ({session}) holds a lock that the job waits for, "
        "since {time}; its statement is `{query}`.",
        "Let it commit, or end it with {end}.",
    ),
    "postgres_slow": TroubleText(
        "postgres",
        "A statement of the job has been running in PostgreSQL since {time} (pid {pid}, waiting "
        "for {wait}).",
        "See `spaf logs postgres`, and whether its disk is overloaded.",
    ),
    "flink_silent": TroubleText(
        "flink",
        "Flink at {address} does not answer.",
        f"See `spaf logs jobmanager`. {MAY_MOVE}",
    ),
    "flink_error": TroubleText("flink", "{problem}", "See `spaf logs jobmanager`."),
    "job_restarts": TroubleText(
        "flink",
        "The job is RESTARTING because {cause}",
        "It has failed {failures}x since it last counted; `spaf logs taskmanager` has more.",
    ),
    "job_refused": TroubleText("flink", "The job does not start: {problem}", "{todo}"),
    "job_stopped": TroubleText(
        "flink",
        "The job is stopped by `spaf job stop`; new sales wait in topic {topic}.",
        "`spaf job start` lets it go on.",
    ),
    "job_upgrading": TroubleText(
        "flink",
        "The tables that were built anew take the place of the old ones; new sales wait for that.",
        NO_TODO,
    ),
    "other_spaf": TroubleText(
        "flink",
        "Another SPAF ({owner}) counts topic {topic} into the same tables; it was last seen "
        "{seconds} s ago.",
        "End it there with `spaf down`, or name other tables with SPAF_POSTGRES__SCHEMA_NAME.",
    ),
    "foreign_job": TroubleText(
        "flink",
        "Flink at {address} runs the job `{name}` ({id}), which this SPAF has not started and "
        "which counts the same topic.",
        "End it where it was started (`spaf down`), or on Flink's page if that run is gone; or use "
        "another topic.",
    ),
    "checkpoints_fail": TroubleText(
        "flink",
        "The cluster cannot write a checkpoint of the job: {problem}",
        "Correct flink.checkpoints, or execution.checkpointing.dir of the cluster: JobManager and "
        "TaskManagers must be able to write there.",
    ),
    "job_state": TroubleText("flink", "The job is {state}, not RUNNING.", "See `spaf logs spaf`."),
    "recounting": TroubleText(
        "flink",
        "The job counts topic {topic} from its first record again: {records} of {total} records so "
        "far; new sales wait for that.",
        NO_TODO,
    ),
    "not_counted": TroubleText(
        "flink",
        "{records} records wait in topic {topic} (partitions {partitions}), and none of them has "
        "been counted since {time}, although the job is {state}.",
        "See `spaf logs taskmanager`.",
    ),
}


class Trouble(msgspec.Struct, frozen=True):
    """The cause, as it is published.

    Attributes:
        code: of TEXTS.
        stage: the stage of the pipeline at which sales stop.
        parameters: the values in the texts.
        since: when it was first seen, seconds since the epoch.
        lasting: whether it stays until a person does something.

    """

    code: str
    stage: str
    parameters: dict[str, str] = {}
    since: float = 0.0
    lasting: bool = True

    @property
    def what(self) -> str:
        """What is wrong, in English."""
        return TEXTS[self.code].what.format_map(self.parameters)

    @property
    def todo(self) -> str:
        """What to do about it, in English."""
        return TEXTS[self.code].todo.format_map(self.parameters)

    @property
    def line(self) -> str:
        """Both."""
        return f"{self.what} {self.todo}".strip()

    def message(self) -> dict[str, object]:
        """Return what the page is sent; it has the texts of the code in both languages."""
        return {
            "code": self.code,
            "parameters": self.parameters,
            "what": self.what,
            "todo": self.todo,
            "since_ms": round(self.since * 1_000),
        }


class DiskOutlook(msgspec.Struct, frozen=True):
    """When a disk will be full, if what is written to it goes on at the present rate."""

    folder: str
    free: int
    """Bytes."""
    bytes_per_day: int
    full_in_s: float
    measured_s: float
    """How long the rate was measured, seconds."""

    @property
    def soon(self) -> bool:
        """Whether something should be done about it."""
        return self.full_in_s < SOON_S

    @property
    def line(self) -> str:
        """What is foreseen, in English."""
        return (
            f"At the present rate the disk of {self.folder} is full in {_span(self.full_in_s)}: "
            f"{_gib(self.free)} are free, and {_gib(self.bytes_per_day)} are written a day "
            f"(measured over {_span(self.measured_s)})."
        )

    @property
    def todo(self) -> str:
        """What to do about it, in English."""
        return "Free some space, or bound what is kept: kafka.retention and store.keep."

    def message(self) -> dict[str, object]:
        """Return what the page is sent; it has the text in both languages."""
        return {
            "folder": self.folder,
            "free_gib": round(self.free / GIB, 2),
            "gib_per_day": round(self.bytes_per_day / GIB, 2),
            "days": round(self.full_in_s / DAY_S, 1),
            "hours": round(self.full_in_s / HOUR_S, 1),
            "measured_hours": round(self.measured_s / HOUR_S, 1),
            "soon": self.soon,
        }


def _span(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds >= 2 * DAY_S:
        return f"{seconds / DAY_S:,.1f} days"
    if seconds >= 2 * HOUR_S:
        return f"{seconds / HOUR_S:.1f} hours"
    return f"{seconds / 60:.0f} minutes"


def _gib(size: int) -> str:
    return f"{size / GIB:,.1f} GiB" if size >= GIB else f"{size / 2**20:,.0f} MiB"


def trouble(code: str, *, stage: str = "", lasting: bool = True, **parameters: object) -> Trouble:
    """Return a cause; its stage is that of its text unless it is given."""
    values = {name: str(value) for name, value in parameters.items()}
    return Trouble(code, stage or TEXTS[code].stage, values, lasting=lasting)
