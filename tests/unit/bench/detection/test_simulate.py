"""The log of the laboratory: what the broker would have written."""

from __future__ import annotations

import json
from pathlib import Path

from spaf.bench.detection.simulate import START_US, SimulatedTraffic, simulate

TRAFFICS = [SimulatedTraffic(50.0, 120, seed, 0.01, 10.0) for seed in (1, 2)]


def test_log_and_truth_agree(tmp_path: Path) -> None:
    """Offsets count up, append times never step back, each label is on its sale."""
    truths = simulate(TRAFFICS, tmp_path / "log")
    rows = [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    for partition, truth in enumerate(truths):
        mine = [row for row in rows if row["kafka_partition"] == partition]
        assert [row["kafka_offset"] for row in mine] == list(range(len(truth.seconds)))
        times = [row["append_ms"] for row in mine]
        assert times == sorted(times)
        assert [time // 1_000 for time in times] == truth.seconds
        assert all(row["append_ms"] >= row["eventTime"] for row in mine)
        assert truth.start_s == START_US // 1_000_000 + 120 * partition
        assert truth.labels
        assert truth.episodes
        for offset, label in truth.labels.items():
            assert mine[offset]["transactionId"] == label.transaction_id


def test_same_traffic_same_log(tmp_path: Path) -> None:
    """A score can be repeated."""
    simulate(TRAFFICS, tmp_path / "one")
    simulate(TRAFFICS, tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
