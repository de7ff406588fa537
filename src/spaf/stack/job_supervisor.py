"""Keeps the job running: submits it, polls it, and submits it again from its last checkpoint."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from spaf import clock
from spaf.errors import JobError, MissingError, SpafError, StoreError, TopicError
from spaf.job import checkpoint
from spaf.job.flink_client import FINAL_STATES, FlinkClient
from spaf.settings import Settings
from spaf.stack import graph_submission
from spaf.stack.cut_log import kept_rows
from spaf.stack.diagnosis import MAX_FAILURES, TopicFacts
from spaf.stack.job_changes import JobChanges
from spaf.stack.progress import ProgressRecorder
from spaf.stack.recorded_job import RecordedJob
from spaf.stack.refusal import RefusedJobError
from spaf.stack.service_names import SUBMITTER
from spaf.stack.state import CountedTopic, JobPhase, JobState, RunFolder
from spaf.stack.submission import JobTarget, Submitting
from spaf.store import job_record, queries, rebuild, retention
from spaf.store.access import Role
from spaf.store.job_record import JobRecord
from spaf.topic import admin
from spaf.topic.admin import TopicDescription
from spaf.trouble import Trouble, trouble

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

# The supervisor, which also restarts services, does not wait for the lock of another session.
LOCK_TIMEOUT = "SET lock_timeout = '1s'"
# Between two submissions, seconds: each costs the JobManager a second, or a JVM that plans.
SUBMISSION_PAUSE_S = 2.0
# Flink says so of a job whose JobManager gives up the leadership: the next leader goes on with it.
ENDED_STATES = FINAL_STATES - {"SUSPENDED"}
# It does so within seconds of its election. After this a leader that still calls it suspended knows
# nothing of the job but its past: ZooKeeper has lost what it kept of it. Seconds.
MAX_SUSPENDED_S = 30.0
# A file that could not be read once may be read the next time; after so many failures it cannot.
MAX_RESTORE_FAILURES = 2
# A cluster that does not find or read the checkpoint of a submission says so.
UNREADABLE_STATE = ("checkpoint", "savepoint")


class JobSupervisor:
    """One job on one cluster."""

    def __init__(self, settings: Settings, home: RunFolder, target: JobTarget) -> None:
        """Keep what a submission needs; nothing is started."""
        self.settings = settings
        self._home = home
        self.target = target
        self.flink = FlinkClient(target.flink)
        self._checkpoints = target.checkpoint_folder(settings)
        self._recorded = RecordedJob(settings, target, self.flink)
        self._submission: Submitting | None = None
        self._submitted = False
        # What is known of a job on another cluster is in the tables, which may not be there yet.
        self._awaits_tables = False
        # Checkpoints that a job could not start from, and whether the present job has run.
        self._unusable: set[Path | str] = set()
        self._has_run = False
        # When the present job was last seen to run, epoch milliseconds.
        self._ran_ms = 0
        # Since when a leader has called the present job suspended, monotonic; None: it does not.
        self._suspended_at: float | None = None
        self._next_submission = 0.0
        self._progress = ProgressRecorder(target)
        self.recording = threading.Lock()
        # Whether the present job was cancelled, and the next one must not resume.
        self._cancelled = False
        self._anew = False
        # Submissions in a row that have failed.
        self._abandoned = 0
        self.state = JobState(group=target.group)
        # Why the job is not started, or started again.
        self.trouble: Trouble | None = None
        self.refused = False
        # Offsets up to which the tables were counted before the job started from the log.
        self.recount_to: dict[int, int] = {}
        # Cleanup policy that the topic had when it was counted for the first time.
        self.usual_policy = ""
        # What a person wants of the job.
        self._changes = JobChanges(self, home)

    def plan(self) -> None:
        """Prepare the job; it is planned if it was not before, and waits for `submit`."""
        if self.state.state is JobPhase.STOPPED:
            return
        self._submitted = False
        self._has_run = False
        self._ran_ms = 0
        self._cancelled = False
        self.state.state = JobPhase.SUBMITTING
        self.state.id = self.state.resumed_from = self.state.note = ""
        self._awaits_tables = self.target.checkpoints is None
        if not self._awaits_tables:
            self._prepare(self._resume_point())

    def _prepare(self, resume: Path | str | None) -> None:
        """Begin the submission of a job that starts from a checkpoint, or from the log."""
        self.target = replace(self.target, claim=self._recorded.new_claim())
        log_file = self._home.logs / f"{SUBMITTER}.log"
        self._submission = graph_submission.begin(self.target, self.settings, resume, log_file)
        self.state.submissions += 1
        self.state.resumed_from = "" if resume is None else str(resume)

    def submit(self) -> None:
        """Let the submitter hand the job over, once; topic, tables and cluster must be there.

        Raises:
            JobError: the job would not count right, or the topic has fewer partitions than the job
                has parallel tasks.
            TopicError: the start offsets could not be committed.
            StoreError: PostgreSQL does not answer.

        """
        if self._awaits_tables:
            self._plan_on_cluster()
        if self._submission is None or self._submitted or self._cancel_predecessors():
            return
        if self.target.checkpoints is not None:
            self._clear_rebuild()
        target = self.target
        seen = self._described_topic()
        target.require_partitions(self.settings)
        if self.state.resumed_from and self._has_new_partitions(seen):
            self._count_anew(seen)
            self._stop_submission()
            self.plan()
            return
        if not self.recording.acquire(blocking=False):
            return  # an old position is being recorded; it must not overwrite the start
        try:
            claimed = self._claim(seen)
        finally:
            self.recording.release()
        if not claimed:
            self._stop_submission()
            self.plan()
            return
        self._keep_counted(seen)
        self._submission.submit()
        self._submitted = True

    def _keep_counted(self, seen: TopicDescription) -> None:
        """Keep which topic is counted into the tables."""
        target, known = self.target, self._counted()
        self.usual_policy = known.cleanup_policy if known is not None else ""
        if not self.usual_policy:
            options = admin.topic_options(target.kafka, target.topic)
            self.usual_policy = options.get("cleanup.policy", "")
        counted = CountedTopic(
            target.topic, seen.id, seen.partitions, self.usual_policy, target.group
        )
        if counted != known:
            self._home.write_counted_topic(target.tables, counted)

    def _plan_on_cluster(self) -> None:
        """Plan the job for a cluster of the user's own, or find the one that runs there.

        Raises:
            RefusedJobError: another SPAF has the tables, or the cluster runs a job of another one.
            StoreError: PostgreSQL does not answer.
            JobError: Flink does not answer, or is of another version.

        """
        if self._clear_rebuild():
            return
        self._recorded.require_free()
        record, seen = self._recorded.read(), self._described_topic()
        self._changes_group(record)
        if record.topic_id and seen.id not in ("", record.topic_id):
            counted = CountedTopic(self.target.topic, record.topic_id, ())
            raise RefusedJobError(self._other_topic(counted, seen.id))
        running = self._recorded.ours(record)
        digest = self.target.state_digest(self.settings)
        if len(running) == 1 and record.plan == digest and not self._anew:
            self._adopt(record, running[0], seen)
            return
        for job in running:
            self.flink.cancel(job)
        if running:
            return
        self._awaits_tables = False
        if self._anew:
            self._anew = False
            self._prepare(None)
            return
        resume, self.state.note = self._recorded.resume_point(record, digest, self._unusable)
        if self.state.note:
            log.warning("the job counts from the first record: %s", self.state.note)
        self._prepare(resume)

    def _clear_rebuild(self) -> bool:
        """Remove what an upgrade has left that a killed supervisor had begun.

        Returns True while its job still runs: without its tables it would find those that are read.

        Raises:
            StoreError: PostgreSQL does not answer.
            JobError: Flink does not answer.

        """
        access = self.target.access
        if self._changes.companion is not None or not rebuild.exists(access):
            return False
        if self.target.checkpoints is None:
            left = replace(self.target, access=rebuild.built(access), moves_to=access.schema)
            recorded = RecordedJob(self.settings, left, self.flink)
            with contextlib.suppress(StoreError):
                jobs = recorded.ours(recorded.read())
                for job in jobs:
                    self.flink.cancel(job)
                if jobs:
                    return True
        rebuild.drop(access)
        return False

    def _adopt(self, record: JobRecord, job_id: str, seen: TopicDescription) -> None:
        """Go on with the job that runs for these tables; its supervisor was killed.

        Raises:
            StoreError: PostgreSQL does not answer.

        """
        if self._has_new_partitions(seen):
            self._count_anew(seen)
            return
        self.target = replace(self.target, claim=record.claim)
        with self.target.access.session(Role.SINK) as connection:
            self._recorded.claim(connection, self.target, seen.id, resumes=True)
        self._keep_counted(seen)
        log.info("the job %s still runs on the cluster", job_id)
        self._awaits_tables, self._submitted = False, True
        self.state.id, self.state.state = job_id, JobPhase.SUBMITTED

    def _claim(self, seen: TopicDescription) -> bool:
        """Record the job in the tables; without a checkpoint, set them and the group to the start.

        Returns False if the tables belong to a job of another group: it has to be planned for that.
        """
        target, resumes = self.target, bool(self.state.resumed_from)
        if target.checkpoints is not None:
            self._recorded.require_free()
        start = {} if resumes else target.begin_offsets()
        if not resumes:
            self._keep_cut_rows(start)
        with target.access.session(Role.SINK) as connection:
            connection.execute(LOCK_TIMEOUT)
            record = job_record.read(connection)
            if self._changes_group(record):
                return False
            if not resumes:
                self._start_from_log(connection, start)
                if record.plan != target.state_digest(self.settings):
                    # Another job may count less in a row, and a row with less replaces none.
                    queries.delete_counts(connection)
            self._recorded.claim(connection, target, seen.id, resumes=resumes)
        return True

    def _changes_group(self, record: JobRecord) -> bool:
        """Take the consumer group of the tables' job, and return whether it is another one.

        An upgrade has replaced the tables, and the run folder does not know of it.
        """
        group = record.group
        if not record.plan or group == self.target.group:
            return False
        folder = self._home.checkpoints / group if self.target.checkpoints is not None else None
        target = replace(self.target, group=group, checkpoints=folder)
        self.change_settings(self.settings, target)
        return True

    def _keep_cut_rows(self, start: Mapping[int, int]) -> None:
        """Let the rows stay as they are that a log without its first records would make smaller.

        Raises:
            RefusedJobError: rows would get smaller values.
            StoreError: PostgreSQL does not answer.
            TopicError: Kafka does not answer.

        """
        kept = kept_rows(self.target, self.settings, start)
        if kept is not None:
            retention.raise_fences(self.target.access, summary=kept.summary, ledger=kept.ledger)
            log.warning(
                "the topic no longer holds the first records; rows before %s stay as they were "
                "counted",
                kept.summary,
            )

    def _start_from_log(self, connection: psycopg.Connection, start: dict[int, int]) -> None:
        """Set group and tables to the beginning of the topic."""
        known = queries.counted_offsets(connection)
        self.target.set_start(start)
        queries.upsert_position(connection, start, start)
        queries.delete_detections(connection, start)
        self.recount_to = {part: counted for part, (_, counted) in known.items()}

    def check_topic(self, seen: TopicFacts | None) -> None:
        """Cancel a job whose topic is not the one that it was started with.

        Flink would read on at its offsets in a topic that was created anew, and never read the
        partitions that were added.

        Raises:
            JobError: Flink does not answer.

        """
        counted = self._counted()
        if seen is None or counted is None or not self.state.id or self._cancelled:
            return
        if seen.gone:
            self.flink.cancel(self.state.id)
            self._refuse(trouble("topic_gone", topic=self.target.topic))
        elif _is_another(counted, seen.id):
            self.flink.cancel(self.state.id)
            self._refuse(self._other_topic(counted, seen.id))
        elif set(seen.partitions) - set(counted.partitions):
            self.flink.cancel(self.state.id)
            self._cancelled = True
            self._count_anew(seen)

    def poll(self) -> None:
        """Update the state of the job; plan it anew if it has ended or is lost.

        Raises:
            JobError: Flink refused the job; the same submission would be refused again.

        """
        if self._changes.poll() or self.state.state is JobPhase.STOPPED:
            return
        if self.refused:
            self._recheck()
            return
        if self._submission is not None:
            self._poll_submission(self._submission)
        elif self.state.id:
            self._poll_cluster()
        ended = self.state.state is JobPhase.LOST or self.state.state in ENDED_STATES
        if ended and clock.monotonic() > self._next_submission:
            self._next_submission = clock.monotonic() + SUBMISSION_PAUSE_S
            self.plan()

    def abandon(self, error: SpafError) -> None:
        """Stop a submission that has failed; the next one starts from another checkpoint."""
        self._stop_submission()
        self._next_submission = clock.monotonic() + SUBMISSION_PAUSE_S
        if isinstance(error, RefusedJobError):
            self._refuse(error.trouble)
            return
        self._abandoned += 1
        lasting = self._abandoned >= MAX_FAILURES
        self.trouble = trouble("job_refused", lasting=lasting, problem=error.what, todo=error.todo)
        self._exclude_checkpoint()
        self.state.state = JobPhase.LOST

    def record_progress(self) -> None:
        """Record in the tables up to which offsets the job has passed its checkpoints.

        It waits for a lock on that table as long as another session holds it: call it in a thread.

        Raises:
            StoreError: PostgreSQL does not answer.

        """
        with self.recording:
            if self._changes.closing:
                return
            with contextlib.suppress(TopicError):
                self._progress.record(self.state.id)
            with contextlib.suppress(JobError):
                self._recorded.keep(self.target.claim, self.state.id)

    def stop(self) -> None:
        """Stop the submitter; cancel the job on a cluster that outlives the run."""
        self._stop_submission()
        self._changes.abandon()
        if not self.state.id:
            return
        self._recorded.release(self.target.claim, self.state.id)
        if self.target.checkpoints is None:
            with contextlib.suppress(JobError):
                self.flink.cancel(self.state.id)

    def hold(self) -> None:
        """Let the job be stopped until a person starts it."""
        self._stop_submission()
        self._awaits_tables = self.refused = False
        self.state.state, self.state.id = JobPhase.STOPPED, ""
        self.trouble = trouble("job_stopped", topic=self.target.topic)

    def go_on(self) -> None:
        """Start the job that was held, or that has ended."""
        self.state.state, self.trouble = JobPhase.WAITING, None
        self.plan()

    def runs_beside(self, claim: str) -> None:
        """Know the claim of another job of this run; "" for none."""
        self._recorded.companion = claim

    def settle(self) -> None:
        """Record the newest checkpoint of the job, which has ended."""
        with contextlib.suppress(SpafError):
            self._recorded.settle(self.target.claim, self.state.id)

    @property
    def upgrading(self) -> bool:
        """Whether a second job counts into new tables."""
        return self._changes.companion is not None

    @property
    def handing_over(self) -> bool:
        """Whether a job is being handed over, whose id is not known yet."""
        return self._submission is not None and self._submitted

    def savepoint_folder(self) -> str | None:
        """Return where savepoints go: beside the checkpoints; None: where the cluster wants."""
        if self._checkpoints is not None:
            return self.target.uri(self._checkpoints / checkpoint.SAVEPOINTS)
        newest = self._recorded.newest
        beside = newest.path.rsplit("/", 2)[0] if newest.stored else None
        folder = self.settings.flink.checkpoints or beside
        return None if folder is None else f"{folder}/{checkpoint.SAVEPOINTS}"

    def take_over(self, job_id: str, chosen: Settings, target: JobTarget) -> None:
        """Go on with a job of other settings, whose tables have taken their place."""
        with self.recording:
            self.change_settings(chosen, target)
            self.state.id, self.state.state = job_id, JobPhase.SUBMITTED
        self._submitted, self._has_run, self.trouble = True, True, None
        counted = self._counted()
        if counted is not None:
            counted = msgspec.structs.replace(counted, group=target.group)
            self._home.write_counted_topic(target.tables, counted)

    def change_settings(self, chosen: Settings, target: JobTarget) -> None:
        """Let the next poll be one of a job with other settings."""
        self.settings, self.target = chosen, target
        self._checkpoints = target.checkpoint_folder(chosen)
        self._recorded = RecordedJob(chosen, target, self.flink)
        self._progress = ProgressRecorder(target)
        self._unusable = set()
        self.state.group, self.state.note, self.state.resumed_from = target.group, "", ""

    def _cancel_predecessors(self) -> bool:
        """Cancel jobs that a killed supervisor has left on the cluster; return whether it did.

        Two jobs must never write the same tables. On another cluster `_plan_on_cluster` does it.
        """
        if self.target.checkpoints is None:
            return False
        upgrade = self._changes.companion
        beside = "" if upgrade is None else upgrade.job_id
        jobs = [job for job in self.flink.jobs(self.target.name) if job != beside]
        for job in jobs:
            self.flink.cancel(job)
        return bool(jobs)

    def _stop_submission(self) -> None:
        if self._submission is not None:
            self._submission.stop()
            self._submission = None

    def _resume_point(self) -> Path | None:
        """Return the checkpoint to start from, after old ones are deleted."""
        if self.target.checkpoints is None or self._checkpoints is None:
            return None
        if self._anew:
            shutil.rmtree(self._checkpoints, ignore_errors=True)
            self._anew = False
        checkpoint.prune(self.target.checkpoints)
        checkpoint.prune(self._checkpoints)
        return self._newest_checkpoint(self._checkpoints, self._unusable)

    def _newest_checkpoint(self, folder: Path, unusable: set[Path | str]) -> Path | None:
        max_age_s = checkpoint.max_resume_age_s(self.settings.job)
        return checkpoint.newest_complete(folder, clock.now_us() / 1e6, unusable, max_age_s)

    def _newest_of_job(self) -> Path | str | None:
        """Return the newest checkpoint of the present job."""
        if self._checkpoints is None:
            return self._recorded.newest.path or None
        return self._newest_checkpoint(self._checkpoints, self._unusable)

    def _counted(self) -> CountedTopic | None:
        return self._home.counted_topics().get(self.target.tables)

    def _refuse(self, why: Trouble) -> None:
        self.trouble, self.refused = why, True
        self.state.state, self.state.id = JobPhase.REFUSED, ""

    def _other_topic(self, counted: CountedTopic, topic_id: str) -> Trouble:
        return trouble(
            "other_topic",
            counted=counted.topic,
            counted_id=counted.id or "-",
            topic=self.target.topic,
            id=topic_id or "-",
        )

    def _described_topic(self) -> TopicDescription:
        """Return the topic; refuse one whose sales do not belong into the tables.

        Raises:
            RefusedJobError: the topic is gone, or the tables hold the sales of another one.
            TopicError: the broker does not answer.

        """
        target, counted = self.target, self._counted()
        try:
            seen = admin.describe(target.kafka, target.topic)
        except MissingError:
            raise RefusedJobError(trouble("topic_gone", topic=target.topic)) from None
        if counted is not None and (counted.topic != target.topic or _is_another(counted, seen.id)):
            raise RefusedJobError(self._other_topic(counted, seen.id))
        return seen

    def _has_new_partitions(self, seen: TopicDescription) -> bool:
        """Return whether the topic has partitions that the state knows nothing of.

        Raises:
            StoreError: PostgreSQL does not answer.

        """
        counted = self._counted()
        if counted is not None:
            return counted.partitions != seen.partitions
        # Another machine has counted them.
        with self.target.access.session(Role.READ) as connection:
            return set(queries.start_offsets(connection)) != set(seen.partitions)

    def _count_anew(self, seen: TopicDescription | TopicFacts) -> None:
        """Let the next job start from the log: a second of traffic needs all of its partitions."""
        counted = self._counted()
        known = () if counted is None else counted.partitions
        added = ", ".join(str(part) for part in seen.partitions if part not in known)
        self._anew = True
        self.trouble = trouble(
            "partitions_added", lasting=False, topic=self.target.topic, partitions=added
        )
        log.warning(self.trouble.line)

    def _recheck(self) -> None:
        """Plan a refused job once what it was refused for has changed."""
        if clock.monotonic() < self._next_submission:
            return
        self._next_submission = clock.monotonic() + SUBMISSION_PAUSE_S
        target = self.target
        try:
            self._described_topic()
            self._recorded.require_free()
            kept_rows(target, self.settings, target.begin_offsets())
        except RefusedJobError as error:
            self.trouble = error.trouble
        except SpafError:
            pass  # the server that does not answer is its own trouble
        else:
            self.refused, self.trouble = False, None
            self.plan()

    def _exclude_checkpoint(self) -> None:
        """Do not start again from a checkpoint from which no task has come to run."""
        resumed = self.state.resumed_from
        if resumed and not self._has_run:
            self._unusable.add(resumed if self.target.checkpoints is None else Path(resumed))

    def _poll_submission(self, submission: Submitting) -> None:
        """Find out whether the job is handed over.

        Raises:
            JobError: Flink refused it; not if that is because of its checkpoint on another cluster.

        """
        try:
            job_id = submission.job_id()
        except JobError as error:
            unreadable = any(word in error.what for word in UNREADABLE_STATE)
            if self.target.checkpoints or not self.state.resumed_from or not unreadable:
                raise
            log.warning("the job does not start from %s: %s", self.state.resumed_from, error.what)
            self._exclude_checkpoint()
            self._submission, self.state.state = None, JobPhase.LOST
            return
        if job_id is not None:
            self._submission = None
            self.state.id = job_id
            self.state.state = JobPhase.SUBMITTED

    def _poll_cluster(self) -> None:
        if self._recorded.successor:
            record = trouble(
                "other_spaf", owner=self._recorded.successor, topic=self.target.topic, seconds=0
            )
            self._recorded.successor = ""
            self._refuse(record)
            return
        try:
            status = self.flink.status(self.state.id)
        except JobError:
            return  # the JobManager is restarted by the supervisor
        if status is None:
            self.state.state = JobPhase.LOST
        elif status.state == JobPhase.RUNNING and not status.running:
            self.state.state = JobPhase.STARTING
        else:
            self.state.state = JobPhase(status.state)
        self._give_up_suspended()
        if self.state.state is JobPhase.RUNNING:
            self._has_run = True
            self._ran_ms = clock.now_ms()
            self._abandoned = 0
            self.trouble = self._failing_checkpoints()
        elif self.state.state is JobPhase.FAILED:
            self._exclude_checkpoint()
        elif self.state.state is JobPhase.RESTARTING and (
            self._state_is_too_old() or self._state_is_damaged()
        ):
            self.flink.cancel(self.state.id)

    def _give_up_suspended(self) -> None:
        """Take a job for lost that no leader goes on with."""
        if self.state.state is not JobPhase.SUSPENDED:
            self._suspended_at = None
            return
        now = clock.monotonic()
        self._suspended_at = self._suspended_at or now
        if now - self._suspended_at > MAX_SUSPENDED_S:
            log.warning("the job is suspended for %.0f s: it is lost", MAX_SUSPENDED_S)
            self.state.state = JobPhase.LOST

    def _failing_checkpoints(self) -> Trouble | None:
        """Return that another cluster cannot write checkpoints; the job fails after some."""
        newest = self._recorded.newest
        self.state.checkpoint = newest.path if newest.stored else ""
        if not newest.failure:
            return None
        return trouble("checkpoints_fail", problem=newest.failure)

    def _state_is_too_old(self) -> bool:
        """Return whether the job could only resume from state that has been cleared in part.

        See `spaf.job.build.STATE_SLACK_S`. Once cancelled, the job starts anew from the log.
        """
        folder = self._checkpoints
        if folder is None:
            taken_ms = self._recorded.newest.triggered_ms
            max_age_s = checkpoint.max_resume_age_s(self.settings.job)
            return bool(taken_ms) and clock.now_ms() - taken_ms > max_age_s * 1_000
        return any(folder.glob("*/chk-*")) and self._newest_checkpoint(folder, set()) is None

    def _state_is_damaged(self) -> bool:
        """Return whether tasks cannot read their state: Flink would try the same one for ever.

        The checkpoint is not used again; the next job starts from an older one, or from the log.
        """
        try:
            failures = [one for one in self.flink.failures(self.state.id) if one.restoring]
        except JobError:
            return False  # the JobManager is restarted by the supervisor
        if sum(one.at_ms > self._ran_ms for one in failures) < MAX_RESTORE_FAILURES:
            return False
        if self._has_run:
            newest = self._newest_of_job()
            self._unusable |= set() if newest is None else {newest}
        self._exclude_checkpoint()
        log.warning("the state of the last checkpoint cannot be read: %s", failures[0].cause)
        return True


def _is_another(counted: CountedTopic, topic_id: str) -> bool:
    """Return whether a topic of the same name is another one; some brokers give no ids."""
    return bool(counted.id and topic_id and counted.id != topic_id)
