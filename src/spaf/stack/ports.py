"""Free ports on the loopback interface, reserved until the run ends.

A service listens on its port only when its turn comes; the page does so some 20 s after its port
was chosen. So a chosen port is reserved against other starts of SPAF: by a Unix socket with an
abstract name, which only one process of the network namespace can have, and which the kernel
removes when that process ends.
"""

from __future__ import annotations

import contextlib
import socket
import weakref

LOOPBACK = "127.0.0.1"
# This many ports from the wanted one on are tried; then any free port is taken.
MAX_TRIED = 50
# Begins the abstract name of each reservation.
RESERVATION = "\0spaf/port/"


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        # Servers set this option too: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def any_free_port() -> int:
    """Return a free port that the system chooses."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class PortReservations:
    """The ports of one run."""

    def __init__(self) -> None:
        """Reserve nothing yet."""
        self._held = contextlib.ExitStack()
        # Also if the run was never started.
        weakref.finalize(self, self._held.close)

    def reserve(self, wanted: int | None = None) -> int:
        """Reserve the wanted port or the next free one, and return it; None: any free port."""
        if wanted is not None:
            for port in range(wanted, min(wanted + MAX_TRIED, 65_536)):
                if self._reserve(port):
                    return port
        while True:
            port = any_free_port()
            if self._reserve(port):
                return port

    def close(self) -> None:
        """Release all of them."""
        self._held.close()

    def _reserve(self, port: int) -> bool:
        """Reserve a port unless it is used or reserved; return whether it was done."""
        with contextlib.ExitStack() as attempt:
            name = attempt.enter_context(socket.socket(socket.AF_UNIX))
            try:
                name.bind(f"{RESERVATION}{port}")
            except OSError:
                return False
            # Reserved first: of two starts at the same moment one finds it taken.
            if not is_free(port):
                return False
            self._held.push(attempt.pop_all())
            return True
