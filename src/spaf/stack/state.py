"""The run folder: its files, and the state of the run that the supervisor publishes there."""

from __future__ import annotations

import secrets
import shutil
import socket
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from spaf.errors import NotUpError, StackError
from spaf.files import SECRET_MODE, write_atomically
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import GROUP
from spaf.trouble import DiskOutlook, Trouble

if TYPE_CHECKING:
    # Only types: the page reads the state within a tenth of a second of its start.
    from spaf.sale import Rules
    from spaf.settings import PostgresSettings, Settings
    from spaf.store.access import Access

# Other accounts may pass through the run folder (PostgreSQL runs under another one if SPAF runs as
# root), but may not read its parts.
FOLDER_MODE = 0o711
PRIVATE_MODE = 0o700
# SPAF neither uses nor deletes a folder without this file: it has not created that folder.
MARKER = ".spaf-home"
# The password of PostgreSQL's superuser in the secrets; the others are those of the roles.
SUPERUSER_SECRET = "superuser"  # noqa: S105 - the name of one


class Phase(StrEnum):
    """What the supervisor is doing."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    STOPPING = "stopping"


class ServiceStatus(StrEnum):
    """What a service is doing."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    FAILED = "failed"
    """Its restarts are exhausted; the next one comes later."""
    STOPPED = "stopped"
    EXTERNAL = "external"
    """Not started by SPAF."""


class JobPhase(StrEnum):
    """What the job is doing: first SPAF's own phases, then those of Flink's JobStatus."""

    WAITING = "waiting"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    STARTING = "starting"
    """The job is RUNNING, but some of its tasks are not."""
    LOST = "lost"
    """The cluster does not know the job, or its submission has failed."""
    STOPPED = "stopped"
    """By `spaf job stop`; SPAF does not start it again."""
    REFUSED = "refused"
    """SPAF does not start the job, because it would not count right."""
    INITIALIZING = "INITIALIZING"
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    FAILING = "FAILING"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELED = "CANCELED"
    FINISHED = "FINISHED"
    RESTARTING = "RESTARTING"
    SUSPENDED = "SUSPENDED"
    RECONCILING = "RECONCILING"


class ServiceState(msgspec.Struct):
    """One service, as last polled."""

    name: str
    state: ServiceStatus
    address: str
    log: str = ""
    pid: int | None = None
    started: float = 0.0
    restarts: int = 0
    reason: str = ""
    """Why its last process has ended."""
    ended: float = 0.0
    """When, seconds since the epoch."""

    def identity(self) -> ProcessIdentity | None:
        """Return the process; None for an external or stopped service."""
        return None if self.pid is None else ProcessIdentity(self.pid, self.started)


class JobAction(StrEnum):
    """What a person may have done with the job."""

    START = "start"
    STOP = "stop"
    UPGRADE = "upgrade"


class JobOrder(msgspec.Struct, frozen=True):
    """The last order of a person to the supervisor about the job."""

    id: str
    action: JobAction
    savepoint: bool = False
    """Whether a job that is stopped keeps a savepoint."""
    settings: dict[str, dict[str, Any]] = {}
    """Of an upgrade: the sections of the settings that the results of the job depend on."""


class JobState(msgspec.Struct):
    """The job, as last polled."""

    state: JobPhase = JobPhase.WAITING
    id: str = ""
    resumed_from: str = ""
    submissions: int = 0
    checkpoint: str = ""
    """On another cluster: the newest checkpoint that is recorded in the tables."""
    note: str = ""
    """Why the job counts from the first record although it has been counted before."""
    group: str = GROUP
    """Its consumer group."""
    savepoint: str = ""
    """That of the last `spaf job stop --savepoint`."""
    upgrade: str = ""
    """How far an upgrade is; "" without one."""
    upgraded: str = ""
    """What the last upgrade has done; "" if nothing had changed."""
    order: str = ""
    """The last order that was carried out, or could not be."""
    order_problem: str = ""
    """Why it could not be; "" if it was."""


