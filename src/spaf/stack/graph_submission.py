"""A job that is handed over as a kept graph, without a JVM of Flink's client.

That is the way of a run whose services are all SPAF's own. With another broker, cluster or database
the addresses and logins of the user are in the graph, at any length: such a job is planned and
submitted by Flink's client at each start (`spaf.stack.submission.Submission`).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from spaf.errors import SpafError
from spaf.job import job_graph
from spaf.job.build import statements
from spaf.job.flink_client import FlinkClient
from spaf.job.submit import SubmitRequest
from spaf.settings import Settings
from spaf.stack import runtime
from spaf.stack.ports import LOOPBACK
from spaf.stack.service_names import GROUP, is_run_group
from spaf.stack.state import RunFolder
from spaf.stack.submission import JobTarget, Submission, Submitting
from spaf.store.access import OTHER_NAME, Access, Role
from spaf.topic.security import KafkaAddress, security_of

# Blanks of the addresses: no server has such a port. A port is written with five digits.
BLANK_KAFKA = f"{LOOPBACK}:90001"
BLANK_POSTGRES_PORT = 90_002
BLANK_POSTGRES = f"{LOOPBACK}:{BLANK_POSTGRES_PORT}"
BLANK_OTHER_NAME = f"{OTHER_NAME}:{BLANK_POSTGRES_PORT}"
BLANK_WAITING_PORT = 90_003
BLANK_WAITING = f"{LOOPBACK}:{BLANK_WAITING_PORT}"
# As long as the passwords of a run folder.
BLANK_PASSWORD = "blank-password".ljust(32, "-")
OWN_ADDRESS = re.compile(rf"{re.escape(LOOPBACK)}:(\d{{1,5}})")
# The JobManager takes the graph within a second; a JVM without a free processor needs longer.
HAND_OVER_TIMEOUT_S = 60.0


def begin(
    target: JobTarget, settings: Settings, resume: Path | str | None, log: Path
) -> Submitting:
    """Begin to plan a job, if it is not planned yet; `log` is where the planning complains.

    Raises:
        ServiceError: the process that plans cannot be started.

    """
    if isinstance(resume, str) or target.moves_to or not fits(target):
        return Submission(target.request(settings, resume), log)
    return GraphSubmission(target, settings, resume, log)


def fits(target: JobTarget) -> bool:
    """Return whether the graph has blanks for all that this run has of its own."""
    return (
        target.checkpoints is not None
        and is_run_group(target.group)
        and len(target.access.passwords.get(Role.SINK, "")) == len(BLANK_PASSWORD)
        and OWN_ADDRESS.fullmatch(str(target.kafka)) is not None
        and not security_of(target.kafka).java()
        and target.access.host == LOOPBACK
    )


def graph_request(target: JobTarget, settings: Settings) -> SubmitRequest:
    """Return the request that keeps the graph of a run's job: as set-up has kept it, if it has."""
    passwords = dict.fromkeys(target.access.passwords, BLANK_PASSWORD)
    waiting_port = BLANK_WAITING_PORT if target.access.waiting_port else 0
    access = replace(
        target.access, port=BLANK_POSTGRES_PORT, waiting_port=waiting_port, passwords=passwords
    )
    kafka = KafkaAddress.of(BLANK_KAFKA, settings.kafka)
    blank = replace(target, kafka=kafka, access=access, flink=f"http://{LOOPBACK}:0")
    request = blank.request(settings, None)
    name = graph_name(request)
    installed = runtime.PLANS / name
    kept = all(job_graph.file_of(installed, resumes=r).exists() for r in (False, True))
    return replace(request, graph=str(installed if kept else target.home.plans / name))


def graph_name(request: SubmitRequest) -> str:
    """Return the name of the graph's files, a hash of all that the graph depends on."""
    depends_on = (
        [*statements(request.parameters), *request.parameters.sinks],
        sorted(request.options.items()),
        [version("spaf"), version("apache-flink"), *runtime.locked_jars()],
        (job_graph.BLANK_ID, job_graph.BLANK_RESUME),
    )
    return f"{hashlib.sha256(repr(depends_on).encode()).hexdigest()[:32]}.graph"


