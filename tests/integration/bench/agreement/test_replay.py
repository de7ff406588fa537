"""One log, replayed by differently built jobs, gives the same tables to the byte."""

from __future__ import annotations

import pytest

from spaf.bench.agreement.replay import (
    MINI_BATCH_MS,
    ReplayLog,
    Size,
    Variant,
    differences,
    replays,
)
from spaf.bench.progress import no_progress
from spaf.bench.run.job_run import own_job
from spaf.errors import JobError
from spaf.settings import JobSettings
from spaf.stack.run import Run
from tests.support.scale import scaled

SIZE = Size(events=scaled(12_000, 300_000), seed=3)
VARIANTS = (Variant(4, 2, killed=True), Variant(4, 1), Variant(4, 4, MINI_BATCH_MS))


# Three jobs, one of which loses its TaskManager and waits until there is another.
@pytest.mark.timeout(scaled(300, 1_800))
def test_replays_are_identical(stack: Run) -> None:
    """Parallelism, mini-batches, partitions of unequal length, and a kill change no byte."""
    replayed = list(replays(stack, stack.settings, VARIANTS, SIZE, no_progress))
    for other in replayed[1:]:
        assert differences(replayed[0], other) == {}
    runs = [run for run, _ in replayed]
    assert len({run.sha256 for run in runs}) == 1
    assert all(run.exact for run in runs)
    # More than once if the job is deployed to the lost TaskManager before its loss is noticed.
    assert runs[0].restored >= 1
    assert [run.restored for run in runs[1:]] == [0, 0]
    assert min(runs[0].rows.values()) > 0, runs[0].rows


def test_a_task_without_a_partition_is_refused(stack: Run) -> None:
    """It would hold back every second, and no surge would ever be seen."""
    log = ReplayLog(stack, Size(3_000, 1), 1)
    session = stack.with_tables(log.topic, log.topic)
    settings = stack.settings.model_copy(update={"job": JobSettings(parallelism=2)})
    with (
        pytest.raises(JobError, match=r"job.parallelism is 2, but topic \S+ has 1 partition"),
        own_job(session, settings, session.topic),
    ):
        pytest.fail("a job was started")
