"""The limits of a drain, and the recorder, on a real TaskManager."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf import clock
from spaf.bench.progress import no_progress
from spaf.bench.throughput import drain
from spaf.bench.throughput.limits import drain_limits
from spaf.bench.throughput.profile import Profiler
from spaf.errors import JobError
from spaf.measure import flight_recorder
from spaf.stack.run import Run
from spaf.stack.service_names import TASKMANAGER
from tests.support.runs import Own

SALES = 2_000


def test_limits_count_every_record_while_the_recorder_takes_samples(own: Own) -> None:
    """A scan and a decoding of the same topic; the samples have frames of the decoding.

    As in a profile, a job has run on the TaskManager before it is recorded: a JVM has crashed that
    was recorded from its first job on, while it linked a class.
    """
    run = own(drain.PARTITIONS)
    drain.fill(run, SALES + drain.PARTITIONS, no_progress)
    identity = run.state().services[TASKMANAGER].identity()
    assert identity is not None
    begin_s = clock.now_us() / 1e6

    def record_the_second(doing: str, *_: object, **__: object) -> None:
        if doing == "decode 1: planning the job":
            flight_recorder.start(identity.pid)

    limits = drain_limits(run, 1, record_the_second)
    file = run.home.runs / "test.jfr"
    flight_recorder.stop(identity.pid, Path("runs") / file.name)
    assert [(name, found.events, found.exact) for name, (found,) in limits.items()] == [
        ("scan", drain.drained(run), True),
        ("decode", drain.drained(run), True),
    ]
    samples = list(flight_recorder.samples(file))
    assert all(begin_s <= sample.at_s <= clock.now_us() / 1e6 for sample in samples)
    assert {sample.thread for sample in samples} & {*flight_recorder.thread_times(identity.pid)}
    assert any("flink" in frame for sample in samples for frame in sample.frames)


def test_task_manager_without_the_options_is_not_profiled(stack: Run) -> None:
    """A run of the scenario that is up was started without --profile."""
    with pytest.raises(JobError, match="started without --profile"):
        Profiler(stack, 1)
