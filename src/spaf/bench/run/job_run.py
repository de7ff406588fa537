"""A job that a scenario submits itself: over a filled topic, into new tables, to its end."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from spaf import clock
from spaf.bench.progress import Progress, no_progress
from spaf.bench.run.early_checkpoint import EarlyCheckpoints
from spaf.errors import JobError
from spaf.job.build import SINKS, JobParameters
from spaf.job.flink_client import FlinkClient
from spaf.settings import Settings
from spaf.stack.graph_submission import GraphSubmission
from spaf.stack.progress import ProgressRecorder
from spaf.stack.run import Run
from spaf.stack.submission import (
    JobTarget,
    JobVariant,
    Submission,
    Submitting,
    wait_until_submitted,
)
from spaf.store.migrate import migrate

# Returns the statements of a job with these parameters.
Statements = Callable[[JobParameters], tuple[str, ...]]

# A job without progress for this time has stopped. The restart of a killed TaskManager is far
# shorter.
STALLED_S = 90.0
POLL_INTERVAL_S = 0.1
# A cancelled job has ended within this time.
CANCEL_TIMEOUT_S = 60.0


@contextlib.contextmanager
def own_job(  # noqa: PLR0913 - what a benchmark varies
    run: Run,
    settings: Settings,
    group: str,
    sinks: tuple[str, ...] = SINKS,
    statements: Statements | None = None,
    *,
    acceleration: int = 1,
    variant: JobVariant | None = None,
    keep_graph: bool = False,
) -> Iterator[tuple[JobTarget, str]]:
    """Run the job from the beginning of the run's topic, into new tables, while the block runs.

    Yields its target and its id. It writes only the tables that are `sinks`. `statements` returns
    those of another job, to be run instead. `acceleration` is the number of seconds of the log that
    pass in one of the clock. `variant` changes what no setting does. With `keep_graph` the job is
    planned once for all topics and tables whose names differ only in their digits.

    Raises:
        JobError: Flink refused the job, or the topic has too few partitions for it.

    """
    migrate(run.access)
    target = replace(
        run.job_target(group),
        sinks=sinks,
        acceleration=acceleration,
        variant=variant or JobVariant(),
    )
    target.require_partitions(settings)
    target.set_start(target.begin_offsets())
    submission = _submission(target, settings, statements, keep_graph=keep_graph)
    submission.submit()
    job = wait_until_submitted(submission)
    try:
        yield target, job
    finally:
        deadline = clock.monotonic() + CANCEL_TIMEOUT_S
        with contextlib.closing(FlinkClient(target.flink)) as client:
            client.cancel(job)
            while client.jobs(target.name) and clock.monotonic() < deadline:
                clock.sleep(POLL_INTERVAL_S)


def _submission(
    target: JobTarget, settings: Settings, statements: Statements | None, *, keep_graph: bool
) -> Submitting:
    log = target.home.logs / "job-submit.log"
    if keep_graph:
        return GraphSubmission(target, settings, None, log, _template(target))
    request = target.request(settings, None)
    if statements is not None:
        request = replace(request, statements=statements(request.parameters))
    return Submission(request, log)


def _template(target: JobTarget) -> JobTarget:
    """Return the target of all jobs whose names differ only in their digits."""
    checkpoints = target.checkpoints
    return replace(
        target,
        topic=_blank(target.topic),
        group=_blank(target.group),
        access=replace(target.access, schema=_blank(target.access.schema)),
        checkpoints=checkpoints and checkpoints.with_name(_blank(checkpoints.name)),
    )


def _blank(name: str) -> str:
    return re.sub(r"\d", "0", name)


def wait_until_through(
    run: Run, target: JobTarget, job: str, progress: Progress = no_progress
) -> None:
    """Wait until a checkpoint has passed the end of the topic: all records are in the tables then.

    Raises:
        JobError: the job makes no progress; with the failure that Flink reports.

    """
    end_offsets = run.end_offsets()
    recorder = ProgressRecorder(target)
    known: dict[int, int] = {}
    deadline = clock.monotonic() + STALLED_S
    with contextlib.closing(EarlyCheckpoints(target.flink, job)) as checkpoints:
        while any(known.get(partition, 0) < end for partition, end in end_offsets.items()):
            checkpoints.request()
            now = recorder.record(job)
            if now != known:
                known, deadline = now, clock.monotonic() + STALLED_S
                progress("records in the tables", sum(known.values()), sum(end_offsets.values()))
            if clock.monotonic() > deadline:
                raise _stalled(target, job, known, end_offsets)
            clock.sleep(POLL_INTERVAL_S)


def _stalled(
    target: JobTarget, job: str, known: Mapping[int, int], end_offsets: Mapping[int, int]
) -> JobError:
    with contextlib.closing(FlinkClient(target.flink)) as client:
        failure = client.failure(job)
    return JobError(
        f"The job stays at offsets {known} of {end_offsets}. {failure}".strip(),
        todo="See `spaf logs taskmanager`.",
    )
