"""Keeps the job running: submits it, polls it, and submits it again from its last checkpoint."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from spaf import clock
from spaf.errors import JobError, MissingError, SpafError, TopicError
from spaf.job import checkpoint
from spaf.job.flink_client import FINAL_STATES, FlinkClient
from spaf.settings import Settings
from spaf.stack import graph_submission
from spaf.stack.cut_log import CountedPartition, Fences, cut_partition, fences
from spaf.stack.diagnosis import MAX_FAILURES, TopicFacts
from spaf.stack.progress import ProgressRecorder
from spaf.stack.service_names import SUBMITTER
from spaf.stack.state import CountedTopic, JobPhase, JobState, RunFolder
from spaf.stack.submission import JobTarget, Submitting
from spaf.store import queries, retention
from spaf.store.access import Role
from spaf.topic import admin
from spaf.topic.admin import TopicDescription
from spaf.trouble import Trouble, trouble

log = logging.getLogger(__name__)

# The supervisor, which also restarts services, does not wait for the lock of another session.
LOCK_TIMEOUT = "SET lock_timeout = '1s'"
# Between two submissions, seconds: each costs the JobManager a second, or a JVM that plans.
SUBMISSION_PAUSE_S = 2.0
# Flink says so of a job whose JobManager gives up the leadership: the next leader goes on with it.
ENDED_STATES = FINAL_STATES - {"SUSPENDED"}
# A file that could not be read once may be read the next time; after so many failures it cannot.
MAX_RESTORE_FAILURES = 2


class RefusedJobError(JobError):
    """The job is not started: it would not count right until a person does something."""

    def __init__(self, trouble: Trouble) -> None:
        """Keep the cause."""
        super().__init__(trouble.what, todo=trouble.todo)
        self.trouble = trouble


class JobSupervisor:
    """One job on one cluster."""

    def __init__(self, settings: Settings, home: RunFolder, target: JobTarget) -> None:
        """Keep what a submission needs; nothing is started."""
        self._settings = settings
        self._home = home
        self._target = target
        self._flink = FlinkClient(target.flink)
        self._checkpoints = target.checkpoint_folder(settings)
        self._submission: Submitting | None = None
        self._submitted = False
        # Checkpoints that a job could not start from, and whether the present job has run.
        self._unusable: set[Path] = set()
        self._has_run = False
        # When the present job was last seen to run, epoch milliseconds.
        self._ran_ms = 0
        self._next_submission = 0.0
        self._progress = ProgressRecorder(target)
        self._recording = threading.Lock()
        # Whether the present job was cancelled, and the next one must not resume.
        self._cancelled = False
        self._anew = False
        # Submissions in a row that have failed.
        self._abandoned = 0
        self.state = JobState()
        # Why the job is not started, or started again.
        self.trouble: Trouble | None = None
        self.refused = False
        # Offsets up to which the tables were counted before the job started from the log.
        self.recount_to: dict[int, int] = {}
        # Cleanup policy that the topic had when it was counted for the first time.
        self.usual_policy = ""

    def plan(self) -> None:
        """Prepare the job; it is planned if it was not before, and waits for `submit`."""
        resume = self._resume_point()
        log = self._home.logs / f"{SUBMITTER}.log"
        self._submission = graph_submission.begin(self._target, self._settings, resume, log)
        self._submitted = False
        self._has_run = False
        self._ran_ms = 0
        self._cancelled = False
        self.state.state = JobPhase.SUBMITTING
        self.state.id = ""
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
        if self._submission is None or self._submitted or self._cancel_predecessors():
            return
        target = self._target
        seen = self._described_topic()
        target.require_partitions(self._settings)
        if self.state.resumed_from and self._has_new_partitions(seen):
            self._count_anew(seen)
            self._stop_submission()
            self.plan()
            return
        if not self.state.resumed_from:
            if not self._recording.acquire(blocking=False):
                return  # an old position is being recorded; it must not overwrite the start
            try:
                self._start_from_log()
            finally:
                self._recording.release()
        self._keep_counted(seen)
        self._submission.submit()
        self._submitted = True

    def _keep_counted(self, seen: TopicDescription) -> None:
        """Keep which topic is counted into the tables."""
        target, known = self._target, self._counted()
        self.usual_policy = known.cleanup_policy if known is not None else ""
        if not self.usual_policy:
            options = admin.topic_options(target.kafka, target.topic)
            self.usual_policy = options.get("cleanup.policy", "")
        counted = CountedTopic(target.topic, seen.id, seen.partitions, self.usual_policy)
        if counted != known:
            self._home.write_counted_topic(target.tables, counted)

    def _start_from_log(self) -> None:
        """Set group and tables to the beginning of the topic."""
        target = self._target
        start = target.begin_offsets()
        kept = self._kept_rows(start)
        if kept is not None:
            retention.raise_fences(target.access, summary=kept.summary, ledger=kept.ledger)
            log.warning(
                "the topic no longer holds the first records; rows before %s stay as they were "
                "counted",
                kept.summary,
            )
        with target.access.session(Role.SINK) as connection:
            connection.execute(LOCK_TIMEOUT)
            known = queries.counted_offsets(connection)
            target.set_start(start)
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
            self._flink.cancel(self.state.id)
            self._refuse(trouble("topic_gone", topic=self._target.topic))
        elif _is_another(counted, seen.id):
            self._flink.cancel(self.state.id)
            self._refuse(self._other_topic(counted, seen.id))
        elif set(seen.partitions) - set(counted.partitions):
            self._flink.cancel(self.state.id)
            self._cancelled = True
            self._count_anew(seen)

    def poll(self) -> None:
        """Update the state of the job; plan it anew if it has ended or is lost.

        Raises:
            JobError: Flink refused the job; the same submission would be refused again.

        """
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
        with self._recording, contextlib.suppress(TopicError):
            self._progress.record(self.state.id)

    def stop(self) -> None:
        """Stop the submitter; cancel the job on a cluster that outlives the run."""
        self._stop_submission()
        if self._target.checkpoints is None and self.state.id:
            with contextlib.suppress(JobError):
                self._flink.cancel(self.state.id)

    def _cancel_predecessors(self) -> bool:
        """Cancel jobs that a killed supervisor has left on the cluster; return whether it did.

        Two jobs must never write the same tables.
        """
        jobs = self._flink.jobs(self._target.name)
        for job in jobs:
            self._flink.cancel(job)
        return bool(jobs)

    def _stop_submission(self) -> None:
        if self._submission is not None:
            self._submission.stop()
            self._submission = None

    def _resume_point(self) -> Path | None:
        """Return the checkpoint to start from, after old ones are deleted."""
        if self._target.checkpoints is None or self._checkpoints is None:
            return None
        if self._anew:
            shutil.rmtree(self._checkpoints, ignore_errors=True)
            self._anew = False
        checkpoint.prune(self._target.checkpoints)
        checkpoint.prune(self._checkpoints)
        return self._newest_checkpoint(self._checkpoints, self._unusable)

    def _newest_checkpoint(self, folder: Path, unusable: set[Path]) -> Path | None:
        max_age_s = checkpoint.max_resume_age_s(self._settings.job)
        return checkpoint.newest_complete(folder, clock.now_us() / 1e6, unusable, max_age_s)

    def _counted(self) -> CountedTopic | None:
        return self._home.counted_topics().get(self._target.tables)

    def _refuse(self, why: Trouble) -> None:
        self.trouble, self.refused = why, True
        self.state.state, self.state.id = JobPhase.REFUSED, ""

    def _other_topic(self, counted: CountedTopic, topic_id: str) -> Trouble:
        return trouble(
            "other_topic",
            counted=counted.topic,
            counted_id=counted.id or "-",
            topic=self._target.topic,
            id=topic_id or "-",
        )

    def _described_topic(self) -> TopicDescription:
        """Return the topic; refuse one whose sales do not belong into the tables.

        Raises:
            RefusedJobError: the topic is gone, or the tables hold the sales of another one.
            TopicError: the broker does not answer.

        """
        target, counted = self._target, self._counted()
        try:
            seen = admin.describe(target.kafka, target.topic)
        except MissingError:
            raise RefusedJobError(trouble("topic_gone", topic=target.topic)) from None
        if counted is not None and (counted.topic != target.topic or _is_another(counted, seen.id)):
            raise RefusedJobError(self._other_topic(counted, seen.id))
        return seen

    def _has_new_partitions(self, seen: TopicDescription) -> bool:
        counted = self._counted()
        return counted is not None and counted.partitions != seen.partitions

    def _count_anew(self, seen: TopicDescription | TopicFacts) -> None:
        """Let the next job start from the log: a second of traffic needs all of its partitions."""
        counted = self._counted()
        known = () if counted is None else counted.partitions
        added = ", ".join(str(part) for part in seen.partitions if part not in known)
        self._anew = True
        self.trouble = trouble(
            "partitions_added", lasting=False, topic=self._target.topic, partitions=added
        )
        log.warning(self.trouble.line)

    def _kept_rows(self, begin: Mapping[int, int]) -> Fences | None:
        """Return the rows that stay as they are in a count from a log whose beginning is gone.

        None if the log is whole.

        Raises:
            RefusedJobError: rows would get smaller values.
            StoreError: PostgreSQL does not answer.
            TopicError: Kafka does not answer.

        """
        target = self._target
        with target.access.session(Role.READ) as connection:
            counted_from = queries.start_offsets(connection)
            part = cut_partition(begin, counted_from)
            if part is None:
                return None
            ends = admin.end_offsets(target.kafka, target.topic)
            done = queries.done_offsets(connection)
            parts = {
                one: CountedPartition(
                    begin=at,
                    end=ends.get(one, at),
                    start=counted_from.get(one, at),
                    done=done.get(one, at),
                    seconds=retention.cut_seconds(connection, one, at, done.get(one, at)),
                )
                for one, at in begin.items()
            }
        kept = fences(parts, self._settings)
        if kept is None:
            raise RefusedJobError(
                trouble(
                    "beginning_deleted",
                    topic=target.topic,
                    partition=part,
                    begin=begin[part],
                    position=counted_from[part],
                )
            )
        return kept

    def _recheck(self) -> None:
        """Plan a refused job once what it was refused for has changed."""
        if clock.monotonic() < self._next_submission:
            return
        self._next_submission = clock.monotonic() + SUBMISSION_PAUSE_S
        target = self._target
        try:
            self._described_topic()
            self._kept_rows(target.begin_offsets())
        except RefusedJobError as error:
            self.trouble = error.trouble
        except SpafError:
            pass  # the server that does not answer is its own trouble
        else:
            self.refused, self.trouble = False, None
            self.plan()

    def _exclude_checkpoint(self) -> None:
        """Do not start again from a checkpoint from which no task has come to run."""
        if self.state.resumed_from and not self._has_run:
            self._unusable.add(Path(self.state.resumed_from))

    def _poll_submission(self, submission: Submitting) -> None:
        job_id = submission.job_id()
        if job_id is not None:
            self._submission = None
            self.state.id = job_id
            self.state.state = JobPhase.SUBMITTED

    def _poll_cluster(self) -> None:
        try:
            status = self._flink.status(self.state.id)
        except JobError:
            return  # the JobManager is restarted by the supervisor
        if status is None:
            self.state.state = JobPhase.LOST
        elif status.state == JobPhase.RUNNING and not status.running:
            self.state.state = JobPhase.STARTING
        else:
            self.state.state = JobPhase(status.state)
        if self.state.state is JobPhase.RUNNING:
            self._has_run = True
            self._ran_ms = clock.now_ms()
            self._abandoned = 0
            self.trouble = None
        elif self.state.state is JobPhase.FAILED:
            self._exclude_checkpoint()
        elif self.state.state is JobPhase.RESTARTING and (
            self._state_is_too_old() or self._state_is_damaged()
        ):
            self._flink.cancel(self.state.id)

    def _state_is_too_old(self) -> bool:
        """Return whether the job could only resume from state that has been cleared in part.

        See `spaf.job.build.STATE_SLACK_S`. Once cancelled, the job starts anew from the log.
        """
        folder = self._checkpoints
        return (
            folder is not None
            and any(folder.glob("*/chk-*"))
            and self._newest_checkpoint(folder, set()) is None
        )

    def _state_is_damaged(self) -> bool:
        """Return whether tasks cannot read their state: Flink would try the same one for ever.

        The checkpoint is not used again; the next job starts from an older one, or from the log.
        """
        try:
            failures = [one for one in self._flink.failures(self.state.id) if one.restoring]
        except JobError:
            return False  # the JobManager is restarted by the supervisor
        if sum(one.at_ms > self._ran_ms for one in failures) < MAX_RESTORE_FAILURES:
            return False
        if self._has_run and self._checkpoints is not None:
            newest = self._newest_checkpoint(self._checkpoints, self._unusable)
            self._unusable |= set() if newest is None else {newest}
        self._exclude_checkpoint()
        log.warning("the state of the last checkpoint cannot be read: %s", failures[0].cause)
        return True


def _is_another(counted: CountedTopic, topic_id: str) -> bool:
    """Return whether a topic of the same name is another one; some brokers give no ids."""
    return bool(counted.id and topic_id and counted.id != topic_id)
