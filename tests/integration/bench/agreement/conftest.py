"""The jobs of these tests are submitted by one process."""

from __future__ import annotations

from functools import partial

import pytest

from spaf.bench.detection.batch import Batch
from spaf.bench.run import job_run
from tests.support.flink import SharedSubmission


@pytest.fixture(autouse=True)
def shared_submission(flink: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the jobs submitted by the process that is there."""
    monkeypatch.setattr(job_run, "Submission", partial(SharedSubmission, flink))
