"""One service of a run: its process is started, polled, restarted and stopped here."""

from __future__ import annotations

import logging
import subprocess

from spaf import clock
from spaf.errors import ServiceError
from spaf.stack import process
from spaf.stack.process import ProcessIdentity, ServiceProcess
from spaf.stack.service_specs import Restart, spec_of
from spaf.stack.state import ServiceState, ServiceStatus
from spaf.stack.vitals import refused_write

log = logging.getLogger(__name__)

# A service that is not ready after this has failed, seconds: ten times a slow start.
START_TIMEOUT_S = 90.0
# A service that needs more restarts than this within the window does not recover by restarts.
MAX_RESTARTS = 5
RESTART_WINDOW_S = 60.0
# Optional services: when restarts are exhausted, wait this long before the next one, seconds.
OPTIONAL_BACKOFF_S = 20.0
# A program that the system does not start (no file descriptor, no memory, no disk) is tried again
# after this, seconds.
REFUSED_BACKOFF_S = 2.0


class ManagedService:
    """A service with the one restart policy of all services."""

    def __init__(self, service: ServiceProcess) -> None:
        """Keep how to run the service; nothing is started."""
        self.service = service
        self.spec = spec_of(service.name)
        self.state = ServiceState(
            service.name, ServiceStatus.STARTING, service.address, str(service.log)
        )
        self._child: subprocess.Popen[bytes] | None = None
        # The process before, which goes on until the present one does its work.
        self._predecessor: subprocess.Popen[bytes] | None = None
        self._ready_by = 0.0
        self._restarts: list[float] = []
        self._backoff_until = 0.0
        # Size of the log when the present process was started.
        self._log_begin = 0

    @property
    def started(self) -> bool:
        """Whether the service has been started."""
        return self._child is not None

    @property
    def ready(self) -> bool:
        """Whether the present process has answered."""
        return self.state.state is ServiceStatus.RUNNING

    def start(self) -> None:
        """Start the process.

        Raises:
            ServiceError: the program cannot be started.

        """
        log_file = self.service.log
        self._log_begin = log_file.stat().st_size if log_file.exists() else 0
        self._child = process.start(self.service)
        self._ready_by = clock.monotonic() + START_TIMEOUT_S
        identity = ProcessIdentity.of(self._child.pid)
        self.state.pid = self._child.pid
        self.state.started = identity.started if identity else 0.0
        log.info("%s: started, pid %d", self.service.name, self._child.pid)

    def poll(
        self, *, run_is_starting: bool, may_start: bool = True, may_be_ready: bool = True
    ) -> bool:
        """Update the state; restart a process that has ended. Return whether the state changed.

        Args:
            run_is_starting: a required service that ends now will not start at all.
            may_be_ready: false while the service waits for others: then it is not asked.
            may_start: false while the disk is full: then a process that has ended waits.

        Raises:
            ServiceError: a required service was not ready in time, or its restarts are exhausted.

        """
        if self._child is None:
            return False
        code = self._child.poll()
        if code is not None:
            return self._handle_exit(code, run_is_starting=run_is_starting, may_start=may_start)
        if self.ready:
            return False
        if may_be_ready and self.service.ready():
            self.state.state = ServiceStatus.RUNNING
            log.info("%s: ready at %s", self.service.name, self.service.address)
            return True
        if self._required and clock.monotonic() > self._ready_by:
            raise self._failure(f"was not ready after {START_TIMEOUT_S:.0f} s")
        return False

    def replace(self, service: ServiceProcess, *, restart: bool) -> None:
        """Run the service another way from its next start on; with `restart` at once.

        Raises:
            ServiceError: the program cannot be started.

        """
        self.service = service
        if restart and self._child is not None:
            self.stop()
            self.state.state = ServiceStatus.STARTING
            self.start()

    def succeed(self, reason: str) -> bool:
        """Start a successor of a process that runs, which goes on until `end_predecessor`.

        Args:
            reason: why, to be read after the name of the service.

        Returns:
            Whether there is a predecessor now.

        """
        present = self._child
        if present is None or present.poll() is not None:
            return self._predecessor is not None
        try:
            self.start()
        except (ServiceError, OSError) as error:
            log.error("%s has no successor: %s", self.service.name, error)
            return self._predecessor is not None
        if self._predecessor is None:
            self._predecessor = present
        else:
            _kill(present)  # it has not taken over yet
        self.state.state, self.state.reason = ServiceStatus.RESTARTING, reason
        log.info("%s: %s", self.service.name, reason)
        return True

    def end_predecessor(self) -> None:
        """Kill the process that has a successor; its work is done by that one."""
        if self._predecessor is not None:
            _kill(self._predecessor)
            self._predecessor = None

    def stop(self) -> None:
        """End the process and its children."""
        self.end_predecessor()
        if self._child is None:
            return
        identity = self.state.identity()
        began = clock.monotonic()
        if identity is not None:
            process.stop(identity, self.service.stop_signal, self.service.stop_timeout_s)
        self._child.wait()
        log.info("%s: stopped within %.1f s", self.service.name, clock.monotonic() - began)
        self.state.pid = None
        self.state.state = ServiceStatus.STOPPED

    @property
    def _required(self) -> bool:
        return self.spec.restart is Restart.REQUIRED

    def _handle_exit(self, code: int, *, run_is_starting: bool, may_start: bool) -> bool:
        now = clock.monotonic()
        if now < self._backoff_until:
            return False
        self.state.reason = process.exit_reason(code, self.service.log, self._log_begin)
        self.state.ended = clock.now_us() / 1e6
        if self._required and run_is_starting:
            raise self._failure(f"ended while it was starting (exit code {code})")
        refused = None if self.service.data is None else refused_write(self.service.data)
        if refused is not None:
            self.state.reason = refused.what.rstrip(".")
        if not may_start or refused is not None:
            # What ended because of the disk says nothing about the service.
            self._restarts.clear()
            changed = self.state.state is not ServiceStatus.RESTARTING
            self.state.state = ServiceStatus.RESTARTING
            return changed
        self._restarts = [at for at in self._restarts if now - at < RESTART_WINDOW_S]
        if len(self._restarts) >= MAX_RESTARTS and not self._backoff_until:
            self._give_up(now)
        else:
            log.warning("%s: %s; restarting", self.service.name, self.state.reason)
            self._restart(now)
        return True

    def _give_up(self, now: float) -> None:
        """Fail the run for a required service; let an optional one wait."""
        exits = f"ended {len(self._restarts) + 1} times within {RESTART_WINDOW_S:.0f} s"
        if self._required:
            raise self._failure(f"{exits}; the last time it {self.state.reason}")
        log.error(
            "%s: %s; the last time it %s; next restart in %.0f s",
            *(self.service.name, exits, self.state.reason, OPTIONAL_BACKOFF_S),
        )
        self.state.state = ServiceStatus.FAILED
        self._backoff_until = now + OPTIONAL_BACKOFF_S

    def _restart(self, now: float) -> None:
        self.state.state = ServiceStatus.RESTARTING
        try:
            self.start()
        except (ServiceError, OSError) as error:
            # It says nothing about the service, so the run waits until the system starts it.
            log.error("%s; next attempt in %.0f s", error, REFUSED_BACKOFF_S)
            self.state.reason = str(error)
            self._backoff_until = now + REFUSED_BACKOFF_S
            return
        self._backoff_until = 0.0
        self._restarts.append(now)
        self.state.restarts += 1

    def _failure(self, what: str) -> ServiceError:
        return ServiceError(
            self.service.name,
            what,
            log_tail=process.log_tail(self.service.log),
            todo=f"Its whole log: `spaf logs {self.service.name}`.",
        )


def _kill(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