class JobContract(msgspec.Struct):
    """The settings that the results of a job depend on, with the values of the job's start."""

    currency: str = "BRL"
    max_lateness_s: int = 600
    max_ahead_s: int = 60
    outlier_hours: int = 6
    outlier_score: float = 5.0
    surge_seconds: int = 120
    surge_score: float = 4.5
    series_score: float = 4.8
    deduplicate_minutes: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the contract that the settings describe."""
        job = settings.job
        return cls(
            **settings.sale.model_dump(),
            outlier_hours=job.outlier_hours,
            outlier_score=job.outlier_score,
            surge_seconds=job.surge_seconds,
            surge_score=job.surge_score,
            series_score=job.series_score,
            deduplicate_minutes=job.deduplicate_minutes,
        )

    def rules(self) -> Rules:
        """Return the rules by which records are accepted."""
        from spaf.sale import Rules  # noqa: PLC0415 - slow, the page's start does without it

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
    phase: Phase
    kafka: str = ""
    flink: str = ""
    postgres_host: str = ""
    postgres_port: int = 0
    waiting_port: int = 0
    """Where connections are held while PostgreSQL is restarted; 0: SPAF does not start it."""
    services: dict[str, ServiceState] = msgspec.field(default_factory=dict)
    job: JobState = msgspec.field(default_factory=JobState)
    contract: JobContract = msgspec.field(default_factory=JobContract)
    message: str = ""
    trouble: Trouble | None = None
    """Why sales do not reach the tables."""
    disk: DiskOutlook | None = None
    """When a disk will be full at the present rate, if that is foreseen."""
    steps: dict[str, float] = msgspec.field(default_factory=dict)
    """When each step of the start was done, seconds since the epoch: services and `service_specs`'
    two steps that are no processes."""
    failed_step: str = ""
    """The step at which a start has failed, if it is known."""
    written: float = 0.0
    """When the supervisor wrote this, seconds since the epoch; about once a second."""

    def supervisor(self) -> ProcessIdentity:
        """Return the process that has written the state."""
        return ProcessIdentity(self.supervisor_pid, self.supervisor_started)


class CountedTopic(msgspec.Struct, frozen=True):
    """The topic whose sales are in some tables."""

    topic: str
    id: str
    """Kafka's id of the topic; "" if the broker gives none."""
    partitions: tuple[int, ...]
    cleanup_policy: str = ""
    """As it was when the job was started for the first time."""
    group: str = GROUP
    """Consumer group of the job that counts it."""


