"""Holds connections to a server that is being restarted, until it answers again.

A client that is refused by the server connects here instead. Its connection stays open without an
answer, and is closed once the server answers; then the client tries the server again. To the client
it is one connection that took long: it has not failed.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from spaf.stack import process
from spaf.stack.ports import LOOPBACK

# Less than a client waits for an answer (`store.access.SINK_SOCKET_TIMEOUT_S`), seconds. After it
# the client fails, as it would have at once without waiting.
MAX_WAIT_S = 9.0
# The sinks of two jobs, and some more; others are closed at once.
MAX_WAITING = 64


class WaitingRoom:
    """A port of loopback at which clients of one server wait for it."""

    def __init__(self, port: int, answers: Callable[[], bool]) -> None:
        """Listen.

        Args:
            port: where clients wait.
            answers: whether the server answers now; it is asked in threads.

        Raises:
            OSError: the port is taken.

        """
        self._answers = answers
        self._places = threading.BoundedSemaphore(MAX_WAITING)
        self._listener = socket.create_server((LOOPBACK, port))
        threading.Thread(target=self._accept, name="waiting room", daemon=True).start()

    def close(self) -> None:
        """Take no further clients."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the `accept` of the thread
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._hold, args=(client,), daemon=True).start()

    def _hold(self, client: socket.socket) -> None:
        with client:
            if not self._places.acquire(blocking=False):
                return
            try:
                process.wait_until(self._answers, MAX_WAIT_S)
            finally:
                self._places.release()
