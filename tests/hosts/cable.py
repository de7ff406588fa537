"""A long cable: passes Ethernet frames on between pairs of interfaces, late, and loses some.

For a kernel without netem. `python cable.py DELAY_MS JITTER_MS LOSS NEAR:FAR ...` runs in the
network namespace of the interfaces until it is ended. Each pair is one cable; frames of one
direction keep their order.
"""

from __future__ import annotations

import heapq
import itertools
import random
import select
import socket
import sys
from typing import NamedTuple

from spaf import clock

# Of <linux/if_packet.h> and <linux/if_ether.h>; Python does not name them.
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 3
# The largest frame: 64 KiB that the sender's kernel has not cut into packets yet, and headers.
MAX_FRAME = 2**16 + 256
# What arrives while a burst is passed on, bytes.
BUFFER = 8 * 2**20


class Impairment(NamedTuple):
    """What the cables do to a frame, in each direction."""

    delay_s: float
    jitter_s: float
    loss: float


def open_end(interface: str) -> socket.socket:
    """Return a socket with every frame that comes in at an interface.

    The header in front of each (`PACKET_VNET_HDR`) says what of segmentation and checksums is left
    to do, so frames that no card has finished can be passed on as they are.
    """
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    end.bind((interface, 0))
    end.settimeout(0)
    return end


def run(pairs: list[tuple[str, str]], impairment: Impairment) -> None:
    """Pass frames on for ever."""
    other: dict[int, socket.socket] = {}
    ends: dict[int, socket.socket] = {}
    poll = select.epoll()
    for names in pairs:
        near, far = map(open_end, names)
        for end, opposite in ((near, far), (far, near)):
            ends[end.fileno()], other[end.fileno()] = end, opposite
            poll.register(end, select.EPOLLIN)
    rng = random.Random(1)  # noqa: S311 - losses that can be repeated
    due: list[tuple[float, int, socket.socket, bytes]] = []
    last = dict.fromkeys(ends, 0.0)
    numbers = itertools.count()
    while True:
        wait = max(0.0, due[0][0] - clock.monotonic()) if due else -1
        for number, _ in poll.poll(wait):
            frame = _receive(ends[number])
            if frame and rng.random() >= impairment.loss:
                late = impairment.delay_s + rng.uniform(0, impairment.jitter_s)
                last[number] = max(last[number], clock.monotonic() + late)
                heapq.heappush(due, (last[number], next(numbers), other[number], frame))
        while due and due[0][0] <= clock.monotonic():
            _, _, end, frame = heapq.heappop(due)
            _send(end, frame)


def _receive(end: socket.socket) -> bytes:
    try:
        return end.recv(MAX_FRAME)
    except OSError:
        # The interface is down, or the frame is not there any more.
        return b""


def _send(end: socket.socket, frame: bytes) -> None:
    try:
        end.send(frame)
    except OSError:
        # The interface is down: a cut cable loses what is on it.
        return


def main() -> None:
    """Read the command line, and be the cables."""
    delay_ms, jitter_ms, loss = map(float, sys.argv[1:4])
    pairs = [(near, far) for near, _, far in (text.partition(":") for text in sys.argv[4:])]
    run(pairs, Impairment(delay_ms / 1_000, jitter_ms / 1_000, loss))


if __name__ == "__main__":
    main()
