"""TaskManagers follow a JobManager that was restarted, while the job runs on.

A TaskManager learns that its JobManager has ended only by the heartbeat timeout; its tasks need
none between two checkpoints. So each TaskManager gets a successor at the new JobManager, and counts
on until the job runs there from its newest checkpoint and has counted what it missed. What both
write for that moment are the same rows, and the tables refuse one that has counted less
(docs/decisions/0092, 0098).
"""

from __future__ import annotations

from collections.abc import Iterable

from spaf import clock
from spaf.stack.managed_service import ManagedService
from spaf.stack.state import JobPhase, JobState

# A job that comes to run has the records of some seconds to count again, for which it needs half as
# long: rows do not stand still meanwhile. Seconds.
CATCH_UP_S = 0.5
REASON = "follows the JobManager, which was restarted"


class TaskManagerRenewal:
    """The TaskManagers of one run, while they have successors."""

    def __init__(self, heartbeat_timeout_s: float) -> None:
        """Keep after what silence a TaskManager turns to the new JobManager by itself."""
        # Before that it is killed: the JobManager knows one TaskManager of a name.
        self._limit_s = heartbeat_timeout_s / 2
        self._services: list[ManagedService] = []
        self._replaced_job = ""
        self._runs_since: float | None = None
        self._ends_at = 0.0

    def begin(self, services: Iterable[ManagedService], job_id: str) -> None:
        """Start a successor of each TaskManager that runs the job."""
        self._services = [service for service in services if service.succeed(REASON)]
        self._replaced_job = job_id or self._replaced_job
        self._runs_since = None
        self._ends_at = clock.monotonic() + self._limit_s

    def poll(self, job: JobState) -> None:
        """End the predecessors some time after the job has come to run without them."""
        now = clock.monotonic()
        if self._runs_since is None and job.state is JobPhase.RUNNING:
            self._runs_since = None if job.id == self._replaced_job else now
        runs = self._runs_since is not None and now - self._runs_since >= CATCH_UP_S
        if runs or now > self._ends_at:
            self.end()

    def end(self) -> None:
        """End the predecessors."""
        for service in self._services:
            service.end_predecessor()
        self._services = []
