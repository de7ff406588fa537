"""The one probe of a run's health: it asks disk, processes and servers once a second.

Each server is asked in a thread of its own, so one that never answers delays nothing. The
supervisor publishes the cause that `diagnose` names; every command and the page read it from there
(`vitals.present_trouble`).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from spaf import clock
from spaf.errors import MissingError, UnreachableError
from spaf.job.flink_client import FlinkClient
from spaf.serve.monitor.head import UnreadableHead
from spaf.serve.monitor.probe import Probe
from spaf.stack.diagnosis import (
    Answer,
    Facts,
    JobFacts,
    TableFacts,
    TopicFacts,
    diagnose,
    seems_stuck,
)
from spaf.stack.disk_forecast import DiskForecast
from spaf.stack.refusal import job_refusal
from spaf.stack.state import JobPhase, RunState
from spaf.stack.vitals import disk_trouble, suspended_services
from spaf.store import queries
from spaf.store.access import Access, Role
from spaf.store.reader_connection import ReaderConnection
from spaf.topic import admin
from spaf.trouble import Trouble

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
# How long one poll waits for the answers of all servers, seconds.
TIMEOUT_S = 0.6
REQUEST_TIMEOUT_S = 2.0
STATEMENT_TIMEOUT_MS = 1_500
LOCK_TIMEOUT_MS = 300
# Polls between two readings of what changes seldom: partitions, first offsets, options.
DESCRIBE_EVERY = 2
# Flink keeps the last sixteen failures of a job.
MAX_EXPLAINED = 32
# Values that change from poll to poll; a cause that differs in nothing else is logged once.
CHANGING = frozenset({"free", "failures", "records", "seconds", "time", "state"})


@dataclass(frozen=True)
class HealthTarget:
    """What is probed: addresses, the topic, the folders whose disks must have space."""

    kafka: str
    topic: str
    flink: str
    access: Access
    folders: Sequence[Path]
    unreadable: UnreadableHead
    write_interval_s: float = 0.0
    # Topic and tables keep what they have for this long; None: for ever. Seconds.
    bounded_s: float | None = None


class TopicPoll:
    """Asks the broker for the topic; what changes seldom is asked for less often."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Keep where the topic is; no request is sent yet."""
        self._bootstrap, self._topic = bootstrap, topic
        self._known = TopicFacts()
        self._polls = 0
        # Set while records wait: then the ends of what is committed are asked for too.
        self.stuck = False

    def poll(self) -> TopicFacts:
        """Return the topic as it is now.

        Raises:
            TopicError: no broker answers, or one with an error.

        """
        try:
            if self._polls % DESCRIBE_EVERY == 0 or not self._known.partitions:
                self._describe()
            self._polls += 1
            self._known = replace(
                self._known, ends=self._offsets(), stable_ends=self._stable_ends()
            )
        except MissingError:
            self._known = TopicFacts(gone=True)
        except UnreachableError:
            # Described anew first: to ask for offsets would take a timeout more.
            self._known = TopicFacts()
            raise
        return self._known

    def _describe(self) -> None:
        described = admin.describe(self._bootstrap, self._topic, REQUEST_TIMEOUT_S)
        known = replace(
            self._known,
            gone=False,
            id=described.id,
            partitions=described.partitions,
            leaderless=described.leaderless,
            options=admin.topic_options(self._bootstrap, self._topic, REQUEST_TIMEOUT_S),
        )
        self._known = known
        parts = self._readable()
        begins = admin.begin_offsets_of(self._bootstrap, parts, REQUEST_TIMEOUT_S, lenient=True)
        self._known = replace(known, begins={part: begin for (_, part), begin in begins.items()})

    def _readable(self) -> list[tuple[str, int]]:
        """Return the partitions that have a leader; of another one no offset can be read."""
        known = self._known
        return [(self._topic, part) for part in known.partitions if part not in known.leaderless]

    def _offsets(self) -> dict[int, int]:
        parts = self._readable()
        ends = admin.end_offsets_of(self._bootstrap, parts, REQUEST_TIMEOUT_S, lenient=True)
        if parts and not ends:
            self._describe()  # the topic is gone, or no broker answers
        return {part: end for (_, part), end in ends.items()}

    def _stable_ends(self) -> dict[int, int]:
        if not self.stuck:
            return {}
        ends = admin.end_offsets_of(
            self._bootstrap, self._readable(), REQUEST_TIMEOUT_S, lenient=True, committed=True
        )
        return {part: end for (_, part), end in ends.items()}


