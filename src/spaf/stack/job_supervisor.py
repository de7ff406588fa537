"""Keeps the job running: submits it, watches it, and submits it again where it left off."""

from __future__ import annotations

import contextlib
from pathlib import Path

from spaf import clock
from spaf.errors import JobError, TopicError
from spaf.job import checkpoint
from spaf.job.flink_client import FINAL_STATES, FlinkClient
from spaf.settings import Settings
from spaf.stack.state import JobState, RunFolder
from spaf.stack.submission import SUBMITTER, JobTarget, Submission
from spaf.store import queries
from spaf.store.access import Role

# A job that is submitted again and again at once would only heat the machine, seconds.
PAUSE_BETWEEN_SUBMISSIONS_S = 2.0
LOST = "lost"


class JobSupervisor:
    """One job on one cluster."""

    def __init__(self, settings: Settings, home: RunFolder, place: JobTarget) -> None:
        """Keep what a submission needs; nothing is started."""
        self._settings = settings
        self._home = home
        self._place = place
        self._rest = FlinkClient(place.flink)
        self._checkpoints = place.checkpoint_folder(settings)
        self._submission: Submission | None = None
        self._go_said = False
        # Checkpoints that a job could not start from, and whether the present job has started.
        self._unusable: set[Path] = set()
        self._has_run = False
        self._next_submission = 0.0
        self._done: dict[int, int] = {}
        self.state = JobState()

    def begin(self) -> None:
        """Start the process that plans the job; it waits for `allow` before it hands it over."""
        resume = self._resume_point()
        log = self._home.logs / f"{SUBMITTER}.log"
        self._submission = Submission(self._place.request(self._settings, resume), log)
        self._go_said = False
        self._has_run = False
        self.state.state = "submitting"
        self.state.id = ""
        self.state.submissions += 1
        self.state.resumed_from = "" if resume is None else str(resume)

    def allow(self) -> None:
        """Let the planned job go: topic, tables and cluster are there.

        Raises:
            JobError: the topic has fewer partitions than the job has parallel tasks.
            TopicError: the start could not be written down.
            StoreError: PostgreSQL does not answer.

        """
        if self._submission is None or self._go_said or self._predecessors():
            return
        self._place.require_partitions(self._settings)
        start = self._place.begin_offsets()
        if not self.state.resumed_from:
            self._place.set_start(start)
            with self._place.access.session(Role.SINK) as connection:
                queries.record_position(connection, start, start)
                queries.forget_detections(connection, start)
        self._submission.go()
        self._go_said = True

    def look(self) -> None:
        """Take the submitter's answer, refresh the job's state, begin anew where it is gone.

        Raises:
            JobError: the job was refused; doing the same again would not help.

        """
        if self._submission is not None:
            self._take_answer(self._submission)
        elif self.state.id:
            self._refresh()
        gone = self.state.state == LOST or self.state.state in FINAL_STATES
        if gone and clock.monotonic() > self._next_submission:
            self._next_submission = clock.monotonic() + PAUSE_BETWEEN_SUBMISSIONS_S
            self.begin()

    def give_up(self) -> None:
        """Drop an attempt that has failed; the next one starts from another checkpoint."""
        if self._submission is not None:
            self._submission.end()
            self._submission = None
        self._distrust_checkpoint()
        self._next_submission = clock.monotonic() + PAUSE_BETWEEN_SUBMISSIONS_S
        self.state.state = LOST

    def record_progress(self) -> None:
        """Write down how far the job has come for certain, if that has changed."""
        with contextlib.suppress(TopicError):
            self._done = self._place.record_progress(self._done)

    def end(self) -> None:
        """Stop the submitter; cancel the job where the cluster lives on without us."""
        if self._submission is not None:
            self._submission.end()
            self._submission = None
        if self._place.checkpoints is None and self.state.id:
            with contextlib.suppress(JobError):
                self._rest.cancel(self.state.id)

    def _predecessors(self) -> bool:
        """Cancel what a killed supervisor has left running on a cluster; say if there was any.

        Two jobs must never write the same tables.
        """
        left = self._rest.jobs(self._place.name)
        for job in left:
            self._rest.cancel(job)
        return bool(left)

    def _resume_point(self) -> Path | None:
        if self._place.checkpoints is None or self._checkpoints is None:
            return None
        checkpoint.prune(self._place.checkpoints)
        checkpoint.prune(self._checkpoints)
        oldest_s = checkpoint.oldest_resume_s(self._settings.job)
        now_s = clock.now_us() / 1e6
        return checkpoint.newest_complete(self._checkpoints, now_s, self._unusable, oldest_s)

    def _distrust_checkpoint(self) -> None:
        if self.state.resumed_from and not self._has_run:
            self._unusable.add(Path(self.state.resumed_from))

    def _take_answer(self, submission: Submission) -> None:
        found = submission.job_id()
        if found is not None:
            self._submission = None
            self.state.id = found
            self.state.state = "submitted"

    def _refresh(self) -> None:
        try:
            status = self._rest.status(self.state.id)
        except JobError:
            return  # the JobManager is away; its supervisor brings it back
        if status is None:
            self.state.state = LOST
        elif status.state == "RUNNING" and not status.running:
            self.state.state = "starting"
        else:
            self.state.state = status.state
        if self.state.state == "RUNNING":
            self._has_run = True
        elif self.state.state == "FAILED":
            self._distrust_checkpoint()
        if self.state.state == "RESTARTING" and self._state_is_too_old():
            self._rest.cancel(self.state.id)

    def _state_is_too_old(self) -> bool:
        """Say whether the job could only go on with state that is given up in part.

        See `spaf.job.build.STATE_SLACK_S`; canceled, it begins anew from the log.
        """
        folder = self._checkpoints
        oldest_s = checkpoint.oldest_resume_s(self._settings.job)
        now_s = clock.now_us() / 1e6
        return (
            folder is not None
            and any(folder.glob("*/chk-*"))
            and checkpoint.newest_complete(folder, now_s, oldest_s=oldest_s) is None
        )
