"""A Python process of ours that is told things on its standard input, and answers on its output."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from spaf.stack import process

END_SECONDS = 3.0


class WorkerProcess:
    """The process, line by line."""

    def __init__(self, module: str, env: Mapping[str, str], log: Path) -> None:
        """Start it; it is asked to end if this process dies. `log` takes what it complains about.

        Args:
            module: what Python is to run.
            env: what it finds beside our own environment.
            log: its standard error is appended there.

        """
        with log.open("ab") as file:
            self._child = subprocess.Popen(
                # Warnings of the libraries that it imports are nobody's here.
                [sys.executable, "-P", "-W", "ignore", "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**os.environ, **env},
                start_new_session=True,
                preexec_fn=process.end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - prctl only
            )

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._child.poll() is not None

    def say(self, line: str) -> None:
        """Tell it a line; one that has died does not hear it."""
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.write(line)
                self._child.stdin.flush()

    def lines(self) -> Iterator[str]:
        """Yield what it says, until it has ended or closed its output."""
        if self._child.stdout is not None:
            # Not `yield from`: who stops to listen would close the pipe with it.
            while line := self._child.stdout.readline():
                yield line

    def end(self) -> None:
        """End it, if it has not ended by itself."""
        identity = process.ProcessIdentity.of(self._child.pid)
        if identity is not None:
            process.stop(identity, signal.SIGTERM, END_SECONDS)
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
