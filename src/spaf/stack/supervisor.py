"""The process that starts the services, watches them, and ends them.

Run as `python -m spaf.stack.supervisor`. It holds the lock of the run folder for as long as it
lives and writes what it knows into run.json; every other `spaf` reads that. SIGTERM ends it in
order. If it is killed, the kernel tells each service to stop (see process.end_with_parent).
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import IO

from spaf import clock, settings
from spaf.errors import ServiceError, SpafError, StackError
from spaf.settings import Settings
from spaf.stack import postgres, process
from spaf.stack.job_supervisor import JobSupervisor
from spaf.stack.log import configure as configure_log
from spaf.stack.process import ProcessIdentity, ServiceProcess
from spaf.stack.quarantine_process import QUARANTINE
from spaf.stack.service_names import BARE, GROUP, LOCUST, SERVE
from spaf.stack.state import JobContract, JobState, RunFolder, RunState, ServiceState
from spaf.stack.submission import JobTarget
from spaf.stack.topology import Topology, make
from spaf.store.migrate import create_roles, migrate
from spaf.topic.admin import ensure_topic

log = logging.getLogger(__name__)

# A service that is not ready after this has failed, seconds: ten times a slow start.
START_SECONDS = 90.0
# They start beside the job or after it, and it waits for none of them.
BESIDE_JOB = (LOCUST, QUARANTINE, SERVE)
# Each look costs us and the cluster some milliseconds of the processors that all need now, seconds.
TICK_STARTING = 0.1
TICK_RUNNING = 0.25
# While all is well, the job is asked after only once in so many ticks: each question costs the
# JobManager and the broker more than it costs us.
TICKS_PER_QUESTION = 4
# A service that dies this often in so many seconds will not recover by being started again.
MOST_DEATHS = 5
DEATHS_WITHIN_S = 60.0
# Nobody needs it for a sale to reach the tables: it must not end the run. Where another service
# would, it is left alone for a while, seconds, and tried again.
SPARE = (SERVE,)
SPARE_PAUSE_S = 20.0


@dataclass
class Child:
    """A service of ours and its present process."""

    service: ServiceProcess
    popen: subprocess.Popen[bytes]
    state: ServiceState
    deaths: list[float]
    deadline: float
    ready: bool = False
    # Not before this is a spare one started again that dies too often.
    not_before: float = 0.0


class Supervisor:
    """Starts everything, keeps it alive, stops it."""

    def __init__(self, chosen: Settings, *, bare: bool) -> None:
        """Plan the run; the lock must be held. A bare run has services only, no job, no load.

        Raises:
            SpafError: a service could not be prepared.

        """
        self._settings = chosen
        self._home = RunFolder(chosen.home)
        me = ProcessIdentity.of(os.getpid())
        self._plan: Topology = make(chosen, self._home)
        self._job = None if bare else JobSupervisor(chosen, self._home, self._place())
        self._children: dict[str, Child] = {}
        self._stopping = False
        self._prepared = False
        self._state = RunState(
            supervisor_pid=os.getpid(),
            supervisor_started=me.started if me else 0.0,
            phase="starting",
            kafka=self._plan.kafka,
            flink=self._plan.flink,
            postgres_host=self._plan.access.host,
            postgres_port=self._plan.access.port,
            services={
                name: ServiceState(name, "external", address)
                for name, address in self._plan.external.items()
            },
            job=JobState(),
            contract=JobContract.of(chosen),
            message="; ".join(self._plan.notes),
        )

    def run(self) -> None:
        """Start, watch until asked to stop, stop.

        Raises:
            SpafError: why the run had to end.

        """
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        try:
            self._start()
            self._watch()
        except SpafError as error:
            self._publish("failed", str(error))
            raise
        finally:
            self._end()

    def _place(self) -> JobTarget:
        own = self._settings.flink.rest_url is None
        return JobTarget(
            kafka=self._plan.kafka,
            topic=self._settings.kafka.topic,
            group=GROUP,
            access=self._plan.access,
            flink=self._plan.flink,
            checkpoints=self._home.checkpoints if own else None,
            plans=self._home.plans,
        )

    def _ask_to_stop(self, *_: object) -> None:
        self._stopping = True

    def _start(self) -> None:
        self._publish("starting", self._state.message)
        # The planner's JVM takes longest: it goes first, the cluster comes up beside it.
        if self._job is not None:
            self._home.write_contract(self._state.contract)
            self._job.begin()
        for service in self._plan.services:
            self._launch(service)
        while not self._stopping and not self._up():
            self._tick()
            clock.sleep(TICK_STARTING)

    def _up(self) -> bool:
        return (
            self._prepared
            and self._services_ready()
            and (self._job is None or self._job.state.state == "RUNNING")
        )

    def _watch(self) -> None:
        self._publish("running", self._state.message)
        ticks = 0
        while not self._stopping:
            ticks += 1
            if ticks % TICKS_PER_QUESTION == 0:
                self._tick()
                self._record_progress()
                self._publish("running", self._state.message)
            else:
                self._look_after_all()
            clock.sleep(TICK_RUNNING)

    def _look_after_all(self) -> None:
        for child in list(self._children.values()):
            self._look_after(child)

    def _tick(self) -> None:
        self._look_after_all()
        if not self._prepared and self._ready("kafka", "postgres"):
            self._prepare()
        if self._job is not None:
            self._look_after_job(self._job)
        if self._state.phase == "starting":
            self._publish("starting", self._state.message)

    def _look_after_job(self, job: JobSupervisor) -> None:
        """Bring the job on its way; once it has run, a failure is tried again.

        Raises:
            SpafError: it cannot be started at all.

        """
        try:
            job.look()
            if self._prepared and self._services_ready():
                job.allow()
                # While the plan is made and taken, one processor is free.
                if LOCUST not in self._children:
                    self._launch(self._plan.load)
        except SpafError as error:
            if self._state.phase == "starting":
                raise
            log.warning("the job is tried again: %s", error)
            job.give_up()
        # What only looks on leaves the processors to the job until it runs.
        if job.state.state == "RUNNING" and SERVE not in self._children:
            self._launch(self._plan.page)
            self._launch(self._plan.quarantine)

    def _services_ready(self) -> bool:
        return all(c.ready for name, c in self._children.items() if name not in BESIDE_JOB)

    def _ready(self, *names: str) -> bool:
        return all(n not in self._children or self._children[n].ready for n in names)

    def _prepare(self) -> None:
        """Create topic, roles and tables, once their servers answer."""
        kafka = self._settings.kafka
        ensure_topic(self._plan.kafka, kafka.topic, kafka.partitions)
        if self._settings.postgres.dsn is None:
            password = self._home.passwords()["superuser"]
            create_roles(self._plan.access, postgres.SUPERUSER, password)
        migrate(self._plan.access)
        self._prepared = True

    def _record_progress(self) -> None:
        if self._job is None:
            return
        try:
            self._job.record_progress()
        except SpafError as error:
            log.warning("progress not recorded: %s", error)

    def _launch(self, service: ServiceProcess, deaths: list[float] | None = None) -> None:
        popen = process.start(service)
        identity = ProcessIdentity.of(popen.pid)
        known = self._state.services.get(service.name)
        state = ServiceState(
            service.name,
            "starting" if known is None else "restarting",
            service.address,
            str(service.log),
            popen.pid,
            identity.started if identity else 0.0,
            0 if known is None else known.restarts + 1,
        )
        self._state.services[service.name] = state
        deadline = clock.monotonic() + START_SECONDS
        self._children[service.name] = Child(service, popen, state, deaths or [], deadline)
        self._publish(self._state.phase, self._state.message)

    def _look_after(self, child: Child) -> None:
        code = child.popen.poll()
        if code is not None:
            self._bring_back(child, code)
        elif not child.ready:
            child.ready = child.service.ready()
            if child.ready:
                child.state.state = "running"
            elif clock.monotonic() > child.deadline and child.service.name not in SPARE:
                raise _failed(child, f"was not ready after {START_SECONDS:.0f} s")

    def _bring_back(self, child: Child, code: int) -> None:
        """Start a service again that died, unless it did so at its start or too often.

        Raises:
            ServiceError: it will not recover by being started again.

        """
        now = clock.monotonic()
        if child.service.name in SPARE:
            self._bring_back_spare(child, code, now)
            return
        if self._state.phase == "starting":
            raise _failed(child, f"ended while it was starting (exit code {code})")
        deaths = [t for t in child.deaths if now - t < DEATHS_WITHIN_S] + [now]
        if len(deaths) > MOST_DEATHS:
            raise _failed(child, f"died {len(deaths)} times within {DEATHS_WITHIN_S:.0f} s")
        log.warning("%s died (exit code %d); it is started again", child.service.name, code)
        self._launch(child.service, deaths)

    def _bring_back_spare(self, child: Child, code: int, now: float) -> None:
        """Start a service again without which the run goes on; one that keeps dying less often."""
        if now < child.not_before:
            return
        deaths = [t for t in child.deaths if now - t < DEATHS_WITHIN_S]
        if len(deaths) >= MOST_DEATHS and not child.not_before:
            log.error("%s died (exit code %d) too often; it gets a rest", child.service.name, code)
            child.state.state = "failed"
            child.not_before = now + SPARE_PAUSE_S
            return
        log.warning("%s died (exit code %d); it is started again", child.service.name, code)
        self._launch(child.service, [*deaths, now])

    def _publish(self, phase: str, message: str) -> None:
        self._state.phase = phase
        self._state.message = message
        if self._job is not None:
            self._state.job = self._job.state
        self._home.write(self._state)

    def _end(self) -> None:
        """Stop everything, the load first, so that nothing is sent into a closing broker."""
        if self._state.phase != "failed":
            self._publish("stopping", "")
        if self._job is not None:
            self._job.end()
        for name in reversed(list(self._children)):
            child = self._children[name]
            identity = child.state.identity()
            if identity is not None:
                process.stop(identity, child.service.stop_signal, child.service.stop_seconds)
            child.popen.wait()
            child.state.pid = None
            child.state.state = "stopped"
        self._home.write(self._state)


def hold_lock(home: RunFolder) -> IO[str]:
    """Take the lock of the run folder; it is given back when the process ends, however it ends.

    Raises:
        StackError: another supervisor holds it.

    """
    file = home.lock.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StackError(f"{home.folder} is in use by another spaf.") from None
    return file


def main() -> int:
    """Supervise the run folder of the settings until SIGTERM."""
    chosen = settings.load()
    home = RunFolder(chosen.home)
    home.create()
    try:
        with hold_lock(home):
            Supervisor(chosen, bare=BARE in sys.argv).run()
    except SpafError as error:
        log.error("stopped: %s", error)  # noqa: TRY400 - the message says all of it
        _leave_word(home, str(error))
        return error.exit_code
    except Exception:
        log.exception("stopped by a defect")
        _leave_word(home, f"SPAF has a defect; see {home.logs / 'spaf.log'}.")
        return 1
    return 0


def _leave_word(home: RunFolder, message: str) -> None:
    """Tell the waiting command line why it failed, also if that was before there was a state."""
    me = ProcessIdentity.of(os.getpid())
    state = home.read()
    if state is None or state.supervisor_pid != os.getpid():
        started = me.started if me else 0.0
        state = RunState(os.getpid(), started, "failed", "", "", "", 0, {}, JobState())
    state.phase, state.message = "failed", message
    home.write(state)


def _failed(child: Child, what: str) -> ServiceError:
    return ServiceError(
        child.service.name,
        what,
        log_tail=process.log_tail(child.service.log),
        todo=f"Its whole log: `spaf logs {child.service.name}`.",
    )


if __name__ == "__main__":
    configure_log()
    sys.exit(main())
