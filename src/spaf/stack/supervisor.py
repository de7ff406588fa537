"""The process that starts the services of a run, polls and restarts them, and stops them.

Run as `python -m spaf.stack.supervisor`. It holds the lock of the run folder for as long as it
lives and publishes its state in run.json, which every other `spaf` reads. SIGTERM stops the run in
order. If the supervisor is killed, the kernel signals each service (see `process.spawn`).
"""

from __future__ import annotations

import fcntl
import functools
import itertools
import logging
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import IO

import msgspec

from spaf import clock, settings
from spaf.errors import ServiceError, SpafError, StackError
from spaf.serve.monitor.head import UnreadableHead
from spaf.settings import Settings
from spaf.stack import flink, kafka, postgres, zookeeper
from spaf.stack.awaited_services import AwaitedServices
from spaf.stack.class_archives import archiving
from spaf.stack.health import HealthMonitor, HealthTarget
from spaf.stack.job_supervisor import JobSupervisor
from spaf.stack.listen_address import ListenAddress
from spaf.stack.log import configure as configure_log
from spaf.stack.log_relay import LogRelay
from spaf.stack.managed_service import ManagedService
from spaf.stack.process import ProcessIdentity, ServiceProcess
from spaf.stack.refusal import RefusedJobError
from spaf.stack.run import Run
from spaf.stack.service_health import note_health
from spaf.stack.service_names import (
    ARCHIVING,
    BARE,
    IN_SERVICE,
    JOBMANAGER,
    LOCUST,
    PAGE,
    POSTGRES,
    QUARANTINE,
    SERVE,
    SUPERVISOR_LOG,
    TASKMANAGER,
)
from spaf.stack.service_specs import CORE, JOB, SPECS, TABLES
from spaf.stack.state import (
    SUPERUSER_SECRET,
    JobContract,
    JobPhase,
    JobState,
    Phase,
    RunFolder,
    RunState,
    ServiceState,
    ServiceStatus,
)
from spaf.stack.stop_signal import StopSignal
from spaf.stack.table_retention import TableRetention, kept_s
from spaf.stack.task_manager_renewal import TaskManagerRenewal
from spaf.stack.topology import Topology, make, prepare
from spaf.stack.vitals import disk_trouble
from spaf.stack.waiting_room import WaitingRoom
from spaf.store.migrate import create_roles, migrate
from spaf.topic.admin import ensure_topic
from spaf.trouble import Trouble

# Not __name__: that is __main__ in this process.
log = logging.getLogger("spaf.stack.supervisor")

# Each poll costs the supervisor and the cluster some milliseconds of processor time, which every
# process needs during the start. Seconds.
STARTING_POLL_S = 0.1
RUNNING_POLL_S = 0.25
# Also between two copies of the logs.
RECORD_INTERVAL_S = 1.0
# In a running stack the job is polled once in this many polls: each of these requests costs the
# JobManager and the broker more than it costs the supervisor.
POLLS_PER_JOB_POLL = 4


