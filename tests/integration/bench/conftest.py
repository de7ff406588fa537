"""The jobs of these tests are planned and submitted by one process."""

from __future__ import annotations

from functools import partial

import pytest

from spaf.bench.detection.batch import Batch
from spaf.bench.run import job_run
from spaf.stack import graph_submission
from tests.support.flink import SharedSubmission


@pytest.fixture(autouse=True)
def shared_submission(flink: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the jobs planned and submitted by the process that is there."""
    for module in (job_run, graph_submission):
        monkeypatch.setattr(module, "Submission", partial(SharedSubmission, flink))
