"""The measurement of one level: its job, sales at one rate, cost, latency and memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, Self

import msgspec

from spaf import clock
from spaf.bench.page.access import page_address
from spaf.bench.page.sse_clients import SseClients
from spaf.bench.progress import Progress
from spaf.bench.results import recording
from spaf.bench.run.job_run import own_job
from spaf.bench.run.load import Load, offered
from spaf.bench.scale.factors import Conditions
from spaf.errors import JobError, LoadError
from spaf.job.flink_client import FlinkClient
from spaf.measure.latency import Stamps, showings, stamps
from spaf.measure.quantiles import Quantiles
from spaf.measure.resources import Sampler
from spaf.measure.visibility import VisibilityWatch, watch_file
from spaf.settings import JobSettings
from spaf.stack import process
from spaf.stack.run import Run
from spaf.stack.service_names import TASKMANAGER
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.statement import statement
from spaf.topic.range_reader import read

POLL_INTERVAL_S = 0.1
# Locust and its first sale, on a busy machine, with a catalogue of 200,000 products.
FIRST_SALE_TIMEOUT_S = 60.0
# The job has read the records that came before: a thousandth of the usual speed.
START_TIMEOUT_S = 60.0
MAX_RECORD_S = 0.001
# The last sales are in the tables well within this time.
COUNTED_TIMEOUT_S = 20.0
# The load outlasts the windows, between which the memory of the processes is read; it is stopped.
SPARE_S = 30.0
# A window that another program disturbed is measured again. What disturbs a machine that is quiet
# otherwise, such as a compiler, lasts half a minute.
MAX_DISTURBED = 6


class Timing(NamedTuple):
    """Seconds of sales that are left out, and the windows that are measured, one after another."""

    warm_up_s: float
    seconds: float
    windows: int = 1


class LevelResult(msgspec.Struct, frozen=True):
    """One measurement; processor time and memory are those of the stack without the load."""

    sales: int
    taskmanager_us: float
    """Processor time of all TaskManagers, microseconds for each sale."""
    stack_us: float
    latency_ms: Quantiles | None
    """From the time at which a sale was due until it was visible in PostgreSQL."""
    publish_p99_ms: float | None
    memory_mib: dict[str, float]
    state_mib: float
    """Size of the job's newest checkpoint."""
    counted: bool
    """Whether the ledger counts each record of the topic once."""

    @property
    def stack_mib(self) -> float:
        """The memory of the whole stack."""
        return round(sum(self.memory_mib.values()), 1)

    @property
    def p50(self) -> float | None:
        """The median latency."""
        return None if self.latency_ms is None else self.latency_ms.p50

    @property
    def p99(self) -> float | None:
        """The latency that a hundredth of the sales exceeds."""
        return None if self.latency_ms is None else self.latency_ms.p99


@contextlib.contextmanager
def level_job(run: Run, wanted: Conditions, progress: Progress) -> Iterator[str]:
    """Run the job of a level; yield its id once it has read what came before.

    With viewers the job is that of the run, which goes on.

    Raises:
        JobError: the job does not run, or does not read the topic.

    """
    if wanted.viewers:
        yield run.state().job.id
        return
    job = run.settings.job.model_dump() | {"parallelism": wanted.parallelism}
    settings = run.settings.model_copy(update={"job": JobSettings(**job)})
    progress("starting the job")
    # Otherwise the records that the job of an earlier visit has counted would count for this one.
    with run.access.session(Role.OWNER, autocommit=True) as connection:
        connection.execute(statement("spaf.bench", "truncate_ledger"))
    group = f"{run.topic}-{clock.now_ms()}"
    with own_job(run, settings, group, keep_graph=True) as (target, job_id):
        with contextlib.closing(FlinkClient(target.flink)) as client:
            _wait_until_running(client, job_id)
        timeout_s = START_TIMEOUT_S + wanted.records * MAX_RECORD_S
        if not _wait_until_counted(run, timeout_s, progress):
            raise JobError(f"The job has not read the topic within {timeout_s:.0f} s.")
        yield job_id


def measure_visit(  # noqa: PLR0913 - what a benchmark varies
    run: Run, wanted: Conditions, job: str, timing: Timing, progress: Progress, *, name: str
) -> list[LevelResult]:
    """Sell at the rate of a level; return cost, latency and memory of each window of the time.

    Args:
        run: the topic and the tables of the level.
        wanted: its conditions.
        job: the id of the job that reads the topic.
        timing: how long to sell.
        progress: is called while sales are sold.
        name: of the windows in the record of the run.

    Raises:
        SpafError: the load left no result, no sale became visible, or other programs disturbed
            every window.

    """
    with _viewers(run, wanted.viewers):
        run.home.runs.mkdir(parents=True, exist_ok=True)
        watch = VisibilityWatch(watch_file(run.home))
        try:
            watch.listen(run.access)
            return _sell(run, wanted, timing, (watch, job), progress, name=name)
        finally:
            watch.stop()
            watch.file.unlink(missing_ok=True)


@contextlib.contextmanager
def _viewers(run: Run, viewers: int) -> Iterator[None]:
    if not viewers:
        yield
        return
    with SseClients(page_address(run), viewers):
        yield


