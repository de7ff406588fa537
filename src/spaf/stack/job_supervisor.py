"""Keeps the job running: submits it, polls it, and submits it again from its last checkpoint."""

from __future__ import annotations

import contextlib
from pathlib import Path

from spaf import clock
from spaf.errors import JobError, TopicError
from spaf.job import checkpoint
from spaf.job.flink_client import FINAL_STATES, FlinkClient
from spaf.settings import Settings
from spaf.stack.progress import ProgressRecorder
from spaf.stack.service_names import SUBMITTER
from spaf.stack.state import JobPhase, JobState, RunFolder
from spaf.stack.submission import JobTarget, Submission
from spaf.store import queries
from spaf.store.access import Role

# Between two submissions, seconds: each of them plans and starts a JVM.
SUBMISSION_PAUSE_S = 2.0


class JobSupervisor:
    """One job on one cluster."""

    def __init__(self, settings: Settings, home: RunFolder, target: JobTarget) -> None:
        """Keep what a submission needs; nothing is started."""
        self._settings = settings
        self._home = home
        self._target = target
        self._flink = FlinkClient(target.flink)
        self._checkpoints = target.checkpoint_folder(settings)
        self._submission: Submission | None = None
        self._submitted = False
        # Checkpoints that a job could not start from, and whether the present job has run.
        self._unusable: set[Path] = set()
        self._has_run = False
        self._next_submission = 0.0
        self._progress = ProgressRecorder(target)
        self.state = JobState()

    def plan(self) -> None:
        """Start the process that plans the job; it waits for `submit` before it hands it over."""
        resume = self._resume_point()
        log = self._home.logs / f"{SUBMITTER}.log"
        self._submission = Submission(self._target.request(self._settings, resume), log)
        self._submitted = False
        self._has_run = False
        self.state.state = JobPhase.SUBMITTING
        self.state.id = ""
        self.state.submissions += 1
        self.state.resumed_from = "" if resume is None else str(resume)

    def submit(self) -> None:
        """Let the submitter hand the job over, once; topic, tables and cluster must be there.

        Raises:
            JobError: the topic has fewer partitions than the job has parallel tasks.
            TopicError: the start offsets could not be committed.
            StoreError: PostgreSQL does not answer.

        """
        if self._submission is None or self._submitted or self._cancel_predecessors():
            return
        self._target.require_partitions(self._settings)
        if not self.state.resumed_from:
            start = self._target.begin_offsets()
            self._target.set_start(start)
            with self._target.access.session(Role.SINK) as connection:
                queries.upsert_position(connection, start, start)
                queries.delete_detections(connection, start)
        self._submission.submit()
        self._submitted = True

    def poll(self) -> None:
        """Update the state of the job; plan it anew if it has ended or is lost.

        Raises:
            JobError: Flink refused the job; the same submission would be refused again.

        """
        if self._submission is not None:
            self._poll_submission(self._submission)
        elif self.state.id:
            self._poll_cluster()
        ended = self.state.state is JobPhase.LOST or self.state.state in FINAL_STATES
        if ended and clock.monotonic() > self._next_submission:
            self._next_submission = clock.monotonic() + SUBMISSION_PAUSE_S
            self.plan()

    def abandon(self) -> None:
        """Stop a submission that has failed; the next one starts from another checkpoint."""
        self._stop_submission()
        self._exclude_checkpoint()
        self._next_submission = clock.monotonic() + SUBMISSION_PAUSE_S
        self.state.state = JobPhase.LOST

    def record_progress(self) -> None:
        """Record in the tables up to which offsets the job has passed its checkpoints.

        Raises:
            StoreError: PostgreSQL does not answer.

        """
        with contextlib.suppress(TopicError):
            self._progress.record()

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
        checkpoint.prune(self._target.checkpoints)
        checkpoint.prune(self._checkpoints)
        return self._newest_checkpoint(self._checkpoints, self._unusable)

    def _newest_checkpoint(self, folder: Path, unusable: set[Path]) -> Path | None:
        max_age_s = checkpoint.max_resume_age_s(self._settings.job)
        return checkpoint.newest_complete(folder, clock.now_us() / 1e6, unusable, max_age_s)

    def _exclude_checkpoint(self) -> None:
        """Do not start again from a checkpoint from which no task has come to run."""
        if self.state.resumed_from and not self._has_run:
            self._unusable.add(Path(self.state.resumed_from))

    def _poll_submission(self, submission: Submission) -> None:
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
        elif self.state.state is JobPhase.FAILED:
            self._exclude_checkpoint()
        elif self.state.state is JobPhase.RESTARTING and self._state_is_too_old():
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
