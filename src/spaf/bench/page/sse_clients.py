"""Many viewers of the page in one process: each reads its own stream of server-sent events.

`python -m spaf.bench.page.sse_clients ADDRESS VIEWERS` prints a line of JSON when every client has
received its first bytes, and one with the final counts at SIGTERM. The clients discard the data
without parsing it, at idle priority. They represent people at other machines, so they load the
page's server and not the shared processors.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import msgspec

from spaf.errors import LoadError
from spaf.stack import process

BUFFER_BYTES = 1 << 16
# Every viewer has its first bytes within this time.
READY_TIMEOUT_S = 20.0
PUSH = b"event: rows"


class ClientCounts(msgspec.Struct):
    """Totals of all viewers: those answered, those whose stream has ended, and received data."""

    viewers: int
    ready: int
    lost: int
    bytes: int
    pushes: int


class SseClient(asyncio.BufferedProtocol):
    """One stream; all viewers read into the same buffer."""

    def __init__(
        self, request: bytes, buffer: bytearray, counts: ClientCounts, all_answered: asyncio.Event
    ) -> None:
        """Keep the request, the counts, and the event to set when every viewer has an answer."""
        self._request = request
        self._buffer = buffer
        self._counts = counts
        self._all_answered = all_answered
        self._started = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the stream."""
        if isinstance(transport, asyncio.Transport):
            transport.write(self._request)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Count the bytes and discard them."""
        counts = self._counts
        if not self._started:
            self._started = True
            counts.ready += self._buffer.startswith(b"HTTP/1.1 200 ", 0, nbytes)
            self._check_all_answered()
        counts.bytes += nbytes
        counts.pushes += self._buffer.count(PUSH, 0, nbytes)

    def connection_lost(self, _error: Exception | None) -> None:
        """Count the lost stream."""
        self._counts.lost += 1
        self._check_all_answered()

    def _check_all_answered(self) -> None:
        if self._counts.ready + self._counts.lost >= self._counts.viewers:
            self._all_answered.set()


async def read_streams(address: str, viewers: int) -> ClientCounts:
    """Open `viewers` streams and discard the data until SIGTERM. Return the final counts."""
    host, _, port = urlsplit(address).netloc.partition(":")
    request = f"GET /api/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    counts, buffer = ClientCounts(viewers, 0, 0, 0, 0), bytearray(BUFFER_BYTES)
    all_answered, end = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end.set)

    def viewer() -> SseClient:
        return SseClient(request, buffer, counts, all_answered)

    transports = []
    # A refused connection is counted as a lost viewer.
    with contextlib.suppress(OSError):
        for _ in range(viewers):
            transport, _protocol = await loop.create_connection(viewer, host, int(port))
            transports.append(transport)
    counts.lost += viewers - len(transports)
    if counts.lost == viewers:
        all_answered.set()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(all_answered.wait(), READY_TIMEOUT_S)
    _print(counts)
    await end.wait()
    final = msgspec.structs.replace(counts)
    for transport in transports:
        transport.close()
    return final


class SseClients(AbstractContextManager["SseClients"]):
    """The process of the viewers, as seen by its parent."""

    def __init__(self, address: str, viewers: int) -> None:
        """Start the process and wait until every viewer sees the page.

        Raises:
            LoadError: one of them was refused.

        """
        command = process.module_command("spaf.bench.page.sse_clients", address, str(viewers))
        self._child = process.spawn("viewers", command, stdout=subprocess.PIPE)
        first = self._read()
        if first is None or first.ready < viewers or first.lost:
            self._end()
            raise LoadError(
                f"Only {first.ready if first else 0} of {viewers} viewers see the page.",
                todo="`spaf logs serve` says why the others were refused.",
            )

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._end()

    def stop(self) -> ClientCounts:
        """End all viewers and return the final counts.

        Raises:
            LoadError: the process had ended before.

        """
        self._child.terminate()
        counts = self._read()
        self._end()
        if counts is None:
            raise LoadError("The process of the viewers has ended by itself.")
        return counts

    def _read(self) -> ClientCounts | None:
        line = self._child.stdout.readline() if self._child.stdout else b""
        return msgspec.json.decode(line, type=ClientCounts) if line else None

    def _end(self) -> None:
        self._child.terminate()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


def _print(counts: ClientCounts) -> None:
    sys.stdout.write(msgspec.json.encode(counts).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the streams until SIGTERM, and print the counts."""
    address, viewers = sys.argv[1:]
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _print(asyncio.run(read_streams(address, int(viewers))))


if __name__ == "__main__":
    main()
