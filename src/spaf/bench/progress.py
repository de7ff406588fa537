"""The one way in which long work reports how far it is."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Protocol

import msgspec

from spaf import clock
from spaf.files import write_atomically

# In the folder of a record, while its run goes on.
PROGRESS_FILE = "progress.json"
# Within a step; a person sees no delay, and a measurement no load. Seconds.
WRITE_EVERY_S = 1.0


class Step(msgspec.Struct, frozen=True):
    """Which of several measurements is made."""

    number: int
    """From 1."""
    of: int
    rate: float
    """Sales a second."""


class Progress(Protocol):
    """A callback that shows progress to a person."""

    def __call__(
        self, doing: str, done: int = 0, total: int | None = None, /, *, step: Step | None = None
    ) -> None:
        """Show what is being done, and how much of it is done, where its total is known."""


def no_progress(
    _doing: str, _done: int = 0, _total: int | None = None, /, *, step: Step | None = None
) -> None:
    """Show nothing."""
    del step


class ProgressFile:
    """Writes what it is called with into the folder of a record, for other programs to read."""

    def __init__(self, folder: Path, shown: Progress) -> None:
        """Keep the folder, and what else is called."""
        self._file = folder / PROGRESS_FILE
        self._shown = shown
        self._written: tuple[str, Step | None] | None = None
        self._at = 0.0

    def __call__(
        self, doing: str, done: int = 0, total: int | None = None, /, *, step: Step | None = None
    ) -> None:
        """Write each change of what is done, and how far it is once in WRITE_EVERY_S."""
        self._shown(doing, done, total, step=step)
        now = clock.monotonic()
        if (doing, step) == self._written and now - self._at < WRITE_EVERY_S:
            return
        self._written, self._at = (doing, step), now
        content = {"doing": doing, "done": done, "total": total, "step": step}
        with contextlib.suppress(OSError):  # a full disk has louder witnesses
            write_atomically(self._file, msgspec.json.encode(content))

    def line(self, text: str) -> None:
        """Show a line that stays."""
        say(self._shown, text)

    def delete(self) -> None:
        """Delete the file: its run has ended."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)


def say(progress: Progress, text: str) -> None:
    """Show a line that stays, where a person reads the progress."""
    line = getattr(progress, "line", None)
    if line is not None:
        line(text)