class RunFolder:
    """The paths of everything in a run folder, and its own files."""

    def __init__(self, folder: Path) -> None:
        """Keep the path; nothing is created."""
        self.folder = folder.absolute()
        self.marker = self.folder / MARKER
        self.logs = self.folder / "logs"
        self.state = self.folder / "run.json"
        # Of the last job; kept when its run has ended.
        self.contract = self.folder / "contract.json"
        self.topics = self.folder / "topics.json"
        self.identity = self.folder / "identity"
        self.order = self.folder / "order.json"
        self.lock = self.folder / "lock"
        self.secrets = self.folder / "secrets.json"
        self.kafka = self.folder / "kafka"
        self.postgres = self.folder / "postgres"
        self.flink = self.folder / "flink"
        self.zookeeper = self.folder / "zookeeper"
        self.checkpoints = self.folder / "checkpoints"
        self.runs = self.folder / "runs"
        # Records of measurements; kept when the folder is deleted.
        self.results = self.folder / "results"
        self.plans = self.folder / "plans"
        self.quarantine = self.runs / "quarantine.json"

    def create(self) -> None:
        """Create the folder and its private parts.

        Raises:
            StackError: the folder holds files that are not SPAF's, or cannot be created.

        """
        self.require_usable()
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self.marker.touch()
            self.folder.chmod(FOLDER_MODE)
            for part in (self.logs, self.kafka, self.flink, self.checkpoints, self.runs):
                part.mkdir(mode=PRIVATE_MODE, exist_ok=True)
        except OSError as error:
            raise _not_created(self.folder, error) from error

    def create_results(self) -> None:
        """Create the folder of the records; nothing else is needed before a run.

        Raises:
            StackError: the run folder holds files that are not SPAF's, or cannot be created.

        """
        self.require_usable()
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self.marker.touch()
            self.results.mkdir(exist_ok=True)
        except OSError as error:
            raise _not_created(self.folder, error) from error

    def require_usable(self) -> None:
        """Check that the folder may be used as a run folder.

        Raises:
            StackError: it holds files that are not SPAF's, or is a link to nowhere.

        """
        if self._foreign():
            raise StackError(
                f"{self.folder} is neither empty nor a run folder of SPAF.",
                todo="Name a new folder with SPAF_HOME.",
            )
        if self.folder.is_symlink() and not self.folder.exists():
            raise StackError(
                f"{self.folder} is a link to {self.folder.readlink()}, which does not exist.",
                todo="Mount or create that folder, or delete the link.",
            )

    def delete(self) -> None:
        """Delete the folder if SPAF created it; a link or a mount is emptied.

        The records of measurements stay, and then the folder too.

        Raises:
            OSError: a part could not be deleted.

        """
        if not self.marker.exists():
            return
        kept = {self.marker, self.results} if self.has_results() else {self.marker}
        for part in self.folder.iterdir():
            if part in kept:
                continue
            if part.is_dir() and not part.is_symlink():
                shutil.rmtree(part)
            else:
                part.unlink()
        if self.results in kept:
            return
        # The last part: without it, what an interrupted deletion has left would be foreign.
        self.marker.unlink(missing_ok=True)
        if not self.folder.is_symlink() and not self.folder.is_mount():
            self.folder.rmdir()

    def has_results(self) -> bool:
        """Return whether there are records of measurements."""
        return self.results.is_dir() and any(self.results.iterdir())

    def delete_checkpoints(self) -> None:
        """Delete the checkpoints of every job."""
        for folder in self.checkpoints.iterdir():
            shutil.rmtree(folder, ignore_errors=True)

    def _foreign(self) -> bool:
        """Return whether the folder holds more than run folders; a benchmark has its own in it."""
        if not self.folder.exists() or self.marker.exists():
            return False
        try:
            return any(not (part / MARKER).exists() for part in self.folder.iterdir())
        except OSError:
            return True

    def read(self) -> RunState | None:
        """Return the state that the last supervisor has written; None if it cannot be read."""
        try:
            return msgspec.json.decode(self.state.read_bytes(), type=RunState)
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
            return None

    def write(self, state: RunState) -> None:
        """Replace the state; no reader sees a part of it.

        Raises:
            OSError: the file could not be written.

        """
        write_atomically(self.state, msgspec.json.format(msgspec.json.encode(state)))

    def write_contract(self, contract: JobContract) -> None:
        """Keep the contract that the job of this run folder is started with."""
        content = msgspec.json.format(msgspec.json.encode(contract))
        write_atomically(self.contract, content, durable=True)

    def last_contract(self) -> JobContract | None:
        """Return the contract of the last job of this run folder; None if there was no job."""
        try:
            return msgspec.json.decode(self.contract.read_bytes(), type=JobContract)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def counted_topics(self) -> dict[str, CountedTopic]:
        """Return the topic that was counted into each set of tables."""
        try:
            return msgspec.json.decode(self.topics.read_bytes(), type=dict[str, CountedTopic])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}

    def write_counted_topic(self, tables: str, counted: CountedTopic) -> None:
        """Keep which topic is counted into these tables."""
        content = msgspec.json.encode({**self.counted_topics(), tables: counted})
        write_atomically(self.topics, msgspec.json.format(content), durable=True)

    def write_job_order(self, order: JobOrder) -> None:
        """Keep what a person wants of the job; a supervisor that starts later follows it too."""
        content = msgspec.json.format(msgspec.json.encode(order))
        write_atomically(self.order, content, durable=True)

    def job_order(self) -> JobOrder | None:
        """Return the last order; None without one."""
        try:
            return msgspec.json.decode(self.order.read_bytes(), type=JobOrder)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def owner(self) -> str:
        """Return an id of this run folder, and where it is; the first call creates the id."""
        if not self.identity.exists() or self.identity.stat().st_size == 0:
            write_atomically(self.identity, secrets.token_hex(8).encode(), durable=True)
        return f"{self.identity.read_text()} {socket.gethostname()}:{self.folder}"

    def running(self) -> RunState:
        """Return the state of the run that is up.

        Raises:
            NotUpError: no run is up in the folder; the message says why, if the last one failed.

        """
        state = self.read()
        todo = "Start it with `spaf up`."
        nothing = f"Nothing runs in {self.folder}"
        if state is None:
            raise NotUpError(f"{nothing}.", todo=todo)
        alive = state.supervisor().alive()
        if state.phase is Phase.FAILED:
            what = f"The run in {self.folder} has failed and is stopping" if alive else nothing
            raise NotUpError(f"{what}; it failed: {state.message}", todo=todo)
        if not alive and state.phase is not Phase.STOPPING:
            raise NotUpError(f"{nothing}: the supervisor of its last run was killed.", todo=todo)
        if not alive:
            raise NotUpError(f"{nothing}.", todo=todo)
        if state.phase is Phase.STOPPING:
            raise NotUpError(f"The run in {self.folder} is stopping.", todo=todo)
        return state

    def passwords(self) -> dict[str, str]:
        """Return the passwords of this run folder; the first call creates them."""
        if not self.secrets.exists() or self.secrets.stat().st_size == 0:
            # Without them, the PostgreSQL cluster of this folder could not be opened again.
            write_atomically(self.secrets, new_passwords(), mode=SECRET_MODE, durable=True)
        return msgspec.json.decode(self.secrets.read_bytes(), type=dict[str, str])

    def access(self, settings: PostgresSettings, host: str, port: int) -> Access:
        """Return how to connect to the tables of a run.

        Args:
            settings: name a PostgreSQL of the user's own, or none.
            host: address of the PostgreSQL that SPAF starts.
            port: its port.

        Raises:
            StoreError: the connection string of the settings cannot be read.

        """
        from spaf.store.access import Access, Role  # noqa: PLC0415 - as below

        if settings.external:
            return Access.of(settings)
        passwords = self.passwords()
        accounts = {str(role): passwords[role] for role in Role}
        return Access.own(host, port, settings.schema_name, accounts, settings.ca_file)


def new_passwords() -> bytes:
    """Return a random password for each account of a PostgreSQL that SPAF runs, as JSON."""
    from spaf.store.access import Role  # noqa: PLC0415 - slow, the page's start does without it

    created = {name: secrets.token_urlsafe(24) for name in (SUPERUSER_SECRET, *Role)}
    return msgspec.json.encode(created)


def _not_created(folder: Path, error: OSError) -> StackError:
    return StackError(
        f"The run folder {folder} cannot be created ({error.strerror}).",
        todo="Correct its permissions, or name another folder with SPAF_HOME.",
    )
