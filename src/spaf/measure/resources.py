"""Memory and processor time of each service, and how much of the machine's cores was used."""

from __future__ import annotations

import os

import msgspec
import psutil

from spaf import clock
from spaf.generate.locust.load_result import LoadResult
from spaf.stack.resource_usage import memory_mib, resources
from spaf.stack.service_names import LOCUST
from spaf.stack.state import RunFolder, RunState

# Between two samples: reading the memory of a JVM takes it milliseconds.
SAMPLE_INTERVAL_S = 5.0
# Above this part of the cores a program that wakes has to wait for one.
BUSY_SHARE = 0.9


class CoreUse(msgspec.Struct, frozen=True):
    """Average number of cores in use: by all programs, by the pipeline, by the generator."""

    machine: int
    busy: float
    pipeline: float
    generator: float
    # Whether the generator ran before ordinary processes.
    realtime: bool

    @property
    def sentence(self) -> str:
        """Who used the cores, and whether programs had to wait for one."""
        other = max(0.0, self.busy - self.pipeline - self.generator)
        priority = "realtime" if self.realtime else "ordinary priority, because `ulimit -r` is 0"
        waits = " So the latency includes waits for a core."
        return (
            f"The generator ({priority}) used {self.generator:.2f}, the pipeline "
            f"{self.pipeline:.2f} and other programs {other:.2f} of {self.machine} cores."
            f"{waits if self.busy > BUSY_SHARE * self.machine else ''}"
        )


def busy_seconds() -> float:
    """Return the time that the cores were not idle since the machine started, seconds."""
    times = psutil.cpu_times()
    counted = ("user", "nice", "system", "irq", "softirq", "steal")
    return float(sum(getattr(times, name, 0.0) for name in counted))


class ServiceUsage(msgspec.Struct):
    """One service over the time of a measurement."""

    pid: int
    # Processor time of its process at the last sample, seconds.
    last_cpu: float
    rss_mib: float = 0.0
    cpu_seconds: float = 0.0


class Sampler(msgspec.Struct):
    """Samples every service of a run at intervals; keeps the largest memory of each.

    Processor time is that between the first and the last sample; a process that was started in
    between counts from its start.
    """

    home: RunFolder
    started: float = msgspec.field(default_factory=clock.monotonic)
    seconds: float = 0.0
    busy_before_s: float = msgspec.field(default_factory=busy_seconds)
    busy_s: float = 0.0
    usage: dict[str, ServiceUsage] = {}

    def sample_if_due(self) -> None:
        """Take a sample if SAMPLE_INTERVAL_S have passed since the last one."""
        if clock.monotonic() - self.started > self.seconds + SAMPLE_INTERVAL_S:
            self.sample()

    def sample(self) -> None:
        """Take one sample of every service."""
        state = self.home.read()
        if state is None:
            return
        self.seconds = clock.monotonic() - self.started
        self.busy_s = busy_seconds() - self.busy_before_s
        for name, service in state.services.items():
            if service.pid is not None:
                self._note(name, service.pid, *resources(service))
        self._note("supervisor", state.supervisor_pid, *_supervisor(state))

    def rss_mib(self) -> float:
        """Return the memory of the whole stack: the sum of each service's largest."""
        return sum(usage.rss_mib for usage in self.usage.values())

    def cores(self) -> float:
        """Return the average processor use of the whole stack, cores."""
        return sum(u.cpu_seconds for u in self.usage.values()) / max(self.seconds, 1e-9)

    def core_use(self, load: LoadResult) -> CoreUse:
        """Return how much of the cores was used while this load ran."""
        services = sum(use.cpu_seconds for name, use in self.usage.items() if name != LOCUST)
        return CoreUse(
            machine=os.cpu_count() or 1,
            busy=round(self.busy_s / max(self.seconds, 1e-9), 3),
            pipeline=round(services / max(self.seconds, 1e-9), 3),
            generator=round(load.cpu_cores, 3),
            realtime=load.realtime,
        )

    def table(self) -> dict[str, dict[str, float]]:
        """Return memory and processor use, percent of a core, of each service."""
        seconds = max(self.seconds, 1e-9)
        return {
            name: {
                "rss_mib": round(usage.rss_mib, 1),
                "cpu_percent": round(100 * usage.cpu_seconds / seconds, 1),
            }
            for name, usage in self.usage.items()
        }

    def _note(self, name: str, pid: int, rss_mib: float, cpu_s: float) -> None:
        usage = self.usage.setdefault(name, ServiceUsage(pid, cpu_s))
        if pid != usage.pid:
            usage.pid, usage.last_cpu = pid, 0.0
        usage.rss_mib = max(usage.rss_mib, rss_mib)
        # It decreases when a child process ends, such as the server process of a connection.
        usage.cpu_seconds += max(0.0, cpu_s - usage.last_cpu)
        usage.last_cpu = cpu_s


def _supervisor(state: RunState) -> tuple[float, float]:
    process = state.supervisor().process()
    if process is None:
        return 0.0, 0.0
    times = process.cpu_times()
    return memory_mib(process), times.user + times.system
