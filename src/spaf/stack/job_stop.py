"""The end of a job that a person wants: cancelled, its checkpoints kept, or with a savepoint."""

from __future__ import annotations

from typing import NamedTuple

from spaf import clock
from spaf.errors import JobError
from spaf.job.flink_client import FINAL_STATES, FlinkClient

# A savepoint of the largest state that was measured takes seconds; a job that is not running takes
# none at all. Seconds.
STOP_TIMEOUT_S = 120.0


class JobEnd(NamedTuple):
    """How a job has ended."""

    savepoint: str = ""
    problem: str = ""
    """Why it goes on; "" if it has ended."""


class JobStop:
    """One job that is being ended."""

    def __init__(
        self, flink: FlinkClient, job_id: str, *, savepoint: bool, folder: str | None
    ) -> None:
        """Request the end.

        Args:
            flink: the cluster.
            job_id: the job.
            savepoint: whether to take one; otherwise the job is cancelled.
            folder: URI of the folder for the savepoint; None for the cluster's own.

        Raises:
            JobError: Flink does not answer, or refuses.

        """
        self._flink, self._job_id = flink, job_id
        self._deadline = clock.monotonic() + STOP_TIMEOUT_S
        self._path = self._request = ""
        if savepoint:
            self._request = flink.stop_with_savepoint(job_id, folder)
        else:
            flink.cancel(job_id)

    def poll(self) -> JobEnd | None:
        """Return how the job has ended; None while it has not."""
        try:
            return self._poll()
        except JobError as error:
            late = clock.monotonic() > self._deadline
            return JobEnd(problem=error.line) if late else None

    def _poll(self) -> JobEnd | None:
        if self._request and not self._path:
            taken = self._flink.savepoint(self._job_id, self._request)
            if taken.failure:
                return JobEnd(problem=f"Flink could not take the savepoint: {taken.failure}")
            self._path = taken.path if taken.complete else ""
        status = self._flink.status(self._job_id)
        ended = status is None or status.state in FINAL_STATES
        if ended and (self._path or not self._request):
            return JobEnd(self._path)
        if clock.monotonic() > self._deadline:
            return JobEnd(problem=f"The job has not ended within {STOP_TIMEOUT_S:.0f} s.")
        return None
