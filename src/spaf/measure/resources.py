"""Memory and processor time of each service."""

from __future__ import annotations

import msgspec

from spaf import clock
from spaf.stack.resource_usage import memory_mib, resources
from spaf.stack.state import RunFolder, RunState

# Between two samples: reading the memory of a JVM takes it milliseconds.
SAMPLE_INTERVAL_S = 5.0


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