class Supervisor:
    """Starts the services and the job of one run, keeps them alive, and stops them."""

    def __init__(
        self,
        chosen: Settings,
        stop: StopSignal,
        *,
        bare: bool,
        archives: bool = False,
        in_service: bool = False,
    ) -> None:
        """Prepare the services; the lock must be held.

        Args:
            chosen: the settings of the run.
            stop: ends the run.
            bare: the run has no job, load and page.
            archives: each JVM writes its class-data archive when it ends.
            in_service: other hosts may reach the page, and external services may come up later.

        Raises:
            SpafError: a service could not be prepared.

        """
        self._settings = chosen
        self._stop = stop
        self._home = RunFolder(chosen.home)
        page_at = ListenAddress.of(chosen.service) if in_service else kafka.ON_LOOPBACK
        self._topology = make(chosen, self._home, page_at)
        self._awaited = None
        if in_service:
            self._awaited = AwaitedServices(self._topology, self._home, chosen.kafka)
        self._relay = LogRelay(self._home.logs, sys.stdout.buffer) if in_service else None
        self._bare = bare
        self._archives = archives
        self._services: list[ManagedService] = []
        self._add(self._topology.services)
        self._state = _first_state(chosen, self._topology)
        run = Run(chosen, self._state)
        target = run.job_target(run.group)
        self._job = None if bare else JobSupervisor(chosen, self._home, target)
        self._waiting_room: WaitingRoom | None = None
        self._tables_ready = False
        self._write_failed = False
        self._refused = False
        self._ending = threading.Event()
        self._renewal = TaskManagerRenewal(flink.heartbeat_timeout_s(chosen.flink))
        self._retention = TableRetention(chosen, self._topology.kafka, self._topology.access)
        # The state is written by two threads.
        self._writing = threading.Lock()
        self._health = HealthMonitor(self._health_target(), self._state, self._publish_trouble)

    def run(self) -> None:
        """Start the run, watch it until a stop signal, stop it.

        Raises:
            SpafError: why the run failed.
            OSError: a file of the run folder could not be written.

        """
        try:
            self._show_start()
            self._health.start()
            if self._job is not None:
                # A thread of its own: a locked table must not keep services from being restarted.
                record = functools.partial(self._record_progress, self._job)
                threading.Thread(target=record, name="progress", daemon=True).start()
            if self._relay is not None:
                relay = functools.partial(self._relay_logs, self._relay)
                threading.Thread(target=relay, name="logs", daemon=True).start()
            if self._start():
                self._watch()
        except Exception as error:
            self._state.failed_step = self._failed_step(error)
            if isinstance(error, RefusedJobError):
                self._state.trouble = error.trouble
            self._enter(Phase.FAILED, failure_message(self._home, error))
            raise
        finally:
            self._end()

    def _show_start(self) -> None:
        """Start the page, before anything else takes the processors."""
        for folder in self._health.folders:
            # That of PostgreSQL may lie elsewhere, and its disk is watched from now on.
            folder.mkdir(parents=True, exist_ok=True)
        self._enter(Phase.STARTING, self._state.message)
        self._start_services()

    def _add(self, services: Sequence[ServiceProcess]) -> None:
        added = map(ManagedService, map(archiving, services) if self._archives else services)
        self._services += [one for one in added if not self._bare or one.spec.name in CORE]

    def _failed_step(self, error: Exception) -> str:
        """Return the step of the start that an error has ended, if it is known."""
        if isinstance(error, ServiceError):
            return error.name
        if not isinstance(error, SpafError) or not self._all_ready(SPECS[TABLES].after):
            return ""
        return JOB if self._tables_ready else TABLES

    def _start(self) -> bool:
        """Start everything; return False if a stop signal came first."""
        self._add(prepare(self._topology, self._settings, self._home))
        self._open_waiting_room()
        self._state.message = "; ".join(self._topology.notes)
        for note in self._topology.notes:
            log.warning(note)
        # The planner's JVM takes longest: the cluster starts while it plans.
        if self._job is not None:
            self._home.write_contract(self._state.contract)
            self._job.plan()
        while not self._is_up():
            self._poll()
            self._publish()
            if self._stop.wait(STARTING_POLL_S):
                return False
        return True

    def _open_waiting_room(self) -> None:
        """Let clients of PostgreSQL wait while it is restarted, if SPAF starts it."""
        for service in self._services:
            if service.spec.name == POSTGRES:
                port = self._topology.access.waiting_port
                self._waiting_room = WaitingRoom(port, service.service.ready)

    def _watch(self) -> None:
        self._enter(Phase.RUNNING, self._state.message)
        for count in itertools.count(1):
            if self._stop.wait(RUNNING_POLL_S):
                return
            try:
                self._poll_running(full=count % POLLS_PER_JOB_POLL == 0 or not self._job_runs())
            except OSError as error:
                # The system lacks something for now: disk, memory, file descriptors.
                if not self._refused:
                    log.error("the run cannot be watched for now: %s", error)
                self._refused = True
            else:
                self._refused = False

    def _job_runs(self) -> bool:
        return self._job is None or self._job.state.state is JobPhase.RUNNING

    def _poll_running(self, *, full: bool) -> None:
        """Poll the services; with `full` the job too."""
        if full:
            self._poll()
            self._publish()
        else:
            self._poll_services()

    def _health_target(self) -> HealthTarget:
        chosen, topology = self._settings, self._topology
        access = topology.access
        folders = {self._home.folder}
        if not chosen.postgres.elsewhere:
            folders.add(postgres.cluster_paths(self._home.postgres).folder)
        if not chosen.postgres.external:
            # Only a superuser sees the statements of other accounts.
            password = self._home.passwords()[SUPERUSER_SECRET]
            access = access.superuser(postgres.SUPERUSER, password, access.database)
        job = chosen.job
        return HealthTarget(
            kafka=topology.kafka,
            topic=chosen.kafka.topic,
            flink=topology.flink,
            access=access,
            folders=sorted(folders),
            unreadable=UnreadableHead(
                topology.kafka, chosen.kafka.topic, self._state.contract.rules()
            ),
            write_interval_s=(job.mini_batch_ms + job.flush_ms) / 1_000,
            bounded_s=kept_s(chosen),
        )

    def _poll(self) -> None:
        """Bring every service and step one step further.

        Raises:
            SpafError: the run cannot go on.

        """
        self._poll_services()
        if not self._tables_ready and self._all_ready(SPECS[TABLES].after):
            self._create_tables()
        if self._job is not None:
            self._poll_job(self._job)
        self._start_services()
        self._note_steps()

    def _note_steps(self) -> None:
        """Record when each step was done for the first time."""
        done = {service.service.name for service in self._services if service.ready}
        done |= {step for step in (TABLES, JOB) if self._is_ready(step)}
        for step in done - self._state.steps.keys():
            self._state.steps[step] = clock.now_us() / 1e6

    def _poll_services(self) -> None:
        starting = self._state.phase is Phase.STARTING
        changed = False
        if self._awaited is not None and starting:
            self._awaited.poll()
        # A service that cannot write its files would only end again.
        has_space = not self._write_failed and disk_trouble(self._health.folders) is None
        for service in self._services:
            restarts = service.state.restarts
            changed |= service.poll(
                run_is_starting=starting,
                may_start=has_space,
                may_be_ready=self._all_ready(service.spec.ready_after),
            )
            if service.state.restarts > restarts:
                self._follow_restart(service)
        if changed:
            self._publish()

    def _follow_restart(self, restarted: ManagedService) -> None:
        """Let the TaskManagers follow a JobManager that no other one replaces."""
        alone = self._settings.flink.high_availability == "none"
        if self._job is None or restarted.spec.name != JOBMANAGER or not alone:
            return
        managers = [one for one in self._services if one.spec.name == TASKMANAGER]
        self._renewal.begin(managers, self._job.state.id)
        if self._job.upgrading:
            # Its second job is given up with the JobManager: it must not outlive its tables.
            self._renewal.end()

    def _start_services(self) -> None:
        """Start the services whose turn it is."""
        for service in self._services:
            if service.started or not service.service.prepared():
                continue
            if self._all_ready(service.spec.after):
                service.start()
                self._state.services[service.service.name] = service.state

    def _create_tables(self) -> None:
        """Create topic, roles and tables, once their servers answer."""
        kafka = self._settings.kafka
        size = (kafka.partitions, kafka.replication, kafka.min_insync)
        ensure_topic(self._topology.kafka, kafka.topic, *size)
        if not self._settings.postgres.external:
            password = self._home.passwords()[SUPERUSER_SECRET]
            create_roles(self._topology.access, postgres.SUPERUSER, password)
        migrate(self._topology.access)
        if not self._bare:
            self._retention.begin()
            follow = functools.partial(self._retention.follow, self._ending)
            threading.Thread(target=follow, name="retention", daemon=True).start()
        self._tables_ready = True
        self._health.servers_are_up = self._job is not None

    def _poll_job(self, job: JobSupervisor) -> None:
        """Plan and submit the job; once the run is up, a failure leads to another attempt.

        Raises:
            SpafError: the job cannot be started at all.

        """
        try:
            job.check_topic(self._health.topic)
            job.poll()
            if self._all_ready(SPECS[JOB].after):
                if job.settings.job.deduplicate_minutes:
                    # The tables take smaller counts then: two jobs must not write at once.
                    self._renewal.end()
                job.submit()
            self._renewal.poll(job.state)
        except SpafError as error:
            if self._state.phase is Phase.STARTING:
                raise
            log.warning("the job failed; next attempt follows: %s", error)
            job.abandon(error)
        except OSError as error:
            if self._state.phase is Phase.STARTING:
                raise
            job.abandon(StackError(f"The run folder cannot be used: {error}"))
        if job.settings is not self._settings:
            self._change_settings(job.settings)
        self._health.job_trouble, self._health.recount_to = job.trouble, job.recount_to
        self._health.usual_policy = job.usual_policy

    def _change_settings(self, chosen: Settings) -> None:
        """Let the other processes know the settings that an upgrade of the job has brought.

        Page and quarantine start again if other records are accepted now; the page reads the
        thresholds by itself.
        """
        contract = JobContract.of(chosen)
        changed = contract.rules() != self._state.contract.rules()
        self._settings, self._state.contract = chosen, contract
        self._home.write_contract(contract)
        self._health.change_target(self._health_target())
        self._retention.change_settings(chosen)
        self._publish()
        for service in self._services:
            if service.spec.name in (SERVE, QUARANTINE):
                variables = {**service.service.env, **settings.environment(chosen)}
                service.replace(replace(service.service, env=variables), restart=changed)

    def _record_progress(self, job: JobSupervisor) -> None:
        """Record the progress of the job each second, until the run ends."""
        while not self._ending.wait(RECORD_INTERVAL_S):
            away = self._health.trouble
            # Without a job the offsets of the group may be those of other tables.
            if not job.state.id or (away and away.stage in ("kafka", "postgres")):
                continue
            try:
                job.record_progress()
            except SpafError as error:
                log.warning("the progress of the job is not recorded: %s", error)
            except Exception:
                log.exception("the progress of the job is not recorded: a defect of SPAF")

    def _relay_logs(self, relay: LogRelay) -> None:
        """Copy what the logs gain each second, until the run ends."""
        while not self._ending.wait(RECORD_INTERVAL_S):
            relay.poll()

    def _is_up(self) -> bool:
        return self._all_ready((TABLES, *CORE)) and (self._job is None or self._is_ready(JOB))

    def _all_ready(self, names: Sequence[str]) -> bool:
        return all(map(self._is_ready, names))

    def _is_ready(self, name: str) -> bool:
        """Return whether a step is done, or every service of the name answers; external ones do."""
        if name == TABLES:
            return self._tables_ready
        if name == JOB:
            # With a job that fails again and again, the run is up too, so that the page says why.
            found = self._state.trouble
            fails = found is not None and found.lasting
            job = None if self._job is None else self._job.state
            ready = (JobPhase.RUNNING, JobPhase.STOPPED)
            return job is not None and (job.state in ready or bool(job.id and fails))
        if self._awaited is not None and not self._awaited.answered(name):
            return False
        return all(service.ready for service in self._services if service.spec.name == name)

    def _enter(self, phase: Phase, message: str) -> None:
        log.info("phase of the run: %s", phase)
        self._state.phase = phase
        self._state.message = message
        self._publish()

    def _publish_trouble(self, found: Trouble | None) -> None:
        self._state.trouble = found
        self._publish()

    def _publish(self) -> None:
        """Write the state; on a full disk the run goes on, and readers see an old state."""
        with self._writing:
            if self._job is not None:
                self._state.job = self._job_state(self._job)
            self._state.written = clock.now_us() / 1e6
            try:
                self._home.write(self._state)
                if self._awaited is not None:
                    shown = self._state.phase is Phase.RUNNING and self._is_ready(SERVE)
                    note_health(self._home, PAGE, ready=shown)
            except OSError as error:
                if not self._write_failed:
                    log.error("the state of the run cannot be written: %s", error)
                self._write_failed = True
            else:
                if self._write_failed:
                    log.info("the state of the run is written again")
                self._write_failed = False

    def _job_state(self, job: JobSupervisor) -> JobState:
        """Return the state of the job; one that runs for moments between failures is restarting."""
        found = self._state.trouble
        loops = found is not None and found.code == "job_restarts"
        if loops and job.state.state is JobPhase.RUNNING:
            return msgspec.structs.replace(job.state, state=JobPhase.RESTARTING)
        return job.state

    def _stop_services(self) -> None:
        """Stop the load, then what it writes to, then the database of the sinks.

        After a failure the page shows the cause for as long as it can.
        """
        last = {POSTGRES, SERVE} if self._state.phase is Phase.FAILED else {POSTGRES}
        steps: list[list[ManagedService]] = [[], [], []]
        for service in self._services:
            name = service.spec.name
            steps[0 if name == LOCUST else 2 if name in last else 1].append(service)
        with ThreadPoolExecutor(len(self._services) + 1) as threads:
            for step in steps:
                list(threads.map(lambda service: service.stop(), step))

    def _end(self) -> None:
        """Stop everything."""
        self._ending.set()
        self._health.close()
        if self._state.phase is not Phase.FAILED:
            self._enter(Phase.STOPPING, self._stop.reason)
        if self._job is not None:
            self._job.stop()
        self._stop_services()
        if self._waiting_room is not None:
            self._waiting_room.close()
        if self._relay is not None:
            self._relay.poll()
        zookeeper.forget(self._settings.flink, self._home)
        self._topology.ports.close()
        self._publish()


