"""A process that listens to PostgreSQL and stamps each change when it becomes visible.

`python -m spaf.measure.visibility FILE` reads the address as one JSON object from standard input.
It appends a line `stamp <tab> payload` for each notification, stamp in microseconds, until SIGTERM.
It is a separate process: a thread would wait for the interpreter while the terminal is drawn, and
that wait would be measured as latency.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import psycopg

from spaf import clock
from spaf.errors import StoreError
from spaf.stack import process
from spaf.stack.state import RunFolder
from spaf.store.access import Access, Role

# From the start of the process to its LISTEN.
READY_TIMEOUT_S = 15.0
READY_MARK = "ready\n"


def watch_file(home: RunFolder) -> Path:
    """Return the file of a new measurement of visible changes."""
    return home.runs / f"watch-{clock.now_us()}.tsv"


class VisibilityWatch(AbstractContextManager["VisibilityWatch"]):
    """The watching process, as seen by its parent."""

    def __init__(self, file: Path) -> None:
        """Start the process: it imports what it needs, and waits for the address.

        Raises:
            ServiceError: the process cannot be started.

        """
        self.file = file
        command = process.module_command("spaf.measure.visibility", str(file))
        self._child = process.spawn(
            "latency watch", command, stdin=subprocess.PIPE, goes_first=True
        )

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.stop()

    def listen(self, access: Access) -> None:
        """Let the process listen, and wait until it does.

        Raises:
            StoreError: the process could not listen.

        """
        self.file.unlink(missing_ok=True)
        if self._child.stdin is not None:
            self._child.stdin.write(json.dumps(asdict(access)).encode())
            self._child.stdin.close()
        self._wait_ready()

    def stop(self) -> None:
        """End the process; the file then holds every notification that it has received."""
        self._child.terminate()
        self._child.wait()

    def _wait_ready(self) -> None:
        deadline = clock.monotonic() + READY_TIMEOUT_S
        while not (self.file.exists() and self.file.read_text().startswith(READY_MARK)):
            if self._child.poll() is not None or clock.monotonic() > deadline:
                self._child.kill()
                raise StoreError("The latency watch could not listen to PostgreSQL.")
            clock.sleep(0.05)


def listen(access: Access, file: Path) -> None:
    """Append every notification to the file until the process is ended."""
    with (
        access.connect(Role.READ, autocommit=True) as connection,
        file.open("w", buffering=1) as out,
    ):
        connection.execute(f'LISTEN "sales_{access.schema}"'.encode())
        out.write(READY_MARK)
        # PostgreSQL may end first; the file holds every notification received by then.
        with contextlib.suppress(psycopg.OperationalError):
            for notification in connection.notifies():
                out.write(f"{clock.now_us()}\t{notification.payload}\n")


def main() -> None:
    """Watch until SIGTERM, then write out what is left in the buffer."""
    signal.signal(signal.SIGTERM, _end)
    # Ctrl-C in a terminal signals the whole process group; the parent ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen(Access(**json.load(sys.stdin)), Path(sys.argv[1]))


def _end(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
