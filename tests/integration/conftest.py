"""One real stack for all integration tests; each test has its own topic, schema and job."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message

from spaf.bench.detection.batch import Batch
from spaf.bench.run import early_checkpoint
from spaf.bench.run.early_checkpoint import EarlyCheckpoints
from spaf.bench.run.verdict import verify
from spaf.job.flink_client import FlinkClient
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.process import wait_until
from spaf.stack.progress import ProgressRecorder
from spaf.stack.run import Run
from spaf.store.migrate import migrate
from spaf.topic.admin import ensure_topic
from spaf.topic.producer import open_producer
from spaf.verify import Verdict
from tests.support.flink import SharedSubmission
from tests.support.runs import Own, Pause, RunJob, Send, Settle, Values

# Limit of every wait, far above what a busy machine needs, seconds.
PATIENCE_S = 60.0
# Between two looks at the progress of a job, each of which asks Kafka and writes to the tables.
LOOK_S = 0.2
# Between two requests of a checkpoint, seconds; in a run of a user it is a second. The first one
# is often too early: the job has not read the records of the test yet.
CHECKPOINT_PAUSE_S = 0.25
# For as long as in a run of a user, five seconds.
MAX_CHECKPOINTS = 20
# Beyond the contract's 64 KiB and within what the topic takes.
MAX_RECORD_BYTES = 1_000_000


@pytest.fixture(scope="package", autouse=True)
def early_checkpoints() -> Iterator[None]:
    """Request the checkpoints that a test waits for sooner than in a run of a user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(early_checkpoint, "PAUSE_S", CHECKPOINT_PAUSE_S)
        patch.setattr(early_checkpoint, "MAX_REQUESTS", MAX_CHECKPOINTS)
        yield


@pytest.fixture(scope="package")
def stack(small_settings: Settings) -> Iterator[Run]:
    """Yield a stack without a job: Kafka, Flink and PostgreSQL."""
    state = control.up(small_settings, lambda _: None, end_with_us=True, bare=True)
    try:
        yield Run(small_settings, state)
    finally:
        control.down(small_settings, wipe=True)


@pytest.fixture(scope="package")
def name() -> Callable[[str], str]:
    """Return a function that makes a unique name, valid for a topic and for a schema."""
    return lambda prefix: f"{prefix}_{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="package")
def own(stack: Run, name: Callable[[str], str]) -> Own:
    """Return a function that creates a topic with a number of partitions, and empty tables."""

    def make(partitions: int) -> Run:
        variant = stack.with_tables(name("sales"), name("answers"))
        ensure_topic(variant.kafka, variant.topic, partitions)
        migrate(variant.access)
        return variant

    return make


@pytest.fixture(scope="package")
def send(stack: Run) -> Send:
    """Return a function that appends records to a partition and returns their offsets."""
    # Records larger than a sale are tested here, too.
    producer = open_producer(stack.kafka, "spaf-test", max_bytes=MAX_RECORD_BYTES)

    def append(session: Run, partition: int, values: Values) -> list[int]:
        offsets: list[int] = []

        def note(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            offset = message.offset()
            assert offset is not None
            offsets.append(offset)

        for value in values:
            producer.produce(session.topic, value, partition=partition, on_delivery=note)
        assert producer.flush(PATIENCE_S) == 0
        assert len(offsets) == len(values)
        return offsets

    return append


@pytest.fixture(scope="package")
def running_job(flink: Batch) -> RunJob:
    """Return a context manager that runs the job over the topic of a run; its value is the id.

    One process submits all jobs; in a run of a user the process ends after its job.
    """

    @contextlib.contextmanager
    def run(session: Run, settings: Settings, resume: Path | None) -> Iterator[str]:
        place = session.job_target(session.topic)
        if resume is None:
            place.set_start(place.begin_offsets())
        log = session.home.logs / "job-submit.log"
        submission = SharedSubmission(flink, place.request(settings, resume), log)
        submission.submit()
        job = submission.job_id()
        with contextlib.closing(FlinkClient(session.flink)) as client:
            try:
                yield job
            finally:
                client.cancel(job)
                assert wait_until(lambda: _state(client, job) == "CANCELED", PATIENCE_S)

    return run


@pytest.fixture(scope="package")
def pause() -> Pause:
    """Return a function that waits until every record of the topic is in the tables."""

    def wait(session: Run) -> None:
        target = session.job_target(session.topic)
        recorder = ProgressRecorder(target)
        with contextlib.closing(FlinkClient(session.flink)) as client:
            job = next(iter(client.jobs(target.name)), "")
        known: dict[int, int] = {}

        def done() -> bool:
            nonlocal known
            checkpoints.request()
            known = recorder.record(job)
            ends = session.end_offsets()
            return all(known.get(partition, 0) >= end for partition, end in ends.items())

        with contextlib.closing(EarlyCheckpoints(session.flink, job)) as checkpoints:
            assert wait_until(done, PATIENCE_S, poll=LOOK_S), f"the job stays at {known}"

    return wait


@pytest.fixture(scope="package")
def settle(pause: Pause) -> Settle:
    """Return a function that waits as `pause` does, and verifies the tables."""

    def finish(session: Run) -> Verdict:
        pause(session)
        return verify(session)

    return finish


def _state(client: FlinkClient, job: str) -> str:
    status = client.status(job)
    return "" if status is None else status.state
