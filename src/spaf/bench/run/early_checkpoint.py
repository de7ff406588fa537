"""Requests a checkpoint at once, so that a verification waits for none that is due.

The rows of a record are certain to be in the tables once a checkpoint after it is complete.
"""

from __future__ import annotations

import contextlib

from spaf import clock
from spaf.errors import JobError
from spaf.job.flink_client import FlinkClient

# Between two requests. A checkpoint takes a tenth of this time, and its offsets are recorded once a
# second. The first one may be too early: the job has not read the last records yet.
PAUSE_S = 1.0
# A job that is further behind is left to its regular checkpoints.
MAX_REQUESTS = 5


class EarlyCheckpoints:
    """Requests checkpoints of one job while something waits for it."""

    def __init__(self, flink: str, job_id: str) -> None:
        """Keep the cluster and the job; without a job, nothing is requested."""
        self._client = FlinkClient(flink)
        self._job_id = job_id
        self._left = MAX_REQUESTS if job_id else 0
        self._next_s = 0.0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(self) -> None:
        """Request a checkpoint, unless the last request was just now.

        A cluster of the user may refuse; then the regular checkpoints remain.
        """
        now_s = clock.monotonic()
        if not self._left or now_s < self._next_s:
            return
        self._left -= 1
        self._next_s = now_s + PAUSE_S
        with contextlib.suppress(JobError):
            self._client.trigger_checkpoint(self._job_id)
