"""24 hours of the log, compressed into minutes: does the memory of each process stay flat?

The state of the job depends on the time of the log: on event time (a row of `sales_summary` for
each second), on append time (the seconds and minutes of the detection, the blocks of its past), and
on the wall clock (the time after which Flink drops state that is not used). A log of 24 hours is
therefore written with stated append times, to a topic that allows it, and the lifetime of state is
divided by the same factor as time. So the job keeps the state of as many hours of the log as in a
real day. What does not depend on the log is not compressed: checkpoints and flushes keep their
intervals.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Self

import msgspec
import numpy as np

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.job_run import own_job, wait_until_through
from spaf.bench.run.verdict import verify
from spaf.bench.throughput.drain import configured_stream
from spaf.errors import StackError
from spaf.job.flink_client import FlinkClient
from spaf.measure.resources import Sampler
from spaf.stack.run import Run
from spaf.topic.admin import create_stamped_topic
from spaf.topic.producer import open_producer

DAY_S = 86_400
HOURS = DAY_S // 3_600
# Samples of memory in a day, and the parts of a day whose medians are compared.
SAMPLES, PARTS = 48, 6
# Memory that grows by less than this between the last two parts is flat: share, and MiB. A JVM and
# PostgreSQL touch single pages for the first time even when nothing grows.
FLAT_SHARE, FLAT_MIB = 0.02, 4.0
# The last parts, over which the growth for each hour is computed.
LAST_PARTS = 2
# A sale is written at most this far ahead of its compressed time, wall-clock seconds.
MAX_AHEAD_S = 0.01


class ProcessMemory(msgspec.Struct, frozen=True):
    """The memory of a process over the day: the median of each part, MiB."""

    parts: list[float]
    growth_mib: float
    slope_mib: float
    """Growth for each hour of the log in the last third of the day: a line of least squares."""
    slope_error_mib: float
    """Standard error of the slope."""
    flat: bool

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self:
        """Return the medians of the parts, and whether the last is like the one before it."""
        size = len(samples) / PARTS
        bounds = [round(part * size) for part in range(PARTS + 1)]
        pairs = pairwise(bounds)
        medians = [sorted(samples[a:b])[(b - a) // 2] for a, b in pairs]
        growth = medians[-1] - medians[-2]
        flat = growth < max(FLAT_MIB, FLAT_SHARE * medians[-2])
        slope, error = _line(samples[bounds[-1 - LAST_PARTS] :], len(samples) / HOURS)
        parts = [round(one, 1) for one in medians]
        return cls(parts, round(growth, 1), round(slope, 2), round(error, 2), flat)

    @property
    def slope_text(self) -> str:
        """The slope with its standard error."""
        return f"{self.slope_mib + 0.0:+.2f} ±{self.slope_error_mib:.2f}"


def _line(samples: Sequence[float], per_hour: float) -> tuple[float, float]:
    """Return the slope for each hour of a line of least squares, and its standard error."""
    x = np.arange(len(samples)) / per_hour
    x = x - x.mean()
    y = np.array(samples) - np.mean(samples)
    slope = float(x @ y / (x @ x))
    residuals = y - slope * x
    return slope, float(np.sqrt(residuals @ residuals / (len(samples) - 2) / (x @ x)))


class DayResult(msgspec.Struct, frozen=True):
    """A day of the log, compressed."""

    hours: int
    rate: float
    sales: int
    seconds: float
    acceleration: int
    exact: bool
    memory: dict[str, ProcessMemory]
    """By process; `job state` is the size of the newest checkpoint."""

    @property
    def growing(self) -> list[str]:
        """The processes whose memory was not flat at the end."""
        return [name for name, one in self.memory.items() if not one.flat]


class Samples:
    """The memory of each process, sampled at equal distances of the log's time."""

    def __init__(self, run: Run, client: FlinkClient, job: str) -> None:
        """Start without a sample."""
        self.values: dict[str, list[float]] = {}
        self._run = run
        self._client = client
        self._job = job

    def take(self) -> None:
        """Take one sample of each process.

        Raises:
            StackError: the job does not answer.

        """
        sampler = Sampler(self._run.home)
        sampler.sample()
        for name, usage in sampler.usage.items():
            self.values.setdefault(name, []).append(usage.rss_mib)
        state_mib = self._client.state_bytes(self._job) / 2**20
        self.values.setdefault("job state", []).append(state_mib)


def measure_day(run: Run, rate: int, seconds: float, progress: Progress) -> DayResult:
    """Write a day of sales within some minutes, and sample the memory of each process.

    Args:
        run: services without a job.
        rate: sales in each second of the log.
        seconds: how long the compressed day lasts.
        progress: is called while it lasts.

    Raises:
        StackError: the day was not compressed as far as this, because the machine is too slow.
        SpafError: the job does not run.

    """
    acceleration = round(DAY_S / seconds)
    name = f"day_{clock.now_ms()}"
    target_run = run.with_tables(name, name)
    create_stamped_topic(run.kafka, name, 1)
    progress("a day: starting the job")
    job = own_job(target_run, run.settings, name, acceleration=acceleration)
    with job as (target, job_id), contextlib.closing(FlinkClient(target.flink)) as client:
        samples = Samples(target_run, client, job_id)
        start_s = clock.monotonic()
        for hour in _written(target_run, rate, acceleration, samples):
            progress("a day: hours", hour, HOURS)
        took_s = clock.monotonic() - start_s
        wait_until_through(target_run, target, job_id, progress)
        exact = verify(target_run, progress=progress).exact
    if took_s > 1.25 * seconds:
        raise StackError(
            f"The day took {took_s:.0f} s instead of {seconds:.0f}: the machine is too slow.",
            todo="Measure for longer, or end other programs.",
        )
    return DayResult(
        hours=HOURS,
        rate=rate,
        sales=DAY_S * rate,
        seconds=round(took_s, 1),
        acceleration=acceleration,
        exact=exact,
        memory={name: ProcessMemory.of(values) for name, values in samples.values.items()},
    )


def _written(run: Run, rate: int, acceleration: int, samples: Samples) -> Iterator[int]:
    """Write the sales of each second when it is due, and sample; yield the hours that passed."""
    stream = configured_stream(run, "day")
    producer = open_producer(run.kafka, "spaf-day")
    first_us = (clock.now_ms() // 1_000 - DAY_S) * 1_000_000
    step_us = 1_000_000 // rate
    start_s = clock.monotonic()
    for second in range(DAY_S):
        ahead_s = second / acceleration - (clock.monotonic() - start_s)
        if ahead_s > MAX_AHEAD_S:
            clock.sleep(ahead_s)
        for number in range(rate):
            at_us = first_us + second * 1_000_000 + number * step_us
            sale, _ = stream.next_sale(at_us, at_us)
            producer.produce(run.topic, sale, partition=0, timestamp=at_us // 1_000)
        producer.poll(0)
        if second % (DAY_S // SAMPLES) == DAY_S // SAMPLES - 1:
            samples.take()
            yield second // 3_600
    producer.flush()
