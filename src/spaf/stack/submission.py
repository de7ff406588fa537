"""A job to submit: where it reads, runs and writes, and the process that hands it over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from spaf import clock
from spaf.errors import JobError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.job import configuration
from spaf.job.build import SINKS, JobParameters, connector_options
from spaf.job.flink_client import answering
from spaf.job.submit import GO, SubmitRequest, environment
from spaf.settings import JobSettings, Settings
from spaf.stack import process, runtime
from spaf.stack.service_names import SUBMITTER
from spaf.stack.state import RunFolder
from spaf.stack.worker_process import WorkerProcess
from spaf.store.access import Access, Role
from spaf.topic import admin
from spaf.topic.security import security_of

# The submitter plans for some seconds; one that needs this long hangs. Seconds.
SUBMIT_TIMEOUT_S = 120.0
# Key of the client certificate for PostgreSQL, as the sink's driver reads it.
CLIENT_KEY = "postgres-client.pk8"


@dataclass(frozen=True)
class JobVariant:
    """What a benchmark changes in the job, and no setting does."""

    # Flink's options; None leaves one to Flink's default.
    options: Mapping[str, str | None] = field(default_factory=dict)
    # Fields of JobParameters.
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobTarget:
    """From where a job reads, where it runs and where it writes."""

    kafka: str
    topic: str
    group: str
    access: Access
    flink: str
    home: RunFolder
    # Folder on a cluster that SPAF has started, which has the connectors; else None.
    checkpoints: Path | None
    # Tables that the job writes.
    sinks: tuple[str, ...] = SINKS
    # Seconds of the log in one of the clock, see JobParameters.
    acceleration: int = 1
    variant: JobVariant = field(default_factory=JobVariant)
    # Distinguishes the job from another one of the same name on an external cluster.
    claim: str = ""
    # Schema that the tables of `access` move to while the job runs: it is planned for both.
    moves_to: str = ""

    @property
    def name(self) -> str:
        """The name of the job: its topic and its schema."""
        return f"spaf {self.topic} to {self.moved.schema}"

    @property
    def moved(self) -> Access:
        """The access to the tables where they are in the end."""
        return replace(self.access, schema=self.moves_to) if self.moves_to else self.access

    @property
    def claimed_name(self) -> str:
        """The name that the job has on its cluster."""
        return self.name_with(self.claim) if self.checkpoints is None else self.name

    def name_with(self, claim: str) -> str:
        """Return the name of the job with a claim; without one the name alone."""
        return f"{self.name} [{claim}]" if claim else self.name

    def is_name(self, known: str) -> bool:
        """Return whether a job of this name counts into the same tables, whatever its claim."""
        return known == self.name or known.startswith(f"{self.name} [")

    @property
    def tables(self) -> str:
        """Name the tables: those of the run folder's own PostgreSQL, or of another one."""
        return self.moved.tables

    def set_start(self, start: Mapping[int, int]) -> None:
        """Commit the offsets at which the job begins.

        Raises:
            TopicError: Kafka did not accept them.

        """
        admin.commit(self.kafka, self.group, self.topic, start)

    def begin_offsets(self) -> dict[int, int]:
        """Return the first offset of each partition."""
        return admin.begin_offsets(self.kafka, self.topic)

    def require_partitions(self, settings: Settings) -> None:
        """Check that each task of the source has a partition to read.

        A task without a partition sends no watermark. Then no second would ever close, and no surge
        or drought would be found.

        Raises:
            JobError: the topic has fewer partitions than the job has parallel tasks.
            TopicError: Kafka does not answer.

        """
        partitions = len(self.begin_offsets())
        if settings.job.parallelism > partitions:
            raise JobError(
                f"job.parallelism is {settings.job.parallelism}, but topic {self.topic} has "
                f"{partitions} partition(s): a task without one would keep every second open.",
                todo=f"Set SPAF_JOB__PARALLELISM to {partitions} or less, or use a topic with more "
                "partitions (SPAF_KAFKA__PARTITIONS says how many SPAF creates).",
            )

    def parameters(self, settings: Settings) -> JobParameters:
        """Return the parameters of the job's SQL."""
        user, password = self.access.credentials(Role.SINK)
        # With another cluster the user's file must be there, in a form that pgjdbc reads.
        client_key = process.CWD / self._client_key_name if self.checkpoints else None
        return JobParameters.of(
            settings,
            CATEGORIES,
            bootstrap_servers=str(self.kafka),
            kafka_security=connector_options(security_of(self.kafka).java()),
            topic=self.topic,
            group=self.group,
            jdbc_url=self.access.jdbc_url(
                client_key,
                self.moves_to,
                counts_may_shrink=settings.job.deduplicate_minutes > 0,
            ),
            jdbc_user=user,
            jdbc_password=password,
            sinks=self.sinks,
            acceleration=self.acceleration,
            **self.variant.parameters,
        )

    def plan(self, settings: Settings) -> Path:
        """Return the file of the compiled plan: that of set-up if it fits, else of the run."""
        name = plan_name(self.parameters(settings), settings.job, self.variant)
        installed = runtime.PLANS / name
        return installed if installed.exists() else self.home.plans / name

    def checkpoint_folder(self, settings: Settings) -> Path | None:
        """Return the folder for checkpoints; those of another plan, topic or table do not fit."""
        if self.checkpoints is None:
            return None
        return self.checkpoints / _digest((*self._state_depends_on(settings), self.tables))

    def state_digest(self, settings: Settings) -> str:
        """Return a hash of what the state depends on; a checkpoint of another one does not fit."""
        return _digest(self._state_depends_on(settings))

    def _state_depends_on(self, settings: Settings) -> tuple[str, int, str]:
        groups = configuration.key_groups(settings.job)
        return self.plan(settings).stem, groups, self.topic

    def request(self, settings: Settings, resume: Path | str | None) -> SubmitRequest:
        """Return the request for the submitter.

        Args:
            settings: of the job.
            resume: the checkpoint to start from: a folder of the run, or a URI of another cluster.

        """
        self.access.write_client_key(self.home.folder / self._client_key_name)
        flink, parameters = answering(self.flink), self.parameters(settings)
        jars = [] if self.checkpoints else [jar.as_uri() for jar in runtime.connector_jars()]
        folder = self.checkpoint_folder(settings)
        checkpoints = settings.flink.checkpoints if folder is None else self.uri(folder)
        resume_from = self.uri(resume) if isinstance(resume, Path) else resume
        options = configuration.options(self.claimed_name, settings.job, checkpoints, resume_from)
        if self.acceleration > 1:
            options |= configuration.accelerated(settings.job, self.acceleration)
        options = configuration.changed(options, self.variant.options)
        return SubmitRequest(
            host=flink.host,
            port=flink.port,
            options=options,
            parameters=parameters,
            jars=tuple(jars),
            plan=str(self.plan(settings)),
            rest=flink.client_options(self.home.flink, runtime.java_authorities()),
            secrets=(parameters.jdbc_password, *security_of(self.kafka).secrets()),
        )

    @property
    def _client_key_name(self) -> Path:
        return self.home.flink.relative_to(self.home.folder) / CLIENT_KEY

    def uri(self, path: Path) -> str:
        """Return what Flink calls a path in the run folder, its working directory."""
        return (process.CWD / path.relative_to(self.home.folder)).as_uri()


