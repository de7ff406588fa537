"""Free ports on the loopback interface."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"
# This many ports from the wanted one on are tried; then any free port is taken.
MAX_TRIED = 50


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


def free_port(wanted: int, *, taken: set[int]) -> int:
    """Return the wanted port or the next free one, and add it to the taken ones."""
    candidates = range(wanted, min(wanted + MAX_TRIED, 65_536))
    port = next((p for p in candidates if p not in taken and is_free(p)), None)
    while port is None or port in taken:
        port = any_free_port()
    taken.add(port)
    return port


def any_free_port() -> int:
    """Return a free port that the system chooses."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