def _first_state(chosen: Settings, topology: Topology) -> RunState:
    external = topology.external.items()
    state = _empty_state(Phase.STARTING, "; ".join(topology.notes))
    state.kafka = str(topology.kafka)
    state.flink = str(topology.flink)
    state.postgres_host = topology.access.host
    state.postgres_port = topology.access.port
    state.waiting_port = topology.access.waiting_port
    state.services = {
        name: ServiceState(name, ServiceStatus.EXTERNAL, address) for name, address in external
    }
    state.contract = JobContract.of(chosen)
    return state


def _empty_state(phase: Phase, message: str) -> RunState:
    identity = ProcessIdentity.of(os.getpid())
    return RunState(os.getpid(), identity.started if identity else 0.0, phase, message=message)


def hold_lock(home: RunFolder) -> IO[str]:
    """Take the lock of the run folder; the kernel releases it when the process ends.

    Raises:
        StackError: another supervisor holds it.

    """
    file = home.lock.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StackError(f"{home.folder} is in use by another spaf.") from None
    return file


def supervise(
    chosen: Settings, home: RunFolder, stop: StopSignal, *, bare: bool, **options: bool
) -> int:
    """Run until the end; log why it ended and return the exit code.

    The options are those of `Supervisor`.
    """
    try:
        Supervisor(chosen, stop, bare=bare, **options).run()
    except SpafError as error:
        log.error("the run ended: %s", error)
        _publish_failure(home, failure_message(home, error))
        return error.exit_code
    except OSError as error:
        log.exception("the run ended, because the system refused an operation")
        _publish_failure(home, failure_message(home, error))
        return 1
    except Exception as error:
        log.exception("the run ended by a defect of SPAF")
        _publish_failure(home, failure_message(home, error))
        return 1
    log.info("the run ended: %s", stop.reason)
    return 0