class TablePoll:
    """Asks PostgreSQL over one connection, which it opens again when it was lost."""

    def __init__(self, access: Access) -> None:
        """Keep the access; no request is sent yet."""
        self._access = access
        self._reader = ReaderConnection(
            access, STATEMENT_TIMEOUT_MS, lock_timeout_ms=LOCK_TIMEOUT_MS
        )

    def poll(self) -> TableFacts:
        """Return the job's long statements, and up to where each partition is counted.

        Raises:
            StoreError: PostgreSQL does not answer.
            psycopg.Error: the connection was lost.

        """
        try:
            connection = self._reader.get()
            waiting = queries.waiting_statements(connection)
            done = counted = None
            # The tables that are read here may be what is locked.
            if not any(waiter.blocker is not None for waiter in waiting):
                with contextlib.suppress(psycopg.errors.LockNotAvailable):
                    offsets = queries.counted_offsets(connection)
                    done = {part: offset for part, (offset, _) in offsets.items()}
                    counted = {part: offset for part, (_, offset) in offsets.items()}
        except psycopg.Error as error:
            self.close()
            raise self._access.refusal(Role.READ, error) or error from None
        return TableFacts(done, counted, waiting)

    def close(self) -> None:
        """Close the connection; the next poll opens another."""
        self._reader.close()


