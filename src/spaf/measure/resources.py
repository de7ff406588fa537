"""What the services cost: memory and processor time of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from spaf import clock
from spaf.stack.resource_usage import resources
from spaf.stack.state import RunFolder, RunState

# Between two samples, seconds: reading the memory of a JVM takes it milliseconds.
SAMPLE_SECONDS = 5.0


@dataclass
class ServiceUsage:
    """One service over the time of a measurement."""

    pid: int
    # What its process had used at the last look.
    last_cpu: float
    rss_mib: float = 0.0
    cpu_seconds: float = 0.0


@dataclass
class Sampler:
    """Looks at every service of a run now and then; keeps the largest memory.

    Processor time is what the service used between the first and the last look; a process that was
    started in between counts from its start.
    """

    home: RunFolder
    started: float = field(default_factory=clock.monotonic)
    seconds: float = 0.0
    usage: dict[str, ServiceUsage] = field(default_factory=dict)

    def look_now_and_then(self) -> None:
        """Take a sample if the last one is long enough ago."""
        if clock.monotonic() - self.started > self.seconds + SAMPLE_SECONDS:
            self.look()

    def look(self) -> None:
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
        """Return the processor time of the whole stack a second."""
        return sum(u.cpu_seconds for u in self.usage.values()) / max(self.seconds, 1e-9)

    def table(self) -> dict[str, dict[str, float]]:
        """Return memory and share of a core of each service."""
        seconds = max(self.seconds, 1e-9)
        return {
            name: {
                "rss_mib": round(usage.rss_mib, 1),
                "cpu_percent": round(100 * usage.cpu_seconds / seconds, 1),
            }
            for name, usage in self.usage.items()
        }

    def _note(self, name: str, pid: int, memory: float, cpu: float) -> None:
        usage = self.usage.setdefault(name, ServiceUsage(pid, cpu))
        if pid != usage.pid:
            usage.pid, usage.last_cpu = pid, 0.0
        usage.rss_mib = max(usage.rss_mib, memory)
        # It goes down when a child ends, such as the server process of a connection.
        usage.cpu_seconds += max(0.0, cpu - usage.last_cpu)
        usage.last_cpu = cpu


def _supervisor(state: RunState) -> tuple[float, float]:
    found = state.supervisor().process()
    if found is None:
        return 0.0, 0.0
    times = found.cpu_times()
    return found.memory_info().rss / 2**20, times.user + times.system
