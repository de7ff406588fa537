"""A TCP proxy on loopback whose connections can be disturbed: `spaf.chaos.faults.network` uses it.

A proxy sees a stream, not packets. A packet that is lost is sent again by the kernel of its sender;
so to lose everything in one direction means to hold its bytes back, until the fault is lifted.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, TypeVar

from spaf import clock
from spaf.stack.ports import LOOPBACK

# Bytes that are passed on at once.
CHUNK = 64 * 1_024
# Chunks of one direction that are on their way; then the sender has to wait, as for a network.
MAX_CHUNKS = 64
# How long the loop of the proxies may take for a change, seconds: far beyond a busy machine.
CALL_TIMEOUT_S = 30.0
# Closes a socket with RST instead of FIN: SO_LINGER, on, for 0 seconds.
RESET = struct.pack("ii", 1, 0)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Impairment:
    """What is done to connections. The direction up is from the client to the server."""

    latency_ms: float = 0.0
    """How much later each chunk arrives."""
    jitter_ms: float = 0.0
    """How much more, at most, by chance; the order is kept."""
    bytes_per_s: float = 0.0
    """Bandwidth of each direction of each connection; 0: unlimited."""
    hold_up: bool = False
    """Nothing reaches the server."""
    hold_down: bool = False
    """Nothing reaches the client."""
    reset: bool = False
    """Connections, also new ones, are reset at both ends."""
    half_open: bool = False
    """The server's ends are reset; clients see an open connection that stays silent."""


NONE = Impairment()


@dataclass
class ProxyCounts:
    """What an impairment has done."""

    delayed: int = 0
    """Chunks that arrived late."""
    held: int = 0
    """Chunks that waited for its end, and connections that were never answered."""
    cut: int = 0
    """Connections that were reset or made half-open."""


class _Chunk(NamedTuple):
    """Bytes, none at the end of a stream, and when they were read."""

    data: bytes
    sent_at: float


@dataclass(eq=False)
class _Connection:
    client_port: int
    impairment: Impairment
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ends: list[asyncio.StreamWriter] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    # Whether an end has reset it.
    broken: bool = False

    def holds(self, *, up: bool) -> bool:
        """Return whether nothing may pass in a direction."""
        now = self.impairment
        return now.half_open or (now.hold_up if up else now.hold_down)

    def set(self, impairment: Impairment) -> None:
        self.impairment = impairment
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class ProxyLoop:
    """The thread in which all proxies of a run pass bytes on."""

    def __init__(self) -> None:
        """Prepare; nothing runs yet."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the thread, and wait for it.

        Raises:
            OSError: of the work.

        """
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_TIMEOUT_S)

    def close(self) -> None:
        """End the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_TIMEOUT_S)
        self._loop.close()

    def __enter__(self) -> Self:
        """Start the thread."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()


