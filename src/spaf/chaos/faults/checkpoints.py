"""Flink: the newest checkpoint is damaged or gone when the job has to start from one."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.chaos.faults.signals import identities, is_stopped, send
from spaf.errors import StackError
from spaf.job.checkpoint import METADATA
from spaf.stack import process
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import JOBMANAGER

STOP_S = 5.0
# Overwritten in the middle of a file.
GARBAGE = b"\xff" * 64


class DamagedCheckpoint(Fault):
    """A checkpoint is damaged while no new one can come; then the JobManager is killed.

    The JobManager knows its checkpoints; a new one has to find them in their folder.
    """

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep what to damage."""
        self._scene, self._target = scene, target
        self._jobmanager: ProcessIdentity | None = None
        self._damaged = False

    def inject(self) -> None:
        """Suspend the JobManager, damage the checkpoint, kill the JobManager.

        Raises:
            StackError: there is no checkpoint.

        """
        (jobmanager,) = identities(self._scene, JOBMANAGER)
        self._jobmanager = jobmanager
        send(jobmanager, signal.SIGSTOP)
        process.wait_until(lambda: is_stopped(jobmanager), STOP_S)
        DAMAGES[self._target](self._scene.run.home.checkpoints)
        self._damaged = True
        send(jobmanager, signal.SIGKILL)

    def happened(self) -> bool:
        """Return whether a checkpoint was damaged and the JobManager has ended."""
        return self._damaged and self._jobmanager is not None and not self._jobmanager.alive()

    def lift(self) -> None:
        """Let a JobManager go on whose checkpoints could not be damaged."""
        if self._jobmanager is not None:
            send(self._jobmanager, signal.SIGCONT)


def newest(checkpoints: Path) -> Path:
    """Return the newest complete checkpoint.

    Raises:
        StackError: there is none.

    """
    complete = [path.parent for path in checkpoints.rglob(METADATA)]
    if not complete:
        raise StackError("There is no checkpoint yet.")
    return max(complete, key=lambda path: (path / METADATA).stat().st_mtime)


def damage_metadata(checkpoints: Path) -> None:
    """Overwrite the middle of `_metadata`."""
    _overwrite(newest(checkpoints) / METADATA)


def delete_metadata(checkpoints: Path) -> None:
    """Delete `_metadata`, as if the checkpoint had not been completed."""
    (newest(checkpoints) / METADATA).unlink()


def damage_state(checkpoints: Path) -> None:
    """Overwrite the middle of the largest file of state.

    Raises:
        StackError: all state is in `_metadata`.

    """
    files = [path for path in newest(checkpoints).iterdir() if path.name != METADATA]
    if not files:
        raise StackError("The checkpoint has no file of state.")
    _overwrite(max(files, key=lambda path: path.stat().st_size))


def delete_all(checkpoints: Path) -> None:
    """Delete every checkpoint of every job."""
    for folder in checkpoints.iterdir():
        shutil.rmtree(folder)


def _overwrite(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(GARBAGE)


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "metadata-damaged": damage_metadata,
    "metadata-missing": delete_metadata,
    "state-damaged": damage_state,
    "folder-gone": delete_all,
}

KINDS = (
    FaultKind(
        "checkpoint",
        "Damages the newest checkpoint, or deletes all of them, and kills the JobManager.",
        DamagedCheckpoint,
        targets=tuple(DAMAGES),
        response=(
            "The job starts from the newest checkpoint that can be read; without any it counts "
            "the topic from its first record again."
        ),
    ),
)
