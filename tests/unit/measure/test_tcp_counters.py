"""Traffic of the connections of a process, as the kernel counts it."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from spaf.measure.system_sampler import Head, SystemSampler
from spaf.measure.tcp_counters import Traffic, sockets_of, tcp_traffic
from spaf.stack.process import wait_until

SENT = b"x" * 100_000
WAIT_S = 10.0


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_what_was_sent_is_counted_at_both_ends(family: socket.AddressFamily, host: str) -> None:
    """In both versions of IP; and the connections are those of this process."""
    me = os.getpid()
    sampler = SystemSampler(lambda: [Head("me", me, psutil.Process().create_time())])
    with socket.socket(family) as server:
        try:
            server.bind((host, 0))
        except OSError:
            pytest.skip(f"no {host} here")
        server.listen()
        with socket.create_connection(server.getsockname()[:2]) as client:
            accepted, _ = server.accept()
            with accepted:
                sampler.sample()
                client.sendall(SENT)
                left = len(SENT)
                while left:
                    left -= len(accepted.recv(left))
                inodes = [os.fstat(end.fileno()).st_ino for end in (client, accepted)]

                def acknowledged() -> bool:
                    return tcp_traffic()[inodes[0]].sent >= len(SENT)

                assert wait_until(acknowledged, WAIT_S)
                traffic = tcp_traffic()
                # An established connection counts its first, empty packet.
                assert traffic[inodes[0]].sent in (len(SENT), len(SENT) + 1)
                assert traffic[inodes[1]] == Traffic(0, len(SENT))
                assert {(me, inode) for inode in inodes} <= set(sockets_of([me]))
                sampler.sample()
    series = sampler.series()
    assert series["me/net_sent_bytes"][1] >= len(SENT)
    assert series["me/net_received_bytes"][1] >= len(SENT)
