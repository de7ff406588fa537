"""What a scenario records while it runs: its intervals, its sales, samples of every process.

The recording of the present run is found by `active`, so that a scenario hands nothing through. A
scenario that runs without one, as in a test, records into nowhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import msgspec
import psutil
from numpy.typing import NDArray

from spaf import clock
from spaf.bench.results import folder as results
from spaf.bench.results.record import (
    SALES_FILE,
    SAMPLES_FILE,
    Ending,
    Interval,
    ResultRecord,
    Validity,
)
from spaf.measure.pipeline_sampler import PipelineSampler, PipelineUse
from spaf.measure.system_sampler import Head, SystemSampler
from spaf.stack import process
from spaf.stack.run import Run
from spaf.stack.service_names import SUPERVISOR
from spaf.stack.state import RunFolder

# This process and those it starts for a short time.
BENCH = "bench"
KILLED = "the run has not ended: it was killed, or still runs"


class OpenInterval:
    """A part of the run that is being measured."""

    def __init__(self, name: str, sampler: SystemSampler | None, *, shared: bool = False) -> None:
        """Begin now."""
        self.name = name
        self._shared = shared
        self._sampler = sampler
        self._first = 0 if sampler is None else sampler.sample()
        self._start_us = clock.now_us()
        self._interval: Interval | None = None

    def end(self) -> Interval | None:
        """End now, the first time; return what it was, or None if nothing is recorded."""
        if self._interval is None and self._sampler is not None:
            end_us, last = clock.now_us(), self._sampler.sample()
            interference = self._sampler.between(self._first, last)
            self._interval = Interval(self.name, self._start_us, end_us, interference, self._shared)
        return self._interval

    @property
    def reasons(self) -> list[str]:
        """Why figures of the interval are not valid; ends it."""
        interval = self.end()
        return [] if interval is None else interval.reasons


class Recording:
    """The record of a run that goes on, and its data."""

    def __init__(
        self,
        folder: Path,
        record: ResultRecord,
        homes: tuple[RunFolder, ...],
        *,
        shared: bool = False,
    ) -> None:
        """Keep the first record.

        Args:
            folder: of the record.
            record: at the start of the run.
            homes: the run folders whose services are sampled.
            shared: whether other programs may use the machine.

        """
        self.folder = folder
        self._shared = shared
        self.record = record
        self._homes = homes
        self._sales: dict[str, NDArray[Any]] = {}
        self._intervals: list[OpenInterval] = []
        self._whole: OpenInterval | None = None
        self._pipeline: PipelineSampler | None = None
        self.sampler = SystemSampler(self._heads)

    def start(self) -> None:
        """Write the first record, which says that the run has not ended, and begin to sample.

        Raises:
            ResultsError: the folder cannot be created, or holds a result.

        """
        results.create(self.folder)
        results.write(self.folder, self.record)
        self.sampler.start()
        self._whole = OpenInterval("", self.sampler, shared=self._shared)

    def interval(self, name: str) -> OpenInterval:
        """Begin a measured part of the run."""
        begun = OpenInterval(name, self.sampler, shared=self._shared)
        self._intervals.append(begun)
        return begun

    def add_sales(self, name: str, columns: dict[str, NDArray[Any]]) -> None:
        """Keep the steps of the sales of an interval, for the end of the run."""
        self._sales |= {f"{name}/{column}": values for column, values in columns.items()}

    @contextlib.contextmanager
    def following(self, run: Run) -> Iterator[None]:
        """Sample the job and the database of a run, while the block runs."""
        self._pipeline = PipelineSampler(run)
        with self._pipeline:
            yield

    def pipeline(self, measured: Interval) -> PipelineUse | None:
        """Return what job and database did in an interval; None if they are not followed."""
        if self._pipeline is None:
            return None
        return PipelineUse.of(self._pipeline.series(), measured.start_us, measured.end_us)

    def ended(self) -> list[Interval]:
        """End and return each interval; without one, the whole run counts as one."""
        begun = self._intervals or ([self._whole] if self._whole else [])
        ended = [interval.end() for interval in begun]
        return [interval for interval in ended if interval is not None]

    def finish(self, ending: Ending, validity: Validity, result: Any = None) -> ResultRecord:
        """Write the data, then the complete record, and return it.

        Raises:
            OSError: it could not be written.

        """
        intervals = self.ended()
        self.sampler.stop()
        series = self.sampler.series()
        if self._pipeline is not None:
            series |= self._pipeline.series()
        files = {
            name: results.write_arrays(self.folder, name, arrays)
            for name, arrays in (
                (SALES_FILE, self._sales),
                (SAMPLES_FILE, series),
            )
            if arrays
        }
        self.record = msgspec.structs.replace(
            self.record,
            ended_us=clock.now_us(),
            ending=ending,
            validity=validity,
            intervals=intervals,
            result=result,
            files=files,
        )
        results.write(self.folder, self.record)
        return self.record

    def _heads(self) -> Iterator[Head]:
        """Yield the processes of this measurement: this one, its children, every service."""
        me = psutil.Process()
        yield Head(BENCH, os.getpid(), me.create_time())
        for child in process.spawned():
            yield Head(child.name, child.identity.pid, child.identity.started)
        for home in self._homes:
            state = home.read()
            if state is None:
                continue
            yield Head(SUPERVISOR, state.supervisor_pid, state.supervisor_started)
            for name, service in state.services.items():
                if service.pid is not None:
                    yield Head(name, service.pid, service.started)


_active: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextlib.contextmanager
def activated(recording: Recording) -> Iterator[None]:
    """Make a recording the one of this run, while the block runs."""
    token = _active.set(recording)
    try:
        yield
    finally:
        _active.reset(token)


def interval(name: str) -> OpenInterval:
    """Begin a measured part of the run, in its recording if it has one."""
    recording = _active.get()
    return OpenInterval(name, None) if recording is None else recording.interval(name)


def add_sales(name: str, columns: dict[str, NDArray[Any]]) -> None:
    """Keep the steps of the sales of an interval, if the run is recorded."""
    recording = _active.get()
    if recording is not None:
        recording.add_sales(name, columns)


def recorded() -> bool:
    """Return whether the present run has a recording."""
    return _active.get() is not None


@contextlib.contextmanager
def following(run: Run) -> Iterator[None]:
    """Sample the job and the database of a run while the block runs, if it is recorded."""
    recording = _active.get()
    with contextlib.nullcontext() if recording is None else recording.following(run):
        yield


def pipeline(measured: Interval | None) -> PipelineUse | None:
    """Return what job and database did in an interval; None if that is not recorded."""
    recording = _active.get()
    return None if recording is None or measured is None else recording.pipeline(measured)