class TcpProxy:
    """Passes the connections to one port on to another; its methods may be called by any thread."""

    def __init__(self, loop: ProxyLoop, port: int, target: int, *, seed: int = 0) -> None:
        """Keep the ports; nothing listens yet.

        Args:
            loop: in which it runs.
            port: at which it listens; 0: any free port.
            target: of the server.
            seed: of the jitter.

        """
        self._loop, self.port, self._target = loop, port, target
        self._rng = random.Random(seed)  # noqa: S311 - jitter that can be repeated
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._impairment = NONE
        self._hits: Callable[[int], bool] = lambda _: False
        self.counts = ProxyCounts()

    def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.

        """
        self._loop.call(self._listen())

    def close(self) -> None:
        """Listen no more, and end every connection."""
        self._loop.call(self._end())

    def impair(self, impairment: Impairment, hits: Callable[[int], bool]) -> None:
        """Disturb connections, those that are open and new ones, until `heal`.

        Args:
            impairment: what is done to them.
            hits: returns whether the connection from a client's port is meant.

        """
        self._loop.call(self._impair(impairment, hits))

    def heal(self) -> None:
        """Disturb nothing any more; what was held back arrives now.

        A client with a half-open connection is reset: its server does not know it any more.
        """
        self._loop.call(self._heal())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            _reset(connection)
            connection.set(NONE)
        tasks = [pair.task for pair in self._connections if pair.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _impair(self, impairment: Impairment, hits: Callable[[int], bool]) -> None:
        self.counts = ProxyCounts()
        self._impairment, self._hits = impairment, hits
        for connection in tuple(self._connections):
            # In a thread: it may read the sockets of processes.
            if await asyncio.to_thread(hits, connection.client_port):
                connection.set(impairment)
                self._cut(connection)

    def _cut(self, connection: _Connection) -> None:
        if connection.impairment.reset:
            self.counts.cut += 1
            _reset(connection)
        elif connection.impairment.half_open and len(connection.ends) > 1:
            self.counts.cut += 1
            _abort(connection.ends.pop())

    async def _heal(self) -> None:
        self._impairment, self._hits = NONE, lambda _: False
        for connection in tuple(self._connections):
            if connection.impairment.half_open:
                _reset(connection)
            connection.set(NONE)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer.get_extra_info("peername")[1], NONE, ends=[writer])
        connection.task = asyncio.current_task()
        self._connections.add(connection)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._serve(connection, reader, writer)
        finally:
            self._connections.discard(connection)
            for end in connection.ends:
                end.close()

    async def _serve(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._impairment is not NONE:
            impairment = self._impairment
            if await asyncio.to_thread(self._hits, connection.client_port):
                connection.set(impairment)
        if connection.impairment.reset:
            self._cut(connection)
            return
        if connection.impairment.half_open:
            await self._until_changed(connection)
            return
        try:
            server_reader, server = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            # As the server itself refuses it.
            _reset(connection)
            return
        connection.ends.append(server)
        if connection.impairment.half_open or connection.impairment.reset:
            self._cut(connection)
        up = self._pass(connection, reader, server, up=True)
        down = self._pass(connection, server_reader, writer, up=False)
        await asyncio.gather(up, down)

    async def _until_changed(self, connection: _Connection) -> None:
        self.counts.held += 1
        await connection.changed.wait()

    async def _pass(
        self,
        connection: _Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        up: bool,
    ) -> None:
        """Pass one direction on, until its end."""
        chunks: asyncio.Queue[_Chunk] = asyncio.Queue(MAX_CHUNKS)
        writing = asyncio.create_task(self._write(connection, chunks, writer, up=up))
        data = b"begin"
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                # That end has reset the connection: the other one is reset too, in its turn.
                data = b""
                connection.broken = True
            await chunks.put(_Chunk(data, clock.monotonic()))
        await writing

    async def _write(
        self,
        connection: _Connection,
        chunks: asyncio.Queue[_Chunk],
        writer: asyncio.StreamWriter,
        *,
        up: bool,
    ) -> None:
        data = b"begin"
        while data:
            data, sent_at = await chunks.get()
            await self._travel(connection.impairment, len(data), sent_at)
            await self._while_held(connection, up=up)
            try:
                if data:
                    writer.write(data)
                    await writer.drain()
                elif connection.broken:
                    _reset(connection)
                else:
                    writer.write_eof()
            except (OSError, RuntimeError):
                # That end is gone; what is still on its way to it is read and dropped.
                _reset(connection)

    async def _travel(self, impairment: Impairment, size: int, sent_at: float) -> None:
        """Wait until a chunk arrives; the chunks of one direction keep their order."""
        if impairment.latency_ms or impairment.jitter_ms:
            self.counts.delayed += 1
            late_ms = impairment.latency_ms + self._rng.uniform(0, impairment.jitter_ms)
            await asyncio.sleep(sent_at + late_ms / 1_000 - clock.monotonic())
        if impairment.bytes_per_s:
            self.counts.delayed += 1
            await asyncio.sleep(size / impairment.bytes_per_s)

    async def _while_held(self, connection: _Connection, *, up: bool) -> None:
        """Wait for as long as nothing may pass in a direction."""
        if connection.holds(up=up):
            self.counts.held += 1
        while connection.holds(up=up):
            await connection.changed.wait()


def _reset(connection: _Connection) -> None:
    """Close both ends with RST."""
    while connection.ends:
        _abort(connection.ends.pop())


def _abort(writer: asyncio.StreamWriter) -> None:
    end: socket.socket | None = writer.get_extra_info("socket")
    if end is not None and end.fileno() >= 0:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
