"""One measurement: a job reads a full topic, then sales arrive at a fixed rate.

One job does both: the code that the sales run through is compiled by then.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.job_run import own_job
from spaf.bench.scale.factors import Conditions
from spaf.bench.scale.level import LevelResult, Timing, measure_visit
from spaf.bench.throughput.drain import (
    append_closing,
    configured_stream,
    drained,
    until_counted,
    wait_until_running,
)
from spaf.bench.tuning.rungs import Rung
from spaf.generate.locust.load_result import MIN_ACHIEVED_SHARE
from spaf.settings import JobSettings
from spaf.stack.run import Run
from spaf.store import queries

TOPIC = "tuning"
PARTITIONS = 1
RATE = 100.0
# After one drain of a new TaskManager the next one took half as much processor time again.
WARM_UP_DRAINS = 3


class Visit(msgspec.Struct, frozen=True):
    """The figures of one measurement; None where `reason` says why."""

    p50_ms: float | None = None
    """From the time at which a sale was due until it was visible in PostgreSQL, at RATE."""
    p99_ms: float | None = None
    cpu_us_per_event: float | None = None
    """Processor time of the TaskManager while it read the full topic."""
    cores: float | None = None
    """Processor time of all services at RATE."""
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether no figure is missing."""
        return not self.reason


class Drained(NamedTuple):
    """The processor time of a full topic, and what makes it worthless."""

    cpu_us_per_event: float
    reasons: list[str]


def measure(run: Run, rung: Rung, name: str, timing: Timing, progress: Progress) -> Visit:
    """Measure the job with one setting changed; `name` is that of the intervals of the record.

    Raises:
        SpafError: the job was refused or stopped, or no sale became visible.

    """
    target_run, changed = _with_tables(run), _job_settings(run, rung)
    target_run.settings = changed
    group = f"tuning-{clock.now_ms()}"
    progress("planning the job")
    with own_job(target_run, changed, group, variant=rung.variant, keep_graph=True) as (
        target,
        job,
    ):
        wait_until_running(target, job)
        read = _drain(target_run, name, progress)
        (level,) = measure_visit(
            target_run, Conditions(rate=RATE), job, timing, progress, name=f"{name}: sales"
        )
    append_closing(target_run, configured_stream(run, "closing"), PARTITIONS)
    return visit_of(read, level, timing)


def warm_up(run: Run, progress: Progress) -> None:
    """Read the full topic without a figure: the JVM compiles its own code.

    Raises:
        SpafError: the job was refused or stopped.

    """
    for _ in range(WARM_UP_DRAINS):
        target_run = _with_tables(run)
        group = f"tuning-{clock.now_ms()}"
        with own_job(target_run, run.settings, group, keep_graph=True) as (target, job):
            wait_until_running(target, job)
            _drain(target_run, "warm-up", progress)


def visit_of(read: Drained, level: LevelResult, timing: Timing) -> Visit:
    """Return the figures that are valid, and why the others are missing."""
    reasons = _reasons(level, timing)
    sold = not reasons
    cores = level.stack_us * level.sales / timing.seconds / 1e6
    told = [f"drain: {why}" for why in read.reasons] + [f"sales: {why}" for why in reasons]
    return Visit(
        p50_ms=level.p50 if sold else None,
        p99_ms=level.p99 if sold else None,
        cpu_us_per_event=None if read.reasons else round(read.cpu_us_per_event, 3),
        cores=round(cores, 3) if sold else None,
        reason="; ".join(told),
    )


def _with_tables(run: Run) -> Run:
    return run.with_tables(TOPIC, f"tuning_{clock.now_ms()}")


def _job_settings(run: Run, rung: Rung) -> Any:
    job = JobSettings(**run.settings.job.model_dump() | dict(rung.job))
    return run.settings.model_copy(update={"job": job})


def _drain(run: Run, name: str, progress: Progress) -> Drained:
    events = drained(run)
    _, cpu_seconds, reasons = until_counted(
        run,
        queries.readable_records,
        lambda done, total: progress("reading the full topic", done, total),
        f"{name}: drain",
    )
    return Drained(cpu_seconds / events * 1e6, reasons)


def _reasons(level: LevelResult, timing: Timing) -> list[str]:
    """Return why figures of the sales are worthless though nothing disturbed the machine."""
    found = []
    if not level.counted:
        found.append("not every record is counted once")
    if level.latency_ms is None or level.latency_ms.negative:
        found.append("a latency is missing or negative")
    achieved = level.sales / timing.seconds
    if achieved < MIN_ACHIEVED_SHARE * RATE:
        found.append(f"the generator fell behind: {achieved:.1f} of {RATE:g} sales/s")
    return found
