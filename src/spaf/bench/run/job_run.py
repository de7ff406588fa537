"""A job of a bench's own: over a topic that is full already, into tables of its own, to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from spaf import clock
from spaf.errors import JobError
from spaf.job.build import ANSWERS
from spaf.job.flink_client import FlinkClient
from spaf.settings import Settings
from spaf.stack.run import Run
from spaf.stack.submission import JobTarget, Submission
from spaf.store.migrate import migrate

# A job that comes no further for so long has stopped, seconds: far longer than a TaskManager that
# was killed needs to be back.
STALLED_SECONDS = 90.0
LOOK_SECONDS = 0.1
# A cancelled job is gone within this, seconds.
CANCEL_SECONDS = 60.0


@contextlib.contextmanager
def own_job(
    session: Run, settings: Settings, group: str, answers: tuple[str, ...] = ANSWERS
) -> Iterator[tuple[JobTarget, str]]:
    """Run the job from the beginning of the session's topic, into fresh tables, for a block.

    Yields its place and its id. It writes those of the tables that are `answers`.

    Raises:
        JobError: Flink refused the job, or the topic has too few partitions for it.

    """
    migrate(session.access)
    place = replace(session.place(group), answers=answers)
    place.require_partitions(settings)
    place.set_start(place.begin_offsets())
    submission = Submission(place.request(settings, None), session.home.logs / "job-submit.log")
    submission.go()
    job = submission.wait()
    try:
        yield place, job
    finally:
        deadline = clock.monotonic() + CANCEL_SECONDS
        with contextlib.closing(FlinkClient(place.flink)) as client:
            client.cancel(job)
            while client.jobs(place.name) and clock.monotonic() < deadline:
                clock.sleep(LOOK_SECONDS)


def wait_until_through(
    session: Run, place: JobTarget, job: str, tell: Callable[[int], None]
) -> None:
    """Wait until a checkpoint has passed the end of the topic: then everything is in the tables.

    Raises:
        JobError: the job came no further, with what Flink says of it.

    """
    ends = session.end_offsets()
    known: dict[int, int] = {}
    deadline = clock.monotonic() + STALLED_SECONDS
    while any(known.get(partition, 0) < end for partition, end in ends.items()):
        now = place.record_progress(known)
        if now != known:
            known, deadline = now, clock.monotonic() + STALLED_SECONDS
            tell(sum(known.values()))
        if clock.monotonic() > deadline:
            with contextlib.closing(FlinkClient(place.flink)) as client:
                why = client.failure(job)
            raise JobError(
                f"The job stays at offsets {known} of {ends}. {why}".strip(),
                todo="`spaf logs taskmanager` says more.",
            )
        clock.sleep(LOOK_SECONDS)
