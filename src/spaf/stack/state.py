"""The run folder: what is where, and what the supervisor has last said of it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Self

import msgspec

from spaf.errors import NotUpError, StackError
from spaf.files import SECRET_MODE, write_atomically
from spaf.sale import Rules
from spaf.settings import Settings
from spaf.stack.process import ProcessIdentity
from spaf.store.access import Access, Role

# The run folder may be crossed (PostgreSQL runs under another account when SPAF runs as root),
# its parts may not be read by others.
FOLDER_MODE = 0o711
PRIVATE_MODE = 0o700
# A folder without it was not made by SPAF; it is neither used nor deleted.
MARKER = ".spaf-home"


class ServiceState(msgspec.Struct):
    """One service, as last seen."""

    name: str
    # starting, running, restarting, external
    state: str
    address: str
    log: str = ""
    pid: int | None = None
    started: float = 0.0
    restarts: int = 0

    def identity(self) -> ProcessIdentity | None:
        """Return the process, or None where it is not ours."""
        return None if self.pid is None else ProcessIdentity(self.pid, self.started)


class JobState(msgspec.Struct):
    """The job, as last seen."""

    # waiting, submitting, or Flink's own: RUNNING, RESTARTING, ...
    state: str = "waiting"
    id: str = ""
    resumed_from: str = ""
    submissions: int = 0


class JobContract(msgspec.Struct):
    """The settings that the answers of a job depend on, as it was started with them."""

    currency: str = "BRL"
    max_lateness_s: int = 600
    max_ahead_s: int = 60
    outlier_hours: int = 6
    outlier_score: float = 5.0
    surge_seconds: int = 120
    surge_score: float = 4.5
    deduplicate_minutes: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        job = settings.job
        return cls(
            **settings.sale.model_dump(),
            outlier_hours=job.outlier_hours,
            outlier_score=job.outlier_score,
            surge_seconds=job.surge_seconds,
            surge_score=job.surge_score,
            deduplicate_minutes=job.deduplicate_minutes,
        )

    def rules(self) -> Rules:
        """Return what the contract of the event leaves to the operator."""
        return Rules(
            self.currency,
            self.max_lateness_s * 1_000,
            self.max_ahead_s * 1_000,
            self.deduplicate_minutes * 60_000,
        )


class RunState(msgspec.Struct):
    """Everything that another process needs to know of a run."""

    supervisor_pid: int
    supervisor_started: float
    # starting, running, failed, stopping
    phase: str
    kafka: str
    flink: str
    postgres_host: str
    postgres_port: int
    services: dict[str, ServiceState]
    job: JobState
    contract: JobContract = msgspec.field(default_factory=JobContract)
    message: str = ""

    def supervisor(self) -> ProcessIdentity:
        """Return the process that wrote this."""
        return ProcessIdentity(self.supervisor_pid, self.supervisor_started)


class RunFolder:
    """Names of everything in the run folder."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder; nothing is created yet."""
        self.folder = folder.absolute()
        self.marker = self.folder / MARKER
        self.logs = self.folder / "logs"
        self.state = self.folder / "run.json"
        # Of the last job, kept when the run has ended and other services run in the folder.
        self.contract = self.folder / "contract.json"
        self.lock = self.folder / "lock"
        self.secrets = self.folder / "secrets.json"
        self.kafka = self.folder / "kafka"
        self.postgres = self.folder / "postgres"
        self.flink = self.folder / "flink"
        self.checkpoints = self.folder / "checkpoints"
        self.runs = self.folder / "runs"
        self.plans = self.folder / "plans"
        self.watching = self.runs / "quarantine.json"

    def create(self) -> None:
        """Create the folder and its private parts.

        Raises:
            StackError: the folder holds something that is not SPAF's.

        """
        if self._foreign():
            raise StackError(
                f"{self.folder} is neither empty nor a run folder of SPAF.",
                todo="Name a new folder with SPAF_HOME.",
            )
        self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self.marker.touch()
        self.folder.chmod(FOLDER_MODE)
        for part in (self.logs, self.kafka, self.flink, self.checkpoints, self.runs):
            part.mkdir(mode=PRIVATE_MODE, exist_ok=True)

    def _foreign(self) -> bool:
        """Say whether the folder holds more than run folders (a bench has its own in ours)."""
        if not self.folder.exists() or self.marker.exists():
            return False
        return not self.folder.is_dir() or any(
            not (part / MARKER).exists() for part in self.folder.iterdir()
        )

    def read(self) -> RunState | None:
        """Return what the last supervisor wrote, or None."""
        try:
            return msgspec.json.decode(self.state.read_bytes(), type=RunState)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, state: RunState) -> None:
        """Replace the state file in one step, so that no reader sees half of it."""
        write_atomically(self.state, msgspec.json.format(msgspec.json.encode(state)))

    def write_contract(self, contract: JobContract) -> None:
        """Keep what the job of this run folder is started with."""
        content = msgspec.json.format(msgspec.json.encode(contract))
        write_atomically(self.contract, content, durable=True)

    def last_contract(self) -> JobContract | None:
        """Return what the last job of this run folder was started with; None if there was none."""
        try:
            return msgspec.json.decode(self.contract.read_bytes(), type=JobContract)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def running(self) -> RunState:
        """Return the state of the run that is up.

        Raises:
            NotUpError: none is.

        """
        state = self.read()
        if state is None or not state.supervisor().alive():
            raise NotUpError(f"Nothing runs in {self.folder}.", todo="Start it with `spaf up`.")
        return state

    def passwords(self) -> dict[str, str]:
        """Return the passwords of this run folder, made at the first call, readable by us only."""
        if not self.secrets.exists() or self.secrets.stat().st_size == 0:
            made = {name: secrets.token_urlsafe(24) for name in ("superuser", *Role)}
            content = msgspec.json.encode(made)
            # Without them, the PostgreSQL cluster of this folder could not be opened again.
            write_atomically(self.secrets, content, mode=SECRET_MODE, durable=True)
        return msgspec.json.decode(self.secrets.read_bytes(), type=dict[str, str])

    def access(self, state: RunState, schema: str, dsn: str | None) -> Access:
        """Return how to reach the tables of this run."""
        if dsn is not None:
            return Access.external(dsn, schema)
        roles = {str(role): self.passwords()[role] for role in Role}
        return Access.own(state.postgres_host, state.postgres_port, schema, roles)
