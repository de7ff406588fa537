"""A Python process that reads requests from its standard input and answers on its output."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from spaf.environment import PYTHON_OPTIONS
from spaf.stack import process

STOP_TIMEOUT_S = 3.0


class WorkerProcess:
    """The process and its two pipes, line by line."""

    def __init__(
        self, name: str, module: str, env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> None:
        """Start the process; it gets SIGTERM if this process dies.

        Args:
            name: what messages call the process.
            module: the module that it runs.
            env: variables in addition to those of every child.
            log: file to which its standard error is appended.
            cwd: working directory; by default that of this process.

        Raises:
            ServiceError: the process cannot be started.

        """
        self._child = process.spawn(
            name,
            # Warnings of the libraries that it imports are of no use in the log.
            [sys.executable, *PYTHON_OPTIONS, "-W", "ignore", "-m", module],
            log=log,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            cwd=cwd,
        )

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._child.poll() is not None

    def send_line(self, line: str) -> None:
        """Write a line to the input of the process; nothing happens if the process has ended."""
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.write(f"{line}\n".encode())
                self._child.stdin.flush()

    def lines(self) -> Iterator[str]:
        """Yield the lines of its output until it ends or closes the output."""
        if self._child.stdout is not None:
            # Not `yield from`: a caller that stops reading would close the pipe.
            while line := self._child.stdout.readline():
                yield line.decode()

    def stop(self) -> None:
        """Stop the process if it still runs, and close the pipes."""
        identity = process.ProcessIdentity.of(self._child.pid)
        if identity is not None:
            process.stop(identity, signal.SIGTERM, STOP_TIMEOUT_S)
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
