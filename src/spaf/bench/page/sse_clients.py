"""Many viewers of the page in one process: each has a stream of its own and reads all of it.

`python -m spaf.bench.page.sse_clients ADDRESS VIEWERS` prints a line of JSON when every client has
received its first bytes, and one with the final counts at SIGTERM. The clients discard what they
read, without a parser, at idle priority: they stand for people at other machines, so they load the
page's server and not the shared processors.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from typing import Self
from urllib.parse import urlsplit

import msgspec

from spaf.errors import LoadError
from spaf.stack import process

BUFFER_BYTES = 1 << 16
# Every viewer has its first bytes within this, seconds.
READY_SECONDS = 20.0
PUSH = b"event: rows"


class ClientCounts(msgspec.Struct):
    """What the viewers have got; lost are those whose stream has ended."""

    viewers: int
    ready: int
    lost: int
    bytes: int
    pushes: int


class SseClient(asyncio.BufferedProtocol):
    """One stream; all viewers read into the same buffer."""

    def __init__(
        self, request: bytes, buffer: bytearray, counts: ClientCounts, all_there: asyncio.Event
    ) -> None:
        """Keep what to ask, where to count, and what to set when every viewer has an answer."""
        self._request = request
        self._buffer = buffer
        self._counts = counts
        self._all_there = all_there
        self._started = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        if isinstance(transport, asyncio.Transport):
            transport.write(self._request)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Count them and forget them."""
        counts = self._counts
        if not self._started:
            self._started = True
            counts.ready += self._buffer.startswith(b"HTTP/1.1 200 ", 0, nbytes)
            self._look_whether_all_are_there()
        counts.bytes += nbytes
        counts.pushes += self._buffer.count(PUSH, 0, nbytes)

    def connection_lost(self, _error: Exception | None) -> None:
        """Count it."""
        self._counts.lost += 1
        self._look_whether_all_are_there()

    def _look_whether_all_are_there(self) -> None:
        if self._counts.ready + self._counts.lost >= self._counts.viewers:
            self._all_there.set()


async def watch(address: str, viewers: int) -> ClientCounts:
    """Be so many viewers until SIGTERM."""
    host, _, port = urlsplit(address).netloc.partition(":")
    request = f"GET /api/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    counts, buffer = ClientCounts(viewers, 0, 0, 0, 0), bytearray(BUFFER_BYTES)
    all_there, end = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end.set)

    def viewer() -> SseClient:
        return SseClient(request, buffer, counts, all_there)

    transports = []
    # Where nobody listens there are no viewers, which the count says.
    with contextlib.suppress(OSError):
        for _ in range(viewers):
            transport, _protocol = await loop.create_connection(viewer, host, int(port))
            transports.append(transport)
    counts.lost += viewers - len(transports)
    if counts.lost == viewers:
        all_there.set()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(all_there.wait(), READY_SECONDS)
    _say(counts)
    await end.wait()
    final = msgspec.structs.replace(counts)
    for transport in transports:
        transport.close()
    return final


class SseClients:
    """The process of the viewers, as its parent sees it."""

    def __init__(self, address: str, viewers: int) -> None:
        """Start it and wait until every viewer sees the page.

        Raises:
            LoadError: one of them was refused.

        """
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "spaf.bench.page.sse_clients", address, str(viewers)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=process.end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - prctl only
        )
        first = self._read()
        if first is None or first.ready < viewers or first.lost:
            self._end()
            raise LoadError(
                f"Only {first.ready if first else 0} of {viewers} viewers see the page.",
                todo="`spaf logs serve` says why the others were refused.",
            )

    def __enter__(self) -> Self:
        """Return the crowd."""
        return self

    def __exit__(self, *_: object) -> None:
        """Send it home."""
        self._end()

    def leave(self) -> ClientCounts:
        """End all viewers and return what they have got.

        Raises:
            LoadError: they had ended before.

        """
        self._child.terminate()
        found = self._read()
        self._end()
        if found is None:
            raise LoadError("The viewers of the page have ended by themselves.")
        return found

    def _read(self) -> ClientCounts | None:
        line = self._child.stdout.readline() if self._child.stdout else b""
        return msgspec.json.decode(line, type=ClientCounts) if line else None

    def _end(self) -> None:
        self._child.terminate()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


def _say(counts: ClientCounts) -> None:
    sys.stdout.write(msgspec.json.encode(counts).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Watch until SIGTERM, and say what was seen."""
    address, viewers = sys.argv[1:]
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _say(asyncio.run(watch(address, int(viewers))))


if __name__ == "__main__":
    main()
