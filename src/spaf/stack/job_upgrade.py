"""A job of other settings that counts the whole topic into new tables, beside the one that runs.

When it has caught up, the running job is ended, the new tables take the place of the old ones in
one transaction, and the new job goes on: its sink looks for the tables in both schemas. Readers see
the old rows up to the commit and the new ones after it; those hold every sale that the old rows
held.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

from spaf import clock
from spaf.errors import JobError, SpafError, TopicError
from spaf.job.flink_client import FINAL_STATES, FlinkClient
from spaf.settings import Settings
from spaf.stack import graph_submission
from spaf.stack.process import wait_until
from spaf.stack.progress import ProgressRecorder
from spaf.stack.recorded_job import RecordedJob
from spaf.stack.service_names import SUBMITTER, next_group
from spaf.stack.submission import JobTarget, Submitting
from spaf.stack.table_retention import create_parts
from spaf.store import queries, rebuild
from spaf.store.access import Role
from spaf.topic import admin

log = logging.getLogger(__name__)

# Sales are not counted while the tables change places; a session that reads them for longer than
# this ends the upgrade instead. Seconds.
SWAP_TIMEOUT_S = 30.0
# Between two requests for a checkpoint of the new job, by which it is known how far it is. Seconds.
CHECKPOINT_PAUSE_S = 1.0
# The present job is ended when the new one lacks no more records than these, or than this share of
# all: it reads them in about a second.
MIN_NEAR = 10_000
NEAR_SHARE = 0.01
# A job that is cancelled has ended within this, seconds; the supervisor waits for that.
ABANDON_TIMEOUT_S = 10.0


class UpgradeStep(StrEnum):
    """What an upgrade is doing."""

    PLANNING = "planning"
    COUNTING = "counting"
    CAUGHT_UP = "caught up"
    """The running job may be ended."""
    CLOSING = "closing"
    """It has ended; the new job counts what that has counted last."""
    SWAPPED = "swapped"


class JobUpgrade:
    """One upgrade; a failure leaves everything as it was."""

    def __init__(
        self, settings: Settings, running: JobTarget, present: Callable[[], str], flink: FlinkClient
    ) -> None:
        """Keep what changes; nothing is begun.

        Args:
            settings: the new ones.
            running: the present job.
            present: returns its id; "" while it has none.
            flink: the cluster.

        """
        group = next_group(running.group)
        own = running.checkpoints is not None
        self.settings, self._flink = settings, flink
        self._running, self._present = running, present
        target = replace(
            running,
            group=group,
            access=rebuild.built(running.access),
            moves_to=running.access.schema,
            checkpoints=running.home.checkpoints / group if own else None,
        )
        recorded = RecordedJob(settings, target, flink)
        self.target = replace(target, claim=recorded.new_claim())
        self._recorded = recorded
        self._progress = ProgressRecorder(self.target)
        self._submission: Submitting | None = None
        self.step = UpgradeStep.PLANNING
        self.job_id = ""
        self._ends: Mapping[int, int] = {}
        self._done: Mapping[int, int] = {}
        self._swap_by = 0.0
        self._next_checkpoint = 0.0

    @property
    def moved(self) -> JobTarget:
        """The job once its tables have taken their place."""
        return replace(self.target, access=self.target.moved, moves_to="")

    @property
    def shown(self) -> str:
        """How far it is, for a person."""
        if self.step is UpgradeStep.PLANNING:
            return "plans the new job"
        if self.step is UpgradeStep.COUNTING:
            done, total = sum(self._done.values()), sum(self._ends.values())
            return f"counts into new tables: {done:,} of {total:,} records"
        return "puts the new tables in place of the old ones"

    def begin(self) -> None:
        """Create the tables and start to plan the job.

        Raises:
            JobError: the upgrade is not possible; nothing was changed.
            StoreError: PostgreSQL does not answer, or the account may not create a schema.
            TopicError: Kafka does not answer.

        """
        running, target = self._running, self.target
        running.require_partitions(self.settings)
        self._require_ended()
        self._require_possible()
        start = target.begin_offsets()
        self._require_beginning(start)
        # Another job may count into the same tables for as long as they are not read.
        rebuild.create(running.access)
        create_parts(self.settings, target.access)
        topic = admin.describe(target.kafka, target.topic)
        with target.access.session(Role.SINK) as connection:
            target.set_start(start)
            queries.upsert_position(connection, start, start)
            self._recorded.claim(connection, target, topic.id, resumes=False)
        log_file = target.home.logs / f"{SUBMITTER}.log"
        self._submission = graph_submission.begin(target, self.settings, None, log_file)
        self._submission.submit()

    def poll(self) -> None:
        """Go one step further.

        Raises:
            SpafError: the upgrade has failed.

        """
        if self.step is UpgradeStep.PLANNING and self._submission is not None:
            self.job_id = self._submission.job_id() or ""
            self.step = UpgradeStep.COUNTING if self.job_id else self.step
        elif self.step is UpgradeStep.COUNTING:
            self._require_alive()
            if self._has_passed_ends():
                self.step = UpgradeStep.CAUGHT_UP
        elif self.step is UpgradeStep.CLOSING:
            self._close()

    def close(self) -> None:
        """Note that the running job has ended: count what it has counted, then swap the tables.

        Raises:
            TopicError: Kafka does not answer.

        """
        self.step = UpgradeStep.CLOSING
        self._swap_by = clock.monotonic() + SWAP_TIMEOUT_S
        self._ends = admin.end_offsets(self.target.kafka, self.target.topic)

    def abandon(self) -> None:
        """Remove what the upgrade has made; what cannot be removed now is at the next start.

        Without the tables that are built, the sink of the new job would find those that are read:
        they are dropped only once it has ended.
        """
        if self._submission is not None:
            self._submission.stop()
        try:
            if not wait_until(lambda: not self._cancelled_others(), ABANDON_TIMEOUT_S):
                log.warning("the job of the upgrade does not end; its tables stay for now")
                return
            rebuild.drop(self._running.access)
        except SpafError as error:
            log.warning("what an upgrade has made is not removed: %s", error.line)
            return
        self._forget(self.target)

    def _cancelled_others(self) -> bool:
        """Cancel jobs of these tables besides the present one; return whether there were any.

        Raises:
            JobError: Flink does not answer.

        """
        jobs = self._flink.running_jobs().items()
        ours = [job for job, name in jobs if self._running.is_name(name)]
        others = [job for job in ours if job != self._present()]
        for job in others:
            self._flink.cancel(job)
        return bool(others)

    def _require_ended(self) -> None:
        """Check that no job of an earlier upgrade is left; its tables are about to be dropped.

        Raises:
            JobError: there is one.

        """
        if self._cancelled_others():
            raise JobError("The job of an earlier upgrade has not ended yet.", todo="Try again.")

    def clean_up(self) -> None:
        """Remove what is left of the job and of the tables before."""
        with contextlib.suppress(SpafError):
            rebuild.drop(self._running.access)
        self._forget(self._running)

    def _forget(self, target: JobTarget) -> None:
        """Delete checkpoints and consumer group of a job that has ended."""
        if target.checkpoints is not None:
            shutil.rmtree(target.checkpoints, ignore_errors=True)
        with contextlib.suppress(TopicError):
            admin.delete_group(target.kafka, target.group)

    def _require_possible(self) -> None:
        """Check what the new job needs, before anything is made.

        Raises:
            JobError: it cannot run beside the present one, or something depends on the tables.
            StoreError: PostgreSQL does not answer.

        """
        needed, free = self.settings.job.parallelism, self._flink.free_slots()
        if free < needed:
            raise JobError(
                f"The new job counts beside the present one and needs {needed} task slots of its "
                f"own, but Flink has {free} free.",
                todo="Add TaskManagers or slots (SPAF_FLINK__SLOTS, then `spaf down` and `spaf "
                "up`), or change the settings by `spaf down` and `spaf up`: then the tables are "
                "counted anew while they are read.",
            )
        found = rebuild.blockers(self._running.access)
        if found:
            raise JobError(
                f"The tables are not replaced: the {found[0]} depends on them.",
                todo="Drop it for the upgrade, and create it again.",
            )

    def _require_beginning(self, start: Mapping[int, int]) -> None:
        """Check that the log still holds all that the tables were counted from.

        Raises:
            JobError: its beginning is gone: new tables would hold less.
            StoreError: PostgreSQL does not answer.

        """
        with self._running.access.session(Role.READ) as connection:
            known = queries.start_offsets(connection)
        for part, first in start.items():
            if first > known.get(part, first):
                raise JobError(
                    f"New tables would hold less: partition {part} of topic {self.target.topic} "
                    f"begins at offset {first} now, and was counted from {known[part]}.",
                    todo="Count into other tables with SPAF_POSTGRES__SCHEMA_NAME, and keep these.",
                )

    def _require_alive(self) -> None:
        """Check that the new job goes on; Flink restarts it after a failure.

        Raises:
            JobError: it has ended.

        """
        status = self._flink.status(self.job_id)
        if status is None or status.state in FINAL_STATES:
            cause = "" if status is None else f": {self._flink.failure(self.job_id)}"
            raise JobError(f"The new job has ended{cause}.", todo="See `spaf logs jobmanager`.")

    def _has_passed_ends(self) -> bool:
        """Return whether the new job has passed the ends that the topic had a moment ago.

        The first ends are those of a moment when it had read nothing. What comes while it reads up
        to them is little, and it counts that once the present job has ended.
        """
        if not self._ends:
            self._ends = admin.end_offsets(self.target.kafka, self.target.topic)
        if not self._has_done():
            return False
        ends = admin.end_offsets(self.target.kafka, self.target.topic)
        near, self._ends = self._is_near(ends), ends
        return near

    def _is_near(self, ends: Mapping[int, int]) -> bool:
        """Return whether no more came while it read up to the last ends than it reads at once."""
        waiting = sum(end - self._done.get(part, 0) for part, end in ends.items())
        return waiting <= max(MIN_NEAR, sum(ends.values()) * NEAR_SHARE)

    def _has_done(self) -> bool:
        """Return whether everything before the ends is in the new tables."""
        now = clock.monotonic()
        if now > self._next_checkpoint:
            self._next_checkpoint = now + CHECKPOINT_PAUSE_S
            with contextlib.suppress(JobError):
                self._flink.trigger_checkpoint(self.job_id)
        self._done = self._progress.record(self.job_id)
        self._recorded.keep(self.target.claim, self.job_id)
        return all(self._done.get(part, 0) >= end for part, end in self._ends.items())

    def _close(self) -> None:
        """Swap the tables once the new ones hold everything.

        Raises:
            JobError: a session has read the old tables for too long.

        """
        if self._has_done() and rebuild.swap(self._running.access):
            self.step = UpgradeStep.SWAPPED
        elif clock.monotonic() > self._swap_by:
            raise JobError(
                f"The tables could not be replaced within {SWAP_TIMEOUT_S:.0f} s: a session reads "
                "them, or the new job does not count.",
                todo="End long transactions on them, and try again.",
            )