def default_graph() -> SubmitRequest:
    """Return the request that keeps the graph of the default settings at set-up."""
    settings = Settings.model_construct()
    home = RunFolder(Path("/nowhere"))
    access = Access.own(LOOPBACK, 0, settings.postgres.schema_name, dict.fromkeys(Role, ""))
    access = replace(access, waiting_port=BLANK_WAITING_PORT)
    target = JobTarget(
        kafka=KafkaAddress.of(BLANK_KAFKA, settings.kafka),
        topic=settings.kafka.topic,
        group=GROUP,
        access=access,
        flink="",
        home=home,
        checkpoints=home.checkpoints / GROUP,
    )
    request = graph_request(target, settings)
    name = Path(request.graph).name
    return replace(
        request, plan=str(runtime.PLANS / Path(request.plan).name), graph=str(runtime.PLANS / name)
    )


class GraphSubmission:
    """One hand-over of the graph; a graph that is not kept yet is made first."""

    def __init__(
        self,
        target: JobTarget,
        settings: Settings,
        resume: Path | None,
        log: Path,
        template: JobTarget | None = None,
    ) -> None:
        """Begin to make the graph, if it is not kept.

        Args:
            target: what the job reads and writes.
            settings: of the job.
            resume: the checkpoint to resume from.
            log: where the planning complains.
            template: a target whose group, topic and schema are blanks, as long as those of
                `target`; its graph serves all jobs that differ only in them.

        Raises:
            ServiceError: the process that makes it cannot be started.

        """
        request = graph_request(template or target, settings)
        self._file = job_graph.file_of(Path(request.graph), resumes=resume is not None)
        self._planner = None if self._file.exists() else Submission(request, log)
        self._flink = FlinkClient(target.flink, HAND_OVER_TIMEOUT_S)
        self._values = _names(template or target, target) | _values(target, resume)
        self._job_id = secrets.token_hex(16)
        self._go = False
        self._thread: threading.Thread | None = None
        self._error: SpafError | None = None

    def submit(self) -> None:
        """Let the graph be handed over as soon as it is there."""
        self._go = True
        self._advance()

    def job_id(self) -> str | None:
        """Return the id of the job; None while it is not handed over.

        Raises:
            JobError: the job cannot be planned, or Flink refused it.

        """
        self._advance()
        if self._thread is None or self._thread.is_alive():
            return None
        self._flink.close()
        if self._error is not None:
            raise self._error
        return self._job_id

    def stop(self) -> None:
        """Stop the planning; a hand-over that has begun goes on."""
        if self._planner is not None:
            self._planner.stop()

    def _advance(self) -> None:
        if self._planner is not None and self._planner.job_id() is not None:
            self._planner = None
        if self._planner is None and self._go and self._thread is None:
            # The request takes as long as the JobManager needs to read the graph; meanwhile the
            # supervisor polls the services.
            self._thread = threading.Thread(target=self._hand_over, name="submit", daemon=True)
            self._thread.start()

    def _hand_over(self) -> None:
        try:
            graph = job_graph.fill(job_graph.read(self._file), self._job_id, self._values)
            self._flink.submit(graph)
        except SpafError as error:
            self._error = error


def _names(template: JobTarget, target: JobTarget) -> dict[str, str]:
    """Return the name for each blank of a template; the group may contain the topic."""
    names = {
        template.group: target.group,
        template.topic: target.topic,
        template.access.schema: target.access.schema,
    }
    return {blank: name for blank, name in names.items() if blank != name}


def _values(target: JobTarget, resume: Path | None) -> dict[str, str]:
    """Return the value of each blank in a run."""
    access = target.access
    values = {
        BLANK_KAFKA: _padded(str(target.kafka)),
        BLANK_POSTGRES: _padded(f"{access.host}:{access.port}"),
        BLANK_PASSWORD: access.passwords[Role.SINK],
    }
    if access.waiting_port:
        values[BLANK_WAITING] = _padded(f"{access.host}:{access.waiting_port}")
        values[BLANK_OTHER_NAME] = _padded(f"{OTHER_NAME}:{access.port}")
    if resume is not None:
        values[job_graph.BLANK_RESUME] = job_graph.resume_value(target.uri(resume))
    return values


def _padded(address: str) -> str:
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port):05d}"
