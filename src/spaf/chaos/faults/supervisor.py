"""The run itself: its supervisor is killed or suspended, or a person stops and starts the run."""

from __future__ import annotations

import signal

from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.chaos.faults.signals import PAUSES_S, is_stopped, send
from spaf.errors import StackError
from spaf.stack import control
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import SUPERVISOR

RUN = "run"


class EndedRun(Fault):
    """The supervisor ends; the run is started again at once, as a person does with `spaf up`."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the run, and how to end it."""
        self._scene, self._target = scene, target
        self._ended: ProcessIdentity | None = None

    def inject(self) -> None:
        """Kill the supervisor, or stop the run in order."""
        self._ended = self._scene.run.state().supervisor()
        if self._target == RUN:
            control.down(self._scene.run.settings)
        else:
            send(self._ended, signal.SIGKILL)

    def happened(self) -> bool:
        """Return whether the supervisor has ended."""
        return self._ended is not None and not self._ended.alive()

    def lift(self) -> None:
        """Start the run again."""
        if self.happened():
            self._scene.up()


class PausedSupervisor(Fault):
    """The supervisor is suspended: it reports nothing, and restarts nothing."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep the run."""
        self._scene = scene
        self._paused: ProcessIdentity | None = None

    def inject(self) -> None:
        """Suspend it.

        Raises:
            StackError: it has no process.

        """
        self._paused = self._scene.run.state().supervisor()
        if not self._paused.alive():
            raise StackError("The supervisor has no process.")
        send(self._paused, signal.SIGSTOP)

    def happened(self) -> bool:
        """Return whether it is suspended."""
        return self._paused is not None and is_stopped(self._paused)

    def lift(self) -> None:
        """Let it go on."""
        if self._paused is not None:
            send(self._paused, signal.SIGCONT)


KINDS = (
    FaultKind(
        "restart",
        "Kills the supervisor, which takes all services with it (supervisor), or stops the run "
        "with `spaf down` (run); then `spaf up`.",
        EndedRun,
        targets=(SUPERVISOR, RUN),
        response=(
            "The kernel ends every service of a killed supervisor. The next start continues from "
            "the newest checkpoint."
        ),
        todo="`spaf up`.",
    ),
    FaultKind(
        "pause-supervisor",
        "Suspends the supervisor.",
        PausedSupervisor,
        targets=(SUPERVISOR,),
        hold_s=PAUSES_S,
        response=(
            "Everything goes on, but nothing would be restarted. Status and page say that what "
            "they show may be old."
        ),
        todo="`kill -CONT PID`, which the sentence has.",
    ),
)
