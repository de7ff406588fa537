"""What reaches the run from outside: hostile records, a flood, clients that never read."""

from __future__ import annotations

import select
import socket
import threading
from urllib.parse import urlsplit

from confluent_kafka import KafkaError, KafkaException, Message

from spaf import clock
from spaf.bench.agreement.fuzz import Fuzzer
from spaf.bench.throughput.drain import configured_stream
from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.errors import StackError
from spaf.stack.service_names import KAFKA, SERVE
from spaf.topic.producer import FLUSH_S, open_producer

# Hostile records for each sale of the load.
POISON_SHARE = 0.2
POISON_SEED = 14
# `results/reference/sustain` holds this rate with a p99 below 100 ms, sales/s; and how long a flood
# of five times of it lasts. It is appended as fast as one process can.
SUSTAINED = 32_000
FLOOD_FACTOR = 5
FLOOD_S = 3
FLOOD_SALES = FLOOD_FACTOR * SUSTAINED * FLOOD_S
# Sales between two polls for delivery reports.
POLL_EVERY = 2_000
CLIENTS = 50
# Small, so that the page soon has to wait for the client.
RECEIVE_BYTES = 4_096
CONNECT_S = 5.0


class AppendedRecords(Fault):
    """Records that another producer appends to the topic, from a thread."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Prepare; nothing is sent yet."""
        self._scene = scene
        self._producer = open_producer(scene.run.kafka, "spaf-chaos")
        self._acked = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._append, name="records", daemon=True)

    def inject(self) -> None:
        """Begin to append."""
        self._thread.start()

    def happened(self) -> bool:
        """Return whether a record is in the topic."""
        return self._acked > 0

    def lift(self) -> None:
        """Stop, and wait for the broker."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._producer.flush(FLUSH_S)
        self._scene.appended.append(self._acked)
        self._acked = 0

    def _append(self) -> None:
        raise NotImplementedError

    def _produce(self, value: bytes | None) -> None:
        while not self._ended.is_set():
            try:
                self._producer.produce(self._scene.run.topic, value, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException:
                return  # larger than a record may be
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._acked += error is None


class Poison(AppendedRecords):
    """Hostile records among the sales."""

    def _append(self) -> None:
        fuzzer = Fuzzer(POISON_SEED)
        pause_s = 1 / max(1.0, POISON_SHARE * self._scene.rate)
        while not self._ended.wait(pause_s):
            self._produce(fuzzer.record(clock.now_ms()))
            self._producer.poll(0)


class Flood(AppendedRecords):
    """Far more sales than the run sustains."""

    def inject(self) -> None:
        """Append all of them before the fault is held."""
        self._append()

    def _append(self) -> None:
        stream = configured_stream(self._scene.run, f"flood{clock.now_us():x}")
        for number in range(FLOOD_SALES):
            now_us = clock.now_us()
            self._produce(stream.next_sale(now_us, now_us)[0])
            if number % POLL_EVERY == 0:
                self._producer.poll(0)
        self._producer.flush(FLUSH_S)


class SilentClients(Fault):
    """Clients that open the stream of the page, and never read it."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep the run."""
        self._scene = scene
        self._clients: list[socket.socket] = []

    def inject(self) -> None:
        """Open the streams.

        Raises:
            StackError: the page is not served.

        """
        service = self._scene.run.state().services.get(SERVE)
        if service is None:
            raise StackError("The page is not served.")
        host, _, port = urlsplit(service.address).netloc.partition(":")
        request = f"GET /api/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
        for _ in range(CLIENTS):
            client = socket.socket()
            self._clients.append(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            client.settimeout(CONNECT_S)
            client.connect((host, int(port)))
            client.sendall(request)

    def happened(self) -> bool:
        """Return whether each has bytes that it does not read."""
        readable, _, _ = select.select(self._clients, [], [], 0)
        return len(readable) == len(self._clients) == CLIENTS

    def lift(self) -> None:
        """Close them."""
        for client in self._clients:
            client.close()
        self._clients.clear()


KINDS = (
    FaultKind(
        "poison",
        "Appends hostile records, one for every five sales.",
        Poison,
        targets=(KAFKA,),
        hold_s=(10.0,),
        response=(
            "Each record is rejected with a reason, and kept in the quarantine; the job does not "
            "stop."
        ),
        todo="`spaf quarantine list` shows what came, and why it was refused.",
    ),
    FaultKind(
        "flood",
        f"Appends {FLOOD_SALES:,} sales at once: {FLOOD_S} s of {FLOOD_FACTOR} times the rate that "
        "the run sustains.",
        Flood,
        targets=(KAFKA,),
        response="Sales wait in the topic and are counted as fast as the job can.",
    ),
    FaultKind(
        "silent-clients",
        f"Opens {CLIENTS} streams of the page whose clients never read.",
        SilentClients,
        targets=(SERVE,),
        hold_s=(10.0, 40.0),
        response=(
            "The page closes a connection whose client does not read for 30 s; nothing else waits "
            "for it."
        ),
    ),
)
