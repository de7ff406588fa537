"""What the live page shows, and where it is: everything that it knows of the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spaf.sale import Rules
from spaf.store.access import Access


@dataclass(frozen=True)
class ServiceInfo:
    """One service at this moment."""

    name: str
    # starting, running, restarting, failed, stopped, external
    state: str
    address: str
    restarts: int
    # Both 0.0 where the service is not ours.
    rss_mib: float
    # Since its start, over all of its processes.
    cpu_seconds: float


@dataclass(frozen=True)
class JobInfo:
    """The Flink job at this moment."""

    # waiting, submitting, or Flink's own: RUNNING, RESTARTING, ...
    state: str
    id: str


@dataclass(frozen=True)
class RunInfo:
    """Addresses, rules and looks; the page knows nothing of the run folder itself."""

    kafka: str
    topic: str
    # Consumer group of the job.
    group: str
    # REST of the JobManager.
    flink: str
    access: Access
    rules: Rules
    outlier_score: float
    surge_score: float
    # When the run began, epoch milliseconds.
    started_ms: int
    # These take milliseconds: call them in a thread.
    services: Callable[[], list[ServiceInfo]]
    job: Callable[[], JobInfo]
    # Pages of Flink and Locust; quick.
    links: Callable[[], dict[str, str | None]]
    # What the load generator has made unusual.
    labels: Path
    # Folder of the paint reports.
    runs: Path
    # For how long the job gathers before it writes, seconds.
    gathers_s: float = 0.0
