"""What is compared: a program that aggregates a topic into a table, a peer's or ours."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import psutil

from spaf.bench.peers.environments import PeerEnvironment
from spaf.bench.peers.peer import Peer, lines_of_code
from spaf.bench.peers.program import PeerProgram
from spaf.bench.progress import Progress
from spaf.bench.run.job_run import own_job
from spaf.bench.throughput.drain import wait_until_running
from spaf.errors import JobError
from spaf.job import build
from spaf.job.flink_client import FlinkClient
from spaf.settings import JobSettings, Settings
from spaf.stack.process import wait_until
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import JOBMANAGER, TASKMANAGER
from spaf.stack.submission import JobTarget
from spaf.store import queries
from spaf.store.access import Role

# The supervisor starts a killed TaskManager again within this time.
RESTART_TIMEOUT_S = 60.0
# The ledger is written with the next checkpoint at the latest.
LEDGER_TIMEOUT_S = 15.0
# A restarted job goes on from its last checkpoint, so one is taken often where it is killed.
CHECKPOINT_MS = 1_000
SQL = Path(build.__file__).with_name("sql")
AGGREGATE_FILES = ("010", "020", "110", "120", "130")


class RunningProgram(Protocol):
    """A program that is running."""

    def usage(self) -> tuple[float, float]:
        """Return memory (MiB) and processor time (seconds) of all its processes."""

    def failure(self) -> str:
        """Return why it does not go on; empty while it does."""

    def kill_and_restart(self) -> None:
        """Kill it at once and start it again with the same state."""

    def stop(self) -> int | None:
        """End it; return how many records it says that it has refused, if it counts them."""


class ComparedProgram(Protocol):
    """A program that can be measured."""

    name: str

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def settings(self) -> str:
        """Which settings it has and why, in one line."""

    def lines(self) -> int:
        """Return its lines of code."""

    def prepare(self, progress: Progress) -> None:
        """Install what is missing."""

    def running(
        self, run: Run, partitions: int, purpose: str
    ) -> AbstractContextManager[RunningProgram]:
        """Run it over the topic of a run into its tables while the block runs."""


# What a program is run for.
DRAIN, LIVE, KILL = "drain", "live", "kill"


class ComparedPeer:
    """A peer."""

    def __init__(self, peer: Peer) -> None:
        """Keep the peer."""
        self._peer = peer
        self.name = peer.name
        self.version = peer.installed_version
        self.settings = peer.settings

    def lines(self) -> int:
        """Return its lines of code."""
        return self._peer.lines()

    def prepare(self, progress: Progress) -> None:
        """Make its environment.

        Raises:
            SetupError: it cannot be made.

        """
        PeerEnvironment(self._peer).make(progress)

    @contextlib.contextmanager
    def running(self, run: Run, partitions: int, purpose: str) -> Iterator[PeerProgram]:
        """Run its program.

        Raises:
            ServiceError: the program cannot be started.

        """
        program = PeerProgram(self._peer, run, partitions, purpose)
        try:
            program.start()
            yield program
        finally:
            program.stop()


class ComparedJob:
    """A job of ours on the TaskManager of the run."""

    def __init__(self, name: str, sinks: Sequence[str], live: JobSettings, settings: str) -> None:
        """Keep what is run.

        Args:
            name: of the row.
            sinks: the tables that the job writes.
            live: the settings of the job where latency is measured.
            settings: what is said of the settings.

        """
        self.name = name
        self.settings = settings
        self.version = version("spaf")
        self._sinks = tuple(sinks)
        self._live = live

    def lines(self) -> int:
        """Return the lines of its SQL."""
        every = self._sinks == build.SINKS
        files = (f for f in sorted(SQL.glob("*.sql")) if every or f.name[:3] in AGGREGATE_FILES)
        return sum(map(lines_of_code, files))

    def prepare(self, progress: Progress) -> None:
        """Do nothing: set-up has installed Flink."""

    @contextlib.contextmanager
    def running(self, run: Run, partitions: int, purpose: str) -> Iterator[RunningJob]:
        """Run the job.

        Raises:
            JobError: Flink refuses the job.

        """
        settings = self._settings(run.settings, partitions, purpose)
        with own_job(run, settings, run.access.schema, self._sinks) as (target, job):
            wait_until_running(target, job)
            yield RunningJob(run, target, job, counts=self._sinks == build.SINKS)

    def _settings(self, settings: Settings, partitions: int, purpose: str) -> Settings:
        job = self._live if purpose == LIVE else settings.job
        changed: dict[str, int] = {"parallelism": partitions}
        if purpose == KILL:
            changed["checkpoint_ms"] = CHECKPOINT_MS
        return settings.model_copy(update={"job": job.model_copy(update=changed)})


class RunningJob:
    """A job of ours that runs."""

    def __init__(self, run: Run, target: JobTarget, job: str, *, counts: bool) -> None:
        """Keep where it runs.

        Args:
            run: its run.
            target: its topic and tables.
            job: its id.
            counts: whether it writes the ledger, which counts refused records.

        """
        self._run, self._target, self._job, self._counts = run, target, job, counts

    def usage(self) -> tuple[float, float]:
        """Return memory and processor time of JobManager and TaskManager."""
        services = self._run.state().services
        both = [
            resources(s) for n, s in services.items() if n.startswith((JOBMANAGER, TASKMANAGER))
        ]
        return sum(memory for memory, _ in both), sum(cpu for _, cpu in both)

    def failure(self) -> str:
        """Return the failure of the job, if it has failed for good."""
        with contextlib.closing(FlinkClient(self._target.flink)) as client:
            status = client.status(self._job)
            if status is None or status.state in ("FAILED", "CANCELED"):
                return f"the job failed: {client.failure(self._job)}"
        return ""

    def kill_and_restart(self) -> None:
        """Kill the TaskManager; the supervisor starts it again.

        Raises:
            JobError: it is not started again.

        """
        killed = self._run.state().services[TASKMANAGER].pid
        psutil.Process(killed).send_signal(signal.SIGKILL)

        def started() -> bool:
            return self._run.state().services[TASKMANAGER].pid not in (killed, None)

        if not wait_until(started, RESTART_TIMEOUT_S):
            raise JobError("The killed TaskManager was not started again.")

    def stop(self) -> int | None:
        """Return how many records the ledger has as late or refused; the block ends the job."""
        if not self._counts:
            return None
        records = sum(self._run.end_offsets().values())
        counted: list[tuple[int, int]] = []

        def complete() -> bool:
            with self._run.access.session(Role.READ) as connection:
                rows = queries.ledger(connection)
            counted[:] = [(accepted, late + refused) for _, _, accepted, late, refused, *_ in rows]
            return sum(map(sum, counted)) >= records

        wait_until(complete, LEDGER_TIMEOUT_S)
        return sum(not_counted for _, not_counted in counted)
