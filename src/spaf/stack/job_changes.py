"""What a person has done with the job while the services go on: stopped, started, upgraded.

The command writes an order into the run folder; the supervisor carries it out and publishes that in
the state of the job.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from spaf.errors import JobError, SpafError
from spaf.settings import JobSettings, SaleSettings, Section
from spaf.stack.job_stop import JobEnd, JobStop
from spaf.stack.job_upgrade import JobUpgrade, UpgradeStep
from spaf.stack.state import JobAction, JobOrder, JobPhase, RunFolder
from spaf.trouble import trouble

if TYPE_CHECKING:
    from typing import Any

    from spaf.settings import Settings
    from spaf.stack.job_supervisor import JobSupervisor

log = logging.getLogger(__name__)

REPLACED = "The topic was counted by the new settings into new tables, which have replaced the old."
SECTIONS: dict[str, type[Section]] = {"sale": SaleSettings, "job": JobSettings}


class JobChanges:
    """The order that is carried out now, and what is done for it."""

    def __init__(self, job: JobSupervisor, home: RunFolder) -> None:
        """Leave a job alone that a person has stopped before this supervisor was started."""
        self._job, self._home = job, home
        self._order: JobOrder | None = None
        self._stop: JobStop | None = None
        self._upgrade: JobUpgrade | None = None
        # Settings with which the job starts once it has ended with a savepoint.
        self._next: Settings | None = None
        order = home.job_order()
        if order is not None:
            job.state.order = order.id
            if order.action is JobAction.STOP:
                job.hold()

    def poll(self) -> bool:
        """Go one step further; return whether the job is in the hands of a change."""
        self._take_order()
        if self._stop is not None:
            self._poll_stop(self._stop)
            return True
        if self._upgrade is not None:
            self._poll_upgrade(self._upgrade)
        return self.closing

    @property
    def closing(self) -> bool:
        """Whether the job has ended for an upgrade that is not complete yet."""
        steps = (UpgradeStep.CLOSING, UpgradeStep.SWAPPED)
        return self._upgrade is not None and self._upgrade.step in steps

    @property
    def companion(self) -> JobUpgrade | None:
        """The upgrade whose job runs beside the present one."""
        return self._upgrade

    def abandon(self) -> None:
        """Remove what an upgrade has made that is not complete."""
        if self._upgrade is not None:
            self._upgrade.abandon()
        self._upgrade, self._job.state.upgrade = None, ""
        self._job.runs_beside("")

    def _take_order(self) -> None:
        """Begin what a person wants of the job, unless something else is being done for it."""
        order = self._home.job_order()
        if order is None or order.id == self._job.state.order:
            return
        same = self._order is not None and self._order.id == order.id
        if same or self._stop is not None or self._job.handing_over or self.closing:
            return
        self._order, self._job.state.upgraded = order, ""
        try:
            self._begin(order)
        except SpafError as error:
            self._end_order(error.line)

    def _begin(self, order: JobOrder) -> None:
        """Begin an order.

        Raises:
            SpafError: it cannot be carried out.

        """
        if order.action is JobAction.UPGRADE:
            self._begin_upgrade(order)
            return
        if order.action is JobAction.STOP:
            self.abandon()
            self._begin_stop(savepoint=order.savepoint)
            return
        if self._job.state.state is JobPhase.STOPPED:
            self._job.go_on()
        self._end_order()

    def _end_order(self, problem: str = "") -> None:
        """Publish that the order is carried out, or why it is not."""
        order, self._order = self._order, None
        if order is None:
            return
        if problem:
            log.warning("%s of the job: %s", order.action, problem)
        if problem and order.action is JobAction.STOP:
            # It goes on, also after a restart of the supervisor.
            self._home.write_job_order(msgspec.structs.replace(order, action=JobAction.START))
        self._job.state.order, self._job.state.order_problem = order.id, problem

    def _begin_stop(self, *, savepoint: bool) -> None:
        """End the job, or its submission.

        Raises:
            JobError: no savepoint can be taken.

        """
        job = self._job
        if savepoint and job.state.state is not JobPhase.RUNNING:
            raise JobError(
                f"The job is {job.state.state}: there is no savepoint of it now.",
                todo="`spaf job stop` keeps its newest checkpoint.",
            )
        job.state.savepoint = ""
        if not job.state.id:
            job.hold()
            self._end_order()
            return
        folder = job.savepoint_folder()
        self._stop = JobStop(job.flink, job.state.id, savepoint=savepoint, folder=folder)

    def _poll_stop(self, stop: JobStop) -> None:
        """Find out whether the job has ended, and do what it was ended for."""
        end, job = stop.poll(), self._job
        if end is None:
            return
        self._stop = None
        if not end.problem:
            job.settle()
        if self._upgrade is not None:
            self._close(self._upgrade, end)
            return
        chosen, self._next = self._next, None
        if end.problem:
            pass  # it goes on
        elif chosen is not None:
            job.change_settings(chosen, job.target)
            job.state.upgraded = f"The job goes on with the new settings from {end.savepoint}."
            job.go_on()
        else:
            job.state.savepoint = end.savepoint
            job.hold()
        self._end_order(end.problem)

    def _begin_upgrade(self, order: JobOrder) -> None:
        """Let a job of other settings take the place of the present one.

        Raises:
            SpafError: that is not possible; nothing was changed.

        """
        job = self._job
        wanted = job.settings.model_copy(update=sections(order.settings))
        if self._upgrade is not None:
            raise JobError("Another upgrade is going on.", todo="`spaf status` shows it.")
        if wanted == job.settings:
            self._end_order()
            return
        stopped = job.state.state is JobPhase.STOPPED
        if not stopped and job.state.state is not JobPhase.RUNNING:
            raise JobError(f"The job is {job.state.state}, not RUNNING.", todo="See `spaf status`.")
        if job.target.state_digest(wanted) != job.target.state_digest(job.settings):
            present = job.state
            self._begin_rebuild(JobUpgrade(wanted, job.target, lambda: present.id, job.flink))
        elif stopped:
            job.change_settings(wanted, job.target)
            self._end_order()
        else:
            self._next = wanted
            self._begin_stop(savepoint=True)

    def _begin_rebuild(self, upgrade: JobUpgrade) -> None:
        """Begin to count into new tables.

        Raises:
            SpafError: that is not possible; nothing is left of it.

        """
        try:
            upgrade.begin()
        except SpafError:
            upgrade.abandon()
            raise
        self._upgrade = upgrade
        self._job.runs_beside(upgrade.target.claim)

    def _poll_upgrade(self, upgrade: JobUpgrade) -> None:
        """Bring an upgrade one step further; after a failure the present job goes on."""
        # No position of the present job may be written into the new tables.
        if not self._job.recording.acquire(blocking=False):
            return
        try:
            try:
                upgrade.poll()
            finally:
                self._job.recording.release()
            if upgrade.step is UpgradeStep.CAUGHT_UP:
                self._end_running(upgrade)
            elif upgrade.step is UpgradeStep.SWAPPED:
                self._take_over(upgrade)
        except SpafError as error:
            self._fail(error.line)
        self._job.state.upgrade = "" if self._upgrade is None else upgrade.shown

    def _end_running(self, upgrade: JobUpgrade) -> None:
        """End the present job, because the new one has caught up with it.

        Raises:
            SpafError: Flink does not answer.

        """
        job = self._job
        if job.state.id:
            self._stop = JobStop(job.flink, job.state.id, savepoint=False, folder=None)
        else:
            self._close(upgrade, JobEnd())

    def _close(self, upgrade: JobUpgrade, end: JobEnd) -> None:
        """Let the new job count what the present one has counted last."""
        try:
            if not end.problem:
                upgrade.close()
        except SpafError as error:
            end = JobEnd(problem=error.line)
        self._job.trouble = trouble("job_upgrading", lasting=False)
        if end.problem:
            self._fail(end.problem)

    def _fail(self, problem: str) -> None:
        """Remove what an upgrade has made; a job that was ended for it starts again."""
        self.abandon()
        if self._job.state.state is JobPhase.STOPPED:
            self._job.hold()
        else:
            self._job.trouble = None
        self._end_order(problem)

    def _take_over(self, upgrade: JobUpgrade) -> None:
        """Go on with the job of an upgrade, whose tables have taken their place."""
        job = self._job
        job.take_over(upgrade.job_id, upgrade.settings, upgrade.moved)
        self._upgrade = None
        upgrade.clean_up()
        log.info("the job %s counts into new tables, which have replaced the old", job.state.id)
        job.state.upgraded = REPLACED
        self._end_order()


def sections(values: dict[str, dict[str, Any]]) -> dict[str, Section]:
    """Return sections of the settings from their plain values."""
    return {name: SECTIONS[name](**values[name]) for name in values}
