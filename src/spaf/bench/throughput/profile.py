"""The profile of a drain: which part of the job the processor time of the TaskManager goes to.

The kernel counts the processor time of each thread; the samples of the JVM's recorder divide it
among the parts of the job. So the parts add up to the processor time of the process, its collector
and compiler threads included, of which the recorder takes no samples.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import msgspec

from spaf import clock
from spaf.bench.scenario import Table
from spaf.bench.throughput.profile_parts import ORDER, JobPlan, SampleParts, part_of_thread
from spaf.errors import JobError, SettingsError
from spaf.measure import flight_recorder
from spaf.measure.flight_recorder import StackSample, ThreadTime
from spaf.settings import Settings
from spaf.stack.flink import PROFILING_OPTIONS
from spaf.stack.run import Run
from spaf.stack.service_names import TASKMANAGER
from spaf.stack.submission import JobTarget

# The recording, in the run folder.
RECORDING = "drain.jfr"


class ProfilePart(msgspec.Struct, frozen=True):
    """One part of the job: its share of the processor time, and that time for an event."""

    part: str
    share: float
    cpu_us_per_event: float


class DrainProfile(msgspec.Struct, frozen=True):
    """The parts of one drain."""

    parts: Sequence[ProfilePart]
    samples: int
    cpu_us_per_event: float
    recording: str
    """The file with the samples, for other programs that read recordings of this JVM."""

    @classmethod
    def of(cls, cpu_seconds: Mapping[str, float], events: int, samples: int, file: str) -> Self:
        """Return the profile from the processor time of each part."""
        total_s = sum(cpu_seconds.values())
        us = {part: 1e6 * cpu_s / events for part, cpu_s in cpu_seconds.items()}
        # What indistinguishable siblings share has a name of its own, and comes last.
        parts = sorted(us, key=lambda part: ORDER.index(part) if part in ORDER else len(ORDER))
        rows = [
            ProfilePart(part, round(cpu_seconds[part] / total_s, 4), round(us[part], 3))
            for part in parts
        ]
        return cls(rows, samples, round(1e6 * total_s / events, 3), file)

    def table(self) -> Table:
        """Return a row a part."""
        rows = [(row.part, f"{row.share:.1%}", row.cpu_us_per_event) for row in self.parts]
        title = f"last drain by part, {self.samples:,} samples"
        return Table(title, ("part", "share", "CPU µs/event"), rows)


def cpu_by_part(
    samples: Sequence[StackSample], threads: Mapping[int, ThreadTime], parts: SampleParts
) -> dict[str, float]:
    """Return the processor time of each part, seconds.

    Args:
        samples: of a drain.
        threads: the processor time that each thread has used in it.
        parts: of these samples.

    """
    by_thread: dict[int, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        by_thread[sample.thread][parts.part(sample)] += 1
    cpu_seconds: dict[str, float] = defaultdict(float)
    for number, thread in threads.items():
        counts = by_thread.get(number) or Counter({part_of_thread(thread.name): 1})
        for part, count in counts.items():
            cpu_seconds[part] += thread.cpu_seconds * count / counts.total()
    return dict(cpu_seconds)


class Profiler:
    """Records one drain of a run's TaskManager."""

    def __init__(self, run: Run, events: int) -> None:
        """Start the recorder; it is warm when the drain begins.

        Args:
            run: the services of the scenario.
            events: in the topic.

        Raises:
            JobError: the TaskManager was started without what a profile needs.
            StackError: the recorder does not answer.

        """
        service = run.state().services[TASKMANAGER]
        identity = service.identity()
        head = identity.process() if identity else None
        if head is None or PROFILING_OPTIONS[-1] not in head.cmdline():
            raise JobError(
                "The TaskManager that is up was started without --profile.",
                todo="End its run with `spaf down`, then repeat.",
            )
        self._pid, self._run, self._events = head.pid, run, events
        self.profile: DrainProfile | None = None
        flight_recorder.start(self._pid)

    @contextmanager
    def drain(self, target: JobTarget) -> Iterator[None]:
        """DrainProfile what the job of a target does while the block runs.

        Raises:
            StackError: the recorder does not answer.

        """
        begin_s, before = clock.now_us() / 1e6, flight_recorder.thread_times(self._pid)
        yield
        end_s, after = clock.now_us() / 1e6, flight_recorder.thread_times(self._pid)
        home = self._run.home
        file = home.runs / RECORDING
        # Relative to the working directory of the TaskManager, as all of its files.
        flight_recorder.stop(self._pid, file.relative_to(home.folder))
        samples = [
            sample for sample in flight_recorder.samples(file) if begin_s <= sample.at_s <= end_s
        ]
        settings = self._run.settings
        views = target.parameters(settings).sink_by_view()
        plan = JobPlan(target.plan(settings).read_bytes(), views)
        threads = {number: used(before, number, time) for number, time in after.items()}
        cpu_seconds = cpu_by_part(samples, threads, SampleParts(plan, samples))
        self.profile = DrainProfile.of(cpu_seconds, self._events, len(samples), str(file))


def used(before: Mapping[int, ThreadTime], number: int, after: ThreadTime) -> ThreadTime:
    """Return the time that a thread has used since; the kernel may use its number again."""
    start = before.get(number)
    if start is None or start.name != after.name:
        return after
    return after._replace(cpu_seconds=after.cpu_seconds - start.cpu_seconds)


def require_profiler(settings: Settings) -> None:
    """Check that a drain can be profiled here.

    Raises:
        SettingsError: the settings name a cluster of the user's own.
        SetupError: this Java has no recorder, or not the options that it needs.

    """
    if settings.flink.rest_url is not None:
        raise SettingsError(
            "--profile records only a TaskManager that SPAF starts, but flink.rest_url names "
            "another cluster.",
            todo="Unset SPAF_FLINK__REST_URL, or leave --profile out.",
        )
    flight_recorder.require_recorder(PROFILING_OPTIONS)