def _wait_until_running(client: FlinkClient, job: str) -> None:
    deadline = clock.monotonic() + START_TIMEOUT_S
    while clock.monotonic() < deadline:
        status = client.status(job)
        if status is not None and status.running:
            return
        failure = client.failure(job)
        if failure:
            raise JobError(f"The job failed: {failure}")
        clock.sleep(POLL_INTERVAL_S)
    raise JobError(f"The job did not start within {START_TIMEOUT_S:.0f} s.")


class _Window(NamedTuple):
    """A part of the measured time, microseconds, and the processor time and memory in it."""

    start_us: int
    end_us: int
    usage: Sampler
    reasons: list[str]
    """What disturbed it."""

    @classmethod
    def measured(cls, run: Run, seconds: float, name: str) -> Self:
        """Return the window that begins now; waits for its end."""
        usage = Sampler(run.home)
        usage.sample()
        interval = recording.interval(name)
        start_us = clock.now_us()
        clock.sleep(seconds)
        end_us = clock.now_us()
        reasons = interval.reasons
        usage.sample()
        return cls(start_us, end_us, usage, reasons)


def _windows(run: Run, timing: Timing, progress: Progress, name: str) -> list[_Window]:
    """Return the windows that nothing disturbed; one that was disturbed is measured again.

    Raises:
        LoadError: each was disturbed.

    """
    windows: list[_Window] = []
    for number in range(1, timing.windows + MAX_DISTURBED + 1):
        good = [window for window in windows if not window.reasons]
        if len(good) == timing.windows:
            return good
        progress("selling, measured: windows", len(good), timing.windows)
        windows.append(_Window.measured(run, timing.seconds, f"{name} {number}"))
    good = [window for window in windows if not window.reasons]
    if not good:
        raise LoadError(
            f"Each of {len(windows)} windows was disturbed: {'; '.join(windows[-1].reasons)}.",
            todo="End the other programs, then measure again.",
        )
    return good


def _sell(  # noqa: PLR0913 - what a benchmark varies
    run: Run,
    wanted: Conditions,
    timing: Timing,
    measured: tuple[VisibilityWatch, str],
    progress: Progress,
    *,
    name: str,
) -> list[LevelResult]:
    watch, job = measured
    begin = run.end_offsets()
    spec = replace(offered(run, anomaly_rate=0.0), topic=run.topic, labels=None, shop=wanted.shop)
    windows_s = (timing.windows + MAX_DISTURBED) * timing.seconds
    seconds = timing.warm_up_s + windows_s + SPARE_S
    load = Load(run, spec, rate=wanted.rate, seconds=seconds)
    try:
        _wait_for_first_sale(run, load, sum(begin.values()))
        progress("selling, not measured yet")
        clock.sleep(timing.warm_up_s)
        windows = _windows(run, timing, progress, name)
    finally:
        load.stop()
    result = load.result()
    counted = _wait_until_counted(run, COUNTED_TIMEOUT_S, progress)
    counted = counted and result.acked == result.intended
    # The sink of the sales may write this much later than that of the ledger.
    clock.sleep(2 * run.settings.job.flush_ms / 1_000)
    state_mib = _state_mib(run, job)
    watch.stop()
    progress("joining the sales with the rows")
    records = read(run.kafka, run.topic, begin, run.end_offsets())
    joined = stamps(records, run.rules, showings(watch.file))
    return [_result(joined, window, state_mib, counted=counted) for window in windows]


def _result(joined: Stamps, window: _Window, state_mib: float, *, counted: bool) -> LevelResult:
    sold = joined.between(window.start_us, window.end_us)
    sales = int(sold.intended.size)
    if not sales:
        raise LoadError("No sale was visible in the measured time.", todo="Measure for longer.")
    usage = window.usage.usage
    tasks_s = sum(one.cpu_seconds for name, one in usage.items() if name.startswith(TASKMANAGER))
    publish = sold.publish()
    return LevelResult(
        sales=sales,
        taskmanager_us=round(tasks_s / sales * 1e6, 2),
        stack_us=round(sum(one.cpu_seconds for one in usage.values()) / sales * 1e6, 2),
        latency_ms=sold.latency(),
        publish_p99_ms=None if publish is None else publish.p99,
        memory_mib={name: round(one.rss_mib, 1) for name, one in usage.items()},
        state_mib=state_mib,
        counted=counted and not sold.unseen,
    )


def _wait_for_first_sale(run: Run, load: Load, before: int) -> None:
    """Wait until the load sells.

    Raises:
        LoadError: it does not.

    """
    deadline = clock.monotonic() + FIRST_SALE_TIMEOUT_S
    while sum(run.end_offsets().values()) == before:
        if load.done:
            load.result()
        if load.done or clock.monotonic() > deadline:
            raise LoadError("The load did not sell.", todo="See `spaf logs load`.")
        clock.sleep(POLL_INTERVAL_S)


def _wait_until_counted(run: Run, timeout_s: float, progress: Progress) -> bool:
    """Wait until the ledger counts each record of the topic; return whether it does, once."""
    records = sum(run.end_offsets().values())
    with run.access.session(Role.READ, autocommit=True) as connection:

        def through() -> bool:
            counted = queries.readable_records(connection)
            progress("reading the topic", counted, records)
            return counted >= records

        process.wait_until(through, timeout_s)
        return queries.readable_records(connection) == records


def _state_mib(run: Run, job: str) -> float:
    """Return the size of the job's newest checkpoint."""
    with contextlib.closing(FlinkClient(run.flink)) as client:
        return client.state_bytes(job) / 2**20
