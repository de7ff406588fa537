"""What the live page shows, and where the services of the run are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spaf.sale import Rules
from spaf.serve.sweep_view import SweepRunner
from spaf.store.access import Access
from spaf.trouble import DiskOutlook, Trouble


@dataclass(frozen=True)
class ServiceInfo:
    """One service at this moment."""

    name: str
    # starting, running, restarting, failed, stopped, external
    state: str
    address: str
    restarts: int
    # Both are 0.0 where SPAF did not start the service.
    rss_mib: float
    # Since its start, over all of its processes.
    cpu_seconds: float


@dataclass(frozen=True)
class JobInfo:
    """The Flink job at this moment."""

    # waiting, submitting, or Flink's own: RUNNING, RESTARTING, ...
    state: str
    id: str
    # Why sales do not reach the tables, as every command says it.
    trouble: Trouble | None = None
    # When a disk will be full, if that is foreseen.
    disk: DiskOutlook | None = None
    # Its consumer group, if another one than at the start of the page.
    group: str = ""


@dataclass(frozen=True)
class Thresholds:
    """Scores from which the job reports an anomaly; an upgrade of the job may change them."""

    outlier_score: float
    surge_score: float
    series_score: float


@dataclass(frozen=True)
class RunInfo:
    """Addresses, rules and callbacks; the page itself does not read the run folder."""

    kafka: str
    topic: str
    # Consumer group of the job.
    group: str
    # REST address of the JobManager.
    flink: str
    access: Access
    rules: Rules
    # When the run began, epoch milliseconds.
    started_ms: int
    # These three take milliseconds: call them in a thread.
    thresholds: Callable[[], Thresholds]
    services: Callable[[], list[ServiceInfo]]
    job: Callable[[], JobInfo]
    # Web pages of Flink and Locust, as SPAF reaches them; fast.
    links: Callable[[], dict[str, str | None]]
    # The same, as a browser reaches them.
    public_links: Callable[[], dict[str, str | None]]
    # Labels of the anomalies that the load generator has sold.
    labels: Path
    # Folder of the paint reports.
    runs: Path
    # The measurement that the page starts.
    sweep: SweepRunner
    # How long the job buffers rows before it writes them.
    write_interval_s: float = 0.0
