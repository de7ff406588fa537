"""The hand-written consumer on the real services, and a peer that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spaf import clock
from spaf.bench.peers import environments, peer
from spaf.bench.peers.answers import expected
from spaf.bench.peers.compared import ComparedPeer
from spaf.bench.peers.drain import FullTopic
from spaf.bench.peers.live import bad_records, sale, send
from spaf.bench.peers.measurement import PeerMeasurement, measure_drain, measure_kill
from spaf.bench.peers.peer import Peer
from spaf.bench.progress import no_progress
from spaf.bench.throughput.drain import PARTITIONS, fill
from tests.support.runs import Own

SALES = 5_000
HAND_WRITTEN = "hand-written"


@pytest.fixture
def own_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every peer use the packages of SPAF, as if they had been installed for it."""
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    for one in peer.peers().values():
        python = tmp_path / one.name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)


@pytest.mark.usefixtures("own_packages")
def test_consumer_by_hand_is_exact_also_when_it_is_killed(own: Own) -> None:
    """Its rows are those of the verifier, over two partitions and with records that break rules."""
    run = own(PARTITIONS)
    send(run, bad_records(clock.now_us() // 1000))
    fill(run, SALES, no_progress)
    topic = FullTopic(run, expected(run), PARTITIONS)
    measured = PeerMeasurement(ComparedPeer(peer.peers()[HAND_WRITTEN]))
    measured.attempt(lambda: measure_drain(measured, topic, 30.0, no_progress))
    measured.attempt(lambda: measure_kill(measured, topic, 30.0, no_progress))
    row = measured.row()
    assert row.error is None
    assert row.drain is not None
    assert row.drain.exact
    assert row.memory_mib
    assert row.after_kill in ("exact", "it was through before it could be killed")
    assert row.version


@pytest.mark.usefixtures("own_packages")
def test_peer_that_fails_is_a_row_with_its_error(own: Own) -> None:
    """The parts after it are not tried."""
    run = own(1)
    send(run, [sale(), sale(), sale()])
    topic = FullTopic(run, expected(run), 1)
    broken = Peer(
        HAND_WRITTEN, ("{python}", "-c", "raise SystemExit(3)"), "none", name=HAND_WRITTEN
    )
    measured = PeerMeasurement(ComparedPeer(broken))
    measured.attempt(lambda: measure_drain(measured, topic, 10.0, no_progress))
    measured.attempt(lambda: pytest.fail("a later part was tried"))
    row = measured.row()
    assert row.drain is None
    assert row.error == "the program ended with exit code 3"
