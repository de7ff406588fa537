"""One job to submit: where it reads, runs and writes, and the process that hands it over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from spaf import clock
from spaf.errors import JobError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.job import configuration
from spaf.job.build import ANSWERS, JobParameters
from spaf.job.submit import GO, SubmitRequest, environment
from spaf.settings import Settings
from spaf.stack import process, runtime
from spaf.stack.worker_process import WorkerProcess
from spaf.store import queries
from spaf.store.access import Access, Role
from spaf.topic import admin

SUBMITTER = "job-submit"
# The submitter plans for seconds; one that takes this long hangs, seconds.
SUBMIT_SECONDS = 120.0


@dataclass(frozen=True)
class JobTarget:
    """The surroundings of a job."""

    kafka: str
    topic: str
    group: str
    access: Access
    flink: str
    # Of a cluster of ours, which has the connectors; None on one of the user's own.
    checkpoints: Path | None
    # Folder of compiled plans.
    plans: Path
    # Tables that the job writes.
    answers: tuple[str, ...] = ANSWERS

    @property
    def name(self) -> str:
        """Return the name of the job: what it reads and where it writes."""
        return f"spaf {self.topic} to {self.access.schema}"

    def set_start(self, start: Mapping[int, int]) -> None:
        """Have the job begin at these offsets.

        Raises:
            TopicError: Kafka did not take them.

        """
        admin.commit(self.kafka, self.group, self.topic, start)

    def begin_offsets(self) -> dict[int, int]:
        """Return where the log begins."""
        return admin.begin_offsets(self.kafka, self.topic)

    def require_partitions(self, settings: Settings) -> None:
        """Make sure that every task of the source has a partition to read.

        One without a partition would never tell how far it is, so no second would ever close, and
        no surge or drought would be found.

        Raises:
            JobError: the topic has fewer partitions than the job has parallel tasks.
            TopicError: Kafka does not answer.

        """
        partitions = len(self.begin_offsets())
        if settings.job.parallelism > partitions:
            raise JobError(
                f"job.parallelism is {settings.job.parallelism}, but topic {self.topic} has "
                f"{partitions} partition(s): a task without one would hold back every second.",
                todo=f"Set SPAF_JOB__PARALLELISM to {partitions} or less, or use a topic with more "
                "partitions (SPAF_KAFKA__PARTITIONS says how many SPAF creates).",
            )

    def record_progress(self, known: Mapping[int, int]) -> dict[int, int]:
        """Write down how far the job has come for certain, if that is not what is known.

        The group's committed offsets are those of a complete checkpoint: everything before them
        has passed the sinks.

        Raises:
            TopicError: Kafka does not answer.
            StoreError: PostgreSQL does not answer.

        """
        done = admin.committed(self.kafka, self.group, self.topic)
        if done and done != known:
            with self.access.session(Role.SINK) as connection:
                queries.record_position(connection, self.begin_offsets(), done)
        return done

    def parameters(self, settings: Settings) -> JobParameters:
        """Return the parameters of the job's SQL."""
        user, password = self.access.credentials(Role.SINK)
        return JobParameters.of(
            settings,
            CATEGORIES,
            bootstrap_servers=self.kafka,
            topic=self.topic,
            group=self.group,
            jdbc_url=self.access.jdbc_url(),
            jdbc_user=user,
            jdbc_password=password,
            answers=self.answers,
        )

    def plan(self, settings: Settings) -> Path:
        """Return where the compiled plan is kept; the name stands for all that it depends on."""
        chosen = configuration.options("", settings.job, None, None)
        planning = {k: v for k, v in chosen.items() if k.startswith(("table.", "parallelism"))}
        versions = version("spaf"), version("apache-flink")
        depends_on = [self.parameters(settings).digest(), sorted(planning.items()), versions]
        return self.plans / f"{hashlib.sha256(repr(depends_on).encode()).hexdigest()[:32]}.json"

    def checkpoint_folder(self, settings: Settings) -> Path | None:
        """Return where checkpoints of this plan lie: the state of another would not fit."""
        return self.checkpoints / self.plan(settings).stem if self.checkpoints else None

    def request(self, settings: Settings, resume: Path | None) -> SubmitRequest:
        """Return the request for the submitter."""
        where = urlsplit(self.flink)
        jars = [] if self.checkpoints else [jar.as_uri() for jar in runtime.connector_jars()]
        folder = self.checkpoint_folder(settings)
        return SubmitRequest(
            host=where.hostname or "127.0.0.1",
            port=where.port or 8081,
            options=configuration.options(self.name, settings.job, folder, resume),
            parameters=self.parameters(settings),
            jars=tuple(jars),
            plan=str(self.plan(settings)),
        )


class Submission:
    """The process that plans a job, waits for `go`, and hands the job over."""

    def __init__(self, request: SubmitRequest, log: Path) -> None:
        """Start to plan."""
        self._log = log
        needed = environment(
            runtime.java_home(), str(runtime.FLINK_HOME), runtime.client_archive_options()
        )
        self._talk = WorkerProcess("spaf.job.submit", needed, log)
        self._talk.say(request.line())

    def go(self) -> None:
        """Have the job handed over as soon as it is planned."""
        self._talk.say(GO + "\n")

    def job_id(self) -> str | None:
        """Return the id of the job, or None while it is not handed over.

        Raises:
            JobError: Flink refused it.

        """
        if not self._talk.ended:
            return None
        answer = json.loads(next(self._talk.lines(), "{}"))
        self._talk.end()
        if "job_id" not in answer:
            raise JobError(
                f"Flink refused the job: {answer.get('error', process.log_tail(self._log))}",
                todo=f"The whole answer is in {self._log}.",
            )
        found: str = answer["job_id"]
        return found

    def wait(self) -> str:
        """Return the id of the job once it is handed over.

        Raises:
            JobError: Flink refused it, or did not answer.

        """
        deadline = clock.monotonic() + SUBMIT_SECONDS
        while clock.monotonic() < deadline:
            found = self.job_id()
            if found is not None:
                return found
            clock.sleep(process.POLL)
        self.end()
        raise JobError(f"Flink did not take the job within {SUBMIT_SECONDS:.0f} s.")

    def end(self) -> None:
        """Give up."""
        self._talk.end()