def failure_message(home: RunFolder, error: Exception) -> str:
    """Return what a waiting command and the page say of the error that has ended a run."""
    if isinstance(error, SpafError):
        return str(error)
    if isinstance(error, OSError):
        return f"The supervisor failed: {error}"
    return f"SPAF has a defect; see {home.logs / f'{SUPERVISOR_LOG}.log'}."


def _publish_failure(home: RunFolder, message: str) -> None:
    """Tell the waiting command why the run failed, also if it had no state yet."""
    state = home.read()
    if state is None or state.supervisor_pid != os.getpid():
        state = _empty_state(Phase.FAILED, message)
    state.phase, state.message = Phase.FAILED, message
    try:
        home.write(state)
    except OSError as error:
        log.error("the state of the run cannot be written: %s", error)


def main() -> int:
    """Supervise the run folder of the settings until a stop signal."""
    stop = StopSignal()
    chosen = settings.load()
    home = RunFolder(chosen.home)
    home.create()
    try:
        lock = hold_lock(home)
    except StackError as error:
        log.error("not started: %s", error)
        return error.exit_code
    with lock:
        bare, archives, in_service = (a in sys.argv for a in (BARE, ARCHIVING, IN_SERVICE))
        return supervise(chosen, home, stop, bare=bare, archives=archives, in_service=in_service)


if __name__ == "__main__":
    configure_log()
    sys.exit(main())
