"""Bytes that each TCP connection has sent and received, from the kernel's socket monitor.

The kernel counts the traffic of a connection, not that of a process; the files of a process say
which connections it has. `ss -ti` reads the same (`sock_diag(7)`).
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
# The attribute with `struct tcp_info`, and two of the fields in that.
INET_DIAG_INFO = 2
BYTES_ACKED_AT, BYTES_RECEIVED_AT = 120, 128
ALL_STATES = 0xFFFFFFFF
HEADER = struct.Struct("=IHHII")
# Family, protocol, attributes, padding, states; then an empty socket id.
REQUEST = struct.Struct("=BBBxI48x")
# Of `struct inet_diag_msg`: the inode is its last field.
MESSAGE_BYTES = 72
INODE = struct.Struct("=I")
ATTRIBUTE = struct.Struct("=HH")
COUNTER = struct.Struct("=Q")
BUFFER_BYTES = 2**18
TIMEOUT_S = 1.0
SOCKET = re.compile(r"socket:\[(\d+)\]")


class Traffic(NamedTuple):
    """Of a connection, bytes."""

    sent: int
    received: int


def tcp_traffic() -> dict[int, Traffic]:
    """Return the traffic of every connection by its inode; none if the kernel does not say."""
    by_socket: dict[int, Traffic] = {}
    with (
        contextlib.suppress(OSError, struct.error),
        socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as monitor,
    ):
        monitor.settimeout(TIMEOUT_S)
        for family in (socket.AF_INET, socket.AF_INET6):
            by_socket |= dict(_connections(monitor, family))
    return by_socket


def _connections(monitor: socket.socket, family: int) -> Iterator[tuple[int, Traffic]]:
    body = REQUEST.pack(family, socket.IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), ALL_STATES)
    flags = NLM_F_REQUEST | NLM_F_DUMP
    head = HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, flags, 1, 0)
    monitor.sendto(head + body, (0, 0))
    while True:
        answer = monitor.recv(BUFFER_BYTES)
        at = 0
        while at < len(answer):
            length, kind, *_ = HEADER.unpack_from(answer, at)
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                return
            yield _connection(answer[at + HEADER.size : at + length])
            at += _aligned(length)


def _connection(message: bytes) -> tuple[int, Traffic]:
    (inode,) = INODE.unpack_from(message, MESSAGE_BYTES - INODE.size)
    at = MESSAGE_BYTES
    while at + ATTRIBUTE.size <= len(message):
        length, kind = ATTRIBUTE.unpack_from(message, at)
        if kind == INET_DIAG_INFO and length >= BYTES_RECEIVED_AT + COUNTER.size:
            info = at + ATTRIBUTE.size
            sent, received = (
                COUNTER.unpack_from(message, info + offset)[0]
                for offset in (BYTES_ACKED_AT, BYTES_RECEIVED_AT)
            )
            return inode, Traffic(sent, received)
        at += max(_aligned(length), ATTRIBUTE.size)
    return inode, Traffic(0, 0)


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def sockets_of(pids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield pid and inode of each socket of some processes; another account's are not seen."""
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        with contextlib.suppress(OSError):
            for entry in os.listdir(folder):  # noqa: PTH208 - thousands of them a second
                with contextlib.suppress(OSError):
                    match = SOCKET.fullmatch(os.readlink(f"{folder}/{entry}"))  # noqa: PTH115 - as above
                    if match is not None:
                        yield pid, int(match[1])
