"""The job as its tables know it: who runs it, and from where it resumes on a user's own cluster.

The supervisor of another machine, with the same tables, finds what the one before has recorded.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Collection
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from spaf import clock
from spaf.errors import JobError, StoreError
from spaf.job import checkpoint
from spaf.job.flink_client import FlinkClient, StoredCheckpoint, is_stored
from spaf.stack.refusal import RefusedJobError
from spaf.store import job_record
from spaf.store.access import Role
from spaf.store.job_record import JobClaim, JobRecord
from spaf.trouble import Trouble, trouble

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from spaf.settings import Settings
    from spaf.stack.submission import JobTarget

log = logging.getLogger(__name__)

# A run that was not seen for this long has ended without saying so. Seconds.
OWNER_SILENT_S = 20.0
# Between two records of a run that it is still there, seconds.
KEEP_INTERVAL_S = 5.0
CLAIM_BYTES = 4
# Why a job counts from the first record although it has been counted before.
IN_MEMORY = (
    "the cluster keeps its checkpoints in the memory of its JobManager (flink.checkpoints names a "
    "folder for them)"
)


class ResumePoint(NamedTuple):
    """From where a job starts on a cluster of the user's own."""

    path: str | None
    """URI of a checkpoint or savepoint; None: from the first record."""
    reason: str = ""
    """Why not from a checkpoint; "" if nothing was counted before."""


