"""The file of labels, read as it grows."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
from spaf.serve.monitor import detection_metrics
from spaf.serve.monitor.detection_metrics import LabelFile

SALE = Label("1-a-5", "price_x10", "toys", 10.0)
EPISODE = EpisodeLabel("surge", "toys", 1_000, 20_000, 4.0)
LINES = b"".join(msgspec.json.encode(one) + b"\n" for one in (SALE, EPISODE))


def test_what_comes_is_read_once(tmp_path: Path) -> None:
    """Whole lines only: one that is being written waits for its end."""
    file = tmp_path / "labels.jsonl"
    labels = LabelFile(file)
    labels.begin()
    assert (labels.read(), labels.caught_up) == ([], True)
    file.write_bytes(LINES + LINES[:20])
    assert labels.read() == [SALE, EPISODE]
    assert labels.read() == []
    with file.open("ab") as more:
        more.write(LINES[20:])
    assert labels.read() == [SALE, EPISODE]
    assert labels.caught_up


def test_a_line_that_is_none_is_passed_over(tmp_path: Path) -> None:
    """A load that was killed may leave half a line, with the next one behind it."""
    file = tmp_path / "labels.jsonl"
    file.write_bytes(LINES[:20] + LINES + b"\xff\n[]\n" + LINES)
    labels = LabelFile(file)
    labels.begin()
    assert labels.read() == [EPISODE, SALE, EPISODE]


def test_a_long_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is lost between two of them."""
    monkeypatch.setattr(detection_metrics, "MAX_READ_BYTES", 200)
    file = tmp_path / "labels.jsonl"
    file.write_bytes(LINES * 50)
    labels = LabelFile(file)
    labels.begin()
    found = []
    while not labels.caught_up:
        found += labels.read()
    assert found == [SALE, EPISODE] * 50


def test_of_too_many_only_the_new_ones_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of weeks is scored from when the page is opened."""
    monkeypatch.setattr(detection_metrics, "MAX_LABELS_BYTES", 100)
    file = tmp_path / "labels.jsonl"
    file.write_bytes(LINES * 5)
    labels = LabelFile(file)
    labels.begin()
    assert labels.skipped
    assert labels.read() == []
    with file.open("ab") as more:
        more.write(LINES)
    assert labels.read() == [SALE, EPISODE]