def _digest(depends_on: tuple[str | int, ...]) -> str:
    return hashlib.sha256(repr(depends_on).encode()).hexdigest()[:32]


def plan_name(parameters: JobParameters, job: JobSettings, variant: JobVariant) -> str:
    """Return the file name of a compiled plan, a hash of all that the plan depends on."""
    chosen = configuration.changed(configuration.options("", job, None, None), variant.options)
    planning = {k: v for k, v in chosen.items() if k.startswith(("table.", "parallelism"))}
    versions = version("spaf"), version("apache-flink")
    depends_on = [parameters.digest(), sorted(planning.items()), versions]
    digest = hashlib.sha256(repr(depends_on).encode()).hexdigest()
    return f"{digest[:32]}.json"


class Submitting(Protocol):
    """A submission whose job is waited for."""

    def submit(self) -> None:
        """Let the job be handed over as soon as it is planned."""

    def job_id(self) -> str | None:
        """Return the id of the job; None while it is not handed over."""

    def stop(self) -> None:
        """Stop what is left of the submission."""


def wait_until_submitted(submission: Submitting) -> str:
    """Wait until a job is handed over, and return its id.

    Raises:
        JobError: Flink refused the job, or did not take it in time.

    """
    deadline = clock.monotonic() + SUBMIT_TIMEOUT_S
    while clock.monotonic() < deadline:
        job_id = submission.job_id()
        if job_id is not None:
            return job_id
        clock.sleep(process.POLL_S)
    submission.stop()
    raise JobError(f"Flink did not take the job within {SUBMIT_TIMEOUT_S:.0f} s.")


class Submission:
    """The process that plans a job, waits for `submit`, and hands the job over to Flink."""

    def __init__(self, request: SubmitRequest, log: Path) -> None:
        """Start to plan; `log` is where the process complains.

        Raises:
            ServiceError: the process cannot be started.

        """
        self._log = log
        env = environment(
            runtime.java_home(), str(runtime.FLINK_HOME), runtime.client_archive_options()
        )
        self._worker = WorkerProcess(SUBMITTER, "spaf.job.submit", env, log, runtime.SHARE)
        self._worker.send_line(request.line())

    def submit(self) -> None:
        """Let the process hand the job over as soon as it is planned."""
        self._worker.send_line(GO)

    def job_id(self) -> str | None:
        """Return the id of the job; None while it is not handed over.

        Raises:
            JobError: Flink refused the job.

        """
        if not self._worker.ended:
            return None
        answer = json.loads(next(self._worker.lines(), "{}"))
        self._worker.stop()
        if "job_id" not in answer:
            raise JobError(
                f"Flink refused the job: {answer.get('error', process.log_tail(self._log))}",
                todo=f"The whole answer is in {self._log}.",
            )
        return str(answer["job_id"])

    def wait(self) -> str:
        """Wait until the job is handed over, and return its id.

        Raises:
            JobError: Flink refused the job, or did not take it in time.

        """
        return wait_until_submitted(self)

    def stop(self) -> None:
        """Stop the process."""
        self._worker.stop()