class RecordedJob:
    """Reads and keeps the record of one job."""

    def __init__(self, settings: Settings, target: JobTarget, flink: FlinkClient) -> None:
        """Keep where the tables and the cluster are; nothing is asked yet."""
        self._settings, self._flink = settings, flink
        self._access, self._topic = target.access, target.topic
        self._prefix = f"spaf {target.topic} to "
        self._name_with, self._home = target.name_with, target.home
        self._own_cluster = target.checkpoints is not None
        # Nobody else can reach tables and cluster that this run has started itself.
        self._shared = not self._own_cluster or settings.postgres.elsewhere
        self._kept = ""
        self._next_keep = 0.0
        self.newest = StoredCheckpoint()
        # The run that has taken the job over.
        self.successor = ""
        # Claim of a job of this run that counts into other tables beside this one.
        self.companion = ""

    def new_claim(self) -> str:
        """Return what tells the next job from every other one of its name."""
        return secrets.token_hex(CLAIM_BYTES)

    def read(self) -> JobRecord:
        """Return the record.

        Raises:
            StoreError: PostgreSQL does not answer.

        """
        with self._access.session(Role.READ) as connection:
            return job_record.read(connection)

    def require_free(self) -> None:
        """Check that nobody else counts the topic, into the tables or on the cluster.

        Raises:
            RefusedJobError: another run has the tables, or the cluster runs a foreign job.
            StoreError: PostgreSQL does not answer.
            JobError: Flink does not answer, or is of another version.

        """
        if not self._shared:
            return
        record = self.read()
        age_s = record.owner_age_s
        if not self._is_ours(record) and age_s is not None and age_s < OWNER_SILENT_S:
            raise RefusedJobError(_another_run(record, self._topic))
        if not self._own_cluster:
            self._require_version()
            self._refuse_foreign(record)

    def ours(self, record: JobRecord) -> list[str]:
        """Return the ids of the jobs on the cluster that were handed over for these tables.

        Raises:
            JobError: Flink does not answer.

        """
        mine = {self._name_with(record.claim)} if record.claim else set()
        running = self._flink.running_jobs().items()
        return [job for job, name in running if job == record.job_id or name in mine]

    def resume_point(
        self, record: JobRecord, state: str, unusable: Collection[Path | str]
    ) -> ResumePoint:
        """Return from where a job with this state can start.

        Args:
            record: of the tables.
            state: what its state depends on, `JobTarget.state_digest`.
            unusable: checkpoints from which a job could not start.

        """
        if not record.plan:
            return ResumePoint(None)
        reason = self._misfit(record, state, unusable)
        return ResumePoint(None, reason) if reason else ResumePoint(record.checkpoint)

    def _misfit(self, record: JobRecord, state: str, unusable: Collection[Path | str]) -> str:
        """Return why a job with this state cannot start from the checkpoint; "" if it can."""
        path = record.checkpoint
        age_s = clock.now_ms() / 1e3 - record.checkpoint_ms / 1e3
        max_age_s = checkpoint.max_resume_age_s(self._settings.job)
        if not path:
            return "no checkpoint of it was complete"
        if not is_stored(path):
            return IN_MEMORY
        if record.plan != state:
            return "the job has changed since its newest checkpoint"
        if path in unusable:
            return f"it could not start from {path}"
        if age_s > max_age_s:
            old, fits = round(age_s / 60), round(max_age_s / 60)
            return f"its checkpoint is {old} min old, and only {fits} fit"
        return ""

    def claim(
        self, connection: psycopg.Connection, target: JobTarget, topic_id: str, *, resumes: bool
    ) -> None:
        """Record that this run is about to hand the job over."""
        state = target.state_digest(self._settings)
        job = JobClaim(self._home.owner(), target.claim, state, target.group, topic_id)
        job_record.claim(connection, job, resumes=resumes)
        self._kept = ""

    def keep(self, claim: str, job_id: str) -> None:
        """Record the newest checkpoint, and now and then that this run is still there.

        Raises:
            StoreError: PostgreSQL does not answer.
            JobError: Flink does not answer.

        """
        if not self._shared:
            return
        newest = StoredCheckpoint() if self._own_cluster else self._flink.stored_checkpoint(job_id)
        self.newest = newest
        now = clock.monotonic()
        if newest.path == self._kept and now < self._next_keep:
            return
        self._next_keep = now + KEEP_INTERVAL_S
        job = self._record(claim)._replace(
            job_id=job_id, checkpoint=newest.path, checkpoint_ms=newest.triggered_ms
        )
        with self._access.session(Role.SINK) as connection:
            if job_record.keep(connection, job):
                self._kept = newest.path
                return
            record = job_record.read(connection)
        if not self._is_ours(record):
            self.successor = _shown(record.owner)

    def settle(self, claim: str, job_id: str) -> None:
        """Record the newest checkpoint of a job that has ended, at once.

        Raises:
            StoreError: PostgreSQL does not answer.
            JobError: Flink does not answer.

        """
        self._next_keep = 0.0
        self.keep(claim, job_id)

    def release(self, claim: str, job_id: str) -> None:
        """Record what is known at the end of the run; another run may go on at once."""
        if not self._shared:
            return
        with contextlib.suppress(StoreError, JobError):
            self.settle(claim, job_id)
        with contextlib.suppress(StoreError), self._access.session(Role.SINK) as connection:
            job_record.release(connection, self._record(claim))

    def _record(self, claim: str) -> JobRecord:
        """Return the record of this run."""
        return JobRecord("", self._home.owner(), claim=claim)

    def _is_ours(self, record: JobRecord) -> bool:
        return record.owner.partition(" ")[0] in ("", self._home.owner().partition(" ")[0])

    def _refuse_foreign(self, record: JobRecord) -> None:
        ours, beside = self.ours(record), self.companion and self._name_with(self.companion)
        for job, name in self._flink.running_jobs().items():
            if name.startswith(self._prefix) and job not in ours and name != beside:
                raise RefusedJobError(
                    trouble("foreign_job", address=self._flink.url, name=name, id=job)
                )

    def _require_version(self) -> None:
        wanted, found = _minor(version("apache-flink")), self._flink.version()
        if _minor(found) != wanted:
            raise JobError(
                f"Flink at {self._flink.url} is version {found}, and SPAF's job needs {wanted}.",
                todo="Name a cluster of that version with SPAF_FLINK__REST_URL.",
            )


def _another_run(record: JobRecord, topic: str) -> Trouble:
    seconds = f"{record.owner_age_s or 0:.0f}"
    return trouble("other_spaf", owner=_shown(record.owner), topic=topic, seconds=seconds)


def _shown(owner: str) -> str:
    """Return host and folder of an owner."""
    return owner.partition(" ")[2] or "-"


def _minor(found: str) -> str:
    """Return the first two numbers of a version."""
    return ".".join(found.split(".")[:2])