class JobPoll:
    """Asks Flink for the job and why it has failed."""

    def __init__(
        self, flink: str, job_id: Callable[[], str], refusal: Callable[[str], str]
    ) -> None:
        """Keep the address, the callback for the job's id, and what explains a refusal."""
        # To explain one may take connections of its own.
        self._refusal = functools.lru_cache(MAX_EXPLAINED)(refusal)
        self._client = FlinkClient(flink, REQUEST_TIMEOUT_S)
        self._job_id = job_id

    def poll(self) -> JobFacts | None:
        """Return the job; None while it is not handed over.

        Raises:
            JobError: Flink does not answer.

        """
        job_id = self._job_id()
        if not job_id:
            return None
        status = self._client.status(job_id)
        if status is None:
            return JobFacts("lost")
        # Flink calls a job RUNNING as soon as its tasks are scheduled.
        starts = status.state == JobPhase.RUNNING and not status.running
        state = JobPhase.STARTING if starts else status.state
        failures = [
            failure._replace(cause=self._refusal(failure.cause) or failure.cause)
            for failure in self._client.failures(job_id)
        ]
        return JobFacts(state, status.running, failures)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class HealthMonitor:
    """Asks everything once a second in a thread, and publishes the cause."""

    def __init__(
        self,
        target: HealthTarget,
        state: RunState,
        publish: Callable[[Trouble | None], None],
    ) -> None:
        """Prepare; no request is sent yet.

        Args:
            target: what is probed.
            state: the state of the run, which the supervisor keeps up to date.
            publish: is called after each poll.

        """
        self._target, self._state, self._publish = target, state, publish
        self.folders = target.folders
        # The servers are asked once the tables are there.
        self.servers_are_up = False
        # Why the job supervisor does not start the job, or starts it again.
        self.job_trouble: Trouble | None = None
        # Offsets up to which the tables were counted before the job started from the log.
        self.recount_to: Mapping[int, int] = {}
        # Cleanup policy that the topic had when it was counted for the first time.
        self.usual_policy = ""
        self.topic: TopicFacts | None = None
        self.trouble: Trouble | None = None
        self._topic_poll = TopicPoll(target.kafka, target.topic)
        self._progress = CountingProgress()
        self._forecast = DiskForecast(target.folders, target.bounded_s)
        self._disk_told = False
        self._stuck: tuple[Mapping[int, int], Mapping[int, int]] = ({}, {})
        self._problems: dict[str, int] = {}
        self._logged: set[str] = set()
        self._refused = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def change_target(self, target: HealthTarget) -> None:
        """Probe the same servers by other rules from now on."""
        self._target = target

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Publish nothing more; the thread ends after its poll."""
        self._ended.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._follow())
        except Exception:
            log.exception("the health of the run is not watched any more: a defect of SPAF")

    async def _follow(self) -> None:
        target = self._target
        tables, job = (
            TablePoll(target.access),
            JobPoll(
                target.flink,
                lambda: self._state.job.id,
                functools.partial(job_refusal, target.kafka, target.access),
            ),
        )
        probes: dict[str, Probe[Any]] = {
            "kafka": Probe("health of kafka", self._topic_poll.poll),
            "postgres": Probe("health of postgres", tables.poll, tables.close),
            "flink": Probe("health of flink", job.poll, job.close),
        }
        head = Probe("health of records", lambda: self._target.unreadable.read(*self._stuck))
        try:
            while not self._ended.is_set():
                began = clock.monotonic()
                try:
                    await self._poll(probes, head)
                except OSError as error:
                    # The system lacks something, such as file descriptors: it may have it again.
                    if not self._refused:
                        log.error("the health of the run is unknown for now: %s", error)
                    self._refused = True
                else:
                    self._refused = False
                await asyncio.sleep(max(0.0, began + INTERVAL_S - clock.monotonic()))
        finally:
            for probe in (*probes.values(), head):
                probe.close()

    async def _poll(self, probes: dict[str, Probe[Any]], head: Probe[bool]) -> None:
        """Ask everything once, and publish the cause."""
        if self.servers_are_up:
            await asyncio.gather(*(probe.poll(TIMEOUT_S) for probe in probes.values()))
        facts = self._facts(probes)
        self._topic_poll.stuck = seems_stuck(facts)
        if self._topic_poll.stuck:
            suspended = suspended_services(facts.services, children=True)
            facts = replace(facts, suspended=suspended)
        if self._topic_poll.stuck and facts.topic and facts.tables:
            self._stuck = facts.tables.counted or {}, facts.topic.ends
            await head.poll(TIMEOUT_S)
            facts = replace(facts, unreadable=bool(head.fresh and head.value))
        self._conclude(facts)

    def _facts(self, probes: dict[str, Probe[Any]]) -> Facts:
        state, target = self._state, self._target
        services = list(state.services.values())
        self.topic = probes["kafka"].value if probes["kafka"].fresh else None
        facts = Facts(
            now=clock.now_us() / 1e6,
            topic_name=target.topic,
            addresses={
                "kafka": str(target.kafka),
                "postgres": f"{target.access.host}:{target.access.port}",
                "jobmanager": str(target.flink),
            },
            services=services,
            suspended=suspended_services(services),
            starting=state.phase == "starting",
            disk=disk_trouble(target.folders),
            job_phase=state.job.state,
            job_trouble=self.job_trouble,
            recount_to=self.recount_to,
            usual_policy=self.usual_policy,
            kafka=self._answer("kafka", probes["kafka"]),
            postgres=self._answer("postgres", probes["postgres"]),
            flink=self._answer("flink", probes["flink"]),
            topic=self.topic,
            tables=probes["postgres"].value if probes["postgres"].fresh else None,
            job=probes["flink"].value if probes["flink"].fresh else None,
            write_interval_s=target.write_interval_s,
        )
        self._progress.update(facts)
        return replace(
            facts,
            progress_at=self._progress.at,
            waiting_since={part: self._progress.parts[part][1] for part in facts.lag},
        )

    def _answer(self, name: str, probe: Probe[Any]) -> Answer:
        """Return how a server has answered; one error may be that of a connection just lost."""
        self._problems[name] = self._problems.get(name, 0) + 1 if probe.error else 0
        lasts = self._problems[name] > 1 and probe.silent_s == 0.0
        problem = f"{(probe.error or '').rstrip('.')}." if lasts else ""
        return Answer(problem, probe.silent_s)

    def _conclude(self, facts: Facts) -> None:
        """Publish the cause; log each one once, until sales reach the tables again."""
        cause = diagnose(facts)
        if self._ended.is_set():
            return
        self._foresee()
        if cause is not None:
            known = self.trouble
            same = known is not None and signature(known) == signature(cause)
            since = known.since if same and known is not None else facts.now
            cause = msgspec.structs.replace(cause, since=since)
            if signature(cause) not in self._logged:
                log.warning("sales do not reach the tables: %s", cause.line)
                self._logged.add(signature(cause))
        elif self.trouble is not None:
            log.info("sales reach the tables again")
            self._logged.clear()
        self.trouble = cause
        self._publish(cause)

    def _foresee(self) -> None:
        """Publish when a disk will be full; log it when that comes near."""
        disk = self._state.disk = self._forecast.sample()
        soon = disk is not None and disk.soon
        if disk is not None and soon and not self._disk_told:
            log.warning("%s %s", disk.line, disk.todo)
        self._disk_told = soon


class CountingProgress:
    """When a record of each partition was last counted, or none was waiting."""

    def __init__(self) -> None:
        """Begin now: a run that starts has waited for nothing yet."""
        self.at = self._polled_at = clock.now_us() / 1e6
        self.parts: dict[int, tuple[int, float]] = {}

    def update(self, facts: Facts) -> None:
        """Compare with what was counted at the poll before."""
        lag = facts.lag
        if facts.topic is None or facts.tables is None or facts.tables.counted is None:
            return
        for part in facts.topic.ends:
            counted = facts.tables.counted.get(part, 0)
            known, at = self.parts.get(part, (counted, facts.now))
            if counted > known:
                # At some moment since; a failure since may have come after it.
                self.at = self._polled_at
            waits = part in lag and counted <= known
            self.parts[part] = (counted, at if waits else facts.now)
        self._polled_at = facts.now


def signature(cause: Trouble) -> str:
    """Return what makes a cause another one: not a number that grows while it lasts."""
    values = {name: value for name, value in cause.parameters.items() if name not in CHANGING}
    return repr((cause.code, sorted(values.items())))
