"""The position passes offsets without a record, and nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spaf.stack.progress import ProgressRecorder

# It takes every statement.
CONNECTION = SimpleNamespace(execute=lambda _: None)


class Topic:
    """A log of one partition: which offsets hold a record, its end, and what the group commits."""

    def __init__(self, records: set[int], end: int, committed: int, begin: int = 0) -> None:
        """Start with these."""
        self.records, self.end, self.committed, self.begin = records, end, committed, begin
        self.looks = 0
        self.checkpoints: Path | None = None
        self.written: list[dict[int, int]] = []

    def next_record(self, _: str, __: str, positions: dict[int, int]) -> dict[int, int]:
        """Return the next record of each position, or the end."""
        self.looks += bool(positions)
        return {
            part: min((at for at in self.records if at >= position), default=self.end)
            for part, position in positions.items()
        }


@pytest.fixture
def recorder_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes the recorder of a topic."""

    def make(topic: Topic) -> ProgressRecorder:
        monkeypatch.setattr("spaf.topic.admin.committed", lambda *_: {0: topic.committed})
        monkeypatch.setattr(
            "spaf.topic.admin.end_offsets_of",
            lambda _, parts, **__: dict.fromkeys(parts, topic.end),
        )
        monkeypatch.setattr(
            "spaf.topic.admin.begin_offsets_of",
            lambda _, parts: dict.fromkeys(parts, topic.begin),
        )
        monkeypatch.setattr("spaf.stack.progress.next_record_offsets", topic.next_record)
        monkeypatch.setattr(
            "spaf.store.queries.upsert_position",
            lambda _, __, done: topic.written.append(dict(done)),
        )
        target: Any = SimpleNamespace(
            kafka="k",
            group="g",
            topic="t",
            checkpoints=topic.checkpoints,
            begin_offsets=lambda: {0: 0},
            access=SimpleNamespace(session=lambda _: contextlib.nullcontext(CONNECTION)),
        )
        return ProgressRecorder(target)

    return make


def test_a_group_at_the_end_is_recorded_once(recorder_of: Any) -> None:
    """Nothing is read, and an unchanged position is not written again."""
    topic = Topic(set(range(5)), 5, 5)
    recorder = recorder_of(topic)
    assert [recorder.record("j") for _ in range(3)] == [{0: 5}] * 3
    assert (topic.written, topic.looks) == ([{0: 5}], 0)


def test_markers_at_the_end_are_passed(recorder_of: Any) -> None:
    """The job has no more to read; a group that has just moved is not looked behind."""
    topic = Topic(set(range(5)), 8, 5)
    recorder = recorder_of(topic)
    assert [recorder.record("j") for _ in range(3)] == [{0: 5}, {0: 8}, {0: 8}]
    assert topic.looks == 1
    topic.end = 10
    assert recorder.record("j") == {0: 10}
    assert topic.looks == 2


def test_a_record_that_waits_is_not_passed(recorder_of: Any) -> None:
    """However long the job stands; the topic is read once for it."""
    topic = Topic({0, 1, 4}, 6, 2)
    recorder = recorder_of(topic)
    assert [recorder.record("j") for _ in range(4)] == [{0: 2}, {0: 4}, {0: 4}, {0: 4}]
    topic.end = 9
    assert recorder.record("j") == {0: 4}
    assert topic.looks == 1
    topic.committed = 5
    assert [recorder.record("j") for _ in range(2)] == [{0: 5}, {0: 9}]


def test_a_job_that_begins_again_takes_the_position_back(recorder_of: Any) -> None:
    """What was passed behind another offset does not count there."""
    topic = Topic({0}, 4, 1)
    recorder = recorder_of(topic)
    assert [recorder.record("j") for _ in range(2)] == [{0: 1}, {0: 4}]
    topic.committed = 0
    assert recorder.record("j") == {0: 0}
    assert topic.written[-1] == {0: 0}


def test_deleted_records_are_no_gap(recorder_of: Any) -> None:
    """The job has not read them, so they are not in the tables."""
    topic = Topic({0, 1}, 8, 2, begin=5)
    recorder = recorder_of(topic)
    assert [recorder.record("j") for _ in range(3)] == [{0: 2}] * 3
    assert topic.looks == 0


def test_a_checkpoint_is_recorded_before_the_group_knows_it(
    recorder_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connector commits late while no record comes; a group that is further on counts too."""
    read = {0: 7}
    monkeypatch.setattr(
        "spaf.job.checkpoint.source_offsets",
        lambda _, job, topic: read if job + topic == "jt" else {},
    )
    topic = Topic(set(range(9)), 9, 5)
    topic.checkpoints = Path("checkpoints")
    recorder = recorder_of(topic)
    assert recorder.record("j") == {0: 7}
    assert recorder.record("another") == {0: 5}
    topic.committed = 9
    assert recorder.record("j") == {0: 9}
    read.clear()
    assert recorder.record("j") == {0: 9}
