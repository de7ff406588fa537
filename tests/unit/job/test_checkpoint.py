"""Where the job left off: whole checkpoints only, the newest, not too old."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from spaf.job.checkpoint import (
    MAX_AGE_S,
    MAX_RUNS,
    METADATA,
    max_resume_age_s,
    newest_complete,
    prune,
    source_offsets,
)
from spaf.settings import JobSettings

NOW = 1_763_800_000.0


def checkpoint(folder: Path, name: str, age: float, *, complete: bool = True) -> Path:
    """Make a checkpoint of this age, seconds; its run's folder is as old."""
    made = folder / name
    made.mkdir(parents=True)
    (made / "state").touch()
    if complete:
        (made / METADATA).touch()
    for path in (*made.iterdir(), made, made.parent):
        os.utime(path, (NOW - age, NOW - age))
    return made


def test_no_folder_and_an_empty_one_hold_nothing(tmp_path: Path) -> None:
    """A first start has nothing to resume from."""
    assert newest_complete(tmp_path / "none", NOW) is None
    assert newest_complete(tmp_path, NOW) is None


def test_newest_by_time_wins_over_the_larger_number(tmp_path: Path) -> None:
    """Each run counts its checkpoints from 1; time tells which is newer."""
    checkpoint(tmp_path, "old/chk-90", 500)
    newer = checkpoint(tmp_path, "new/chk-2", 10)
    checkpoint(tmp_path, "new/chk-1", 20)
    assert newest_complete(tmp_path, NOW) == newer


def test_savepoint_is_one_of_them(tmp_path: Path) -> None:
    """Whichever is newer."""
    taken = checkpoint(tmp_path, "job/chk-7", age=60)
    saved = checkpoint(tmp_path, "savepoints/savepoint-ab-01", age=30)
    assert newest_complete(tmp_path, NOW) == saved
    assert newest_complete(tmp_path, NOW, {saved}) == taken


def test_complete_one_wins_over_a_newer_that_was_not_finished(tmp_path: Path) -> None:
    """A kill leaves a folder without metadata; resuming from it would fail."""
    whole = checkpoint(tmp_path, "run/chk-4", 20)
    checkpoint(tmp_path, "run/chk-5", 5, complete=False)
    assert newest_complete(tmp_path, NOW) == whole


def test_only_unfinished_ones_are_nothing(tmp_path: Path) -> None:
    """Then the job counts again from the log."""
    checkpoint(tmp_path, "run/chk-1", 5, complete=False)
    assert newest_complete(tmp_path, NOW) is None


def test_folders_that_are_no_checkpoints_are_left_alone(tmp_path: Path) -> None:
    """`shared` and `taskowned` are next to the checkpoints."""
    checkpoint(tmp_path, "run/shared", 5)
    assert newest_complete(tmp_path, NOW) is None


@pytest.mark.parametrize(("age", "found"), [(MAX_AGE_S - 1, True), (MAX_AGE_S, False)])
def test_state_that_may_be_given_up_in_part_is_too_old(
    tmp_path: Path, age: float, *, found: bool
) -> None:
    """At the limit the job begins anew instead of going on with half a state."""
    made = checkpoint(tmp_path, "run/chk-1", age)
    assert newest_complete(tmp_path, NOW) == (made if found else None)


@pytest.mark.parametrize(("minutes", "limit_s"), [(0, 2_700), (10, 675)])
def test_identifiers_are_given_up_sooner(tmp_path: Path, minutes: int, limit_s: int) -> None:
    """With deduplication a checkpoint is too old after minutes, not after most of an hour."""
    oldest_s = max_resume_age_s(JobSettings(deduplicate_minutes=minutes))
    assert oldest_s == limit_s
    made = checkpoint(tmp_path, "run/chk-1", limit_s - 1)
    assert newest_complete(tmp_path, NOW, max_age_s=oldest_s) == made
    assert newest_complete(tmp_path, NOW + 1, max_age_s=oldest_s) is None


def test_prune_keeps_the_newest_runs_whole(tmp_path: Path) -> None:
    """What older runs have left goes, with everything in it."""
    made = [checkpoint(tmp_path, f"run{n}/chk-1", 10.0 * n) for n in range(MAX_RUNS + 2)]
    prune(tmp_path)
    assert [path.exists() for path in made] == [True] * MAX_RUNS + [False] * 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run0", "run1", "run2"]


def test_prune_leaves_few_runs_and_plain_files(tmp_path: Path) -> None:
    """Nothing to prune is nothing to do, a missing folder included."""
    made = checkpoint(tmp_path, "run/chk-1", 10)
    (tmp_path / "note").touch()
    prune(tmp_path)
    prune(tmp_path / "none")
    assert made.exists()
    assert (tmp_path / "note").exists()


def test_prune_keeps_what_the_job_would_resume_from(tmp_path: Path) -> None:
    """Runs that came to no checkpoint do not push out the only one there is."""
    whole = checkpoint(tmp_path, "good/chk-9", 100)
    for number in range(MAX_RUNS):
        checkpoint(tmp_path, f"failed{number}/chk-1", 10.0 * number, complete=False)
    prune(tmp_path)
    assert newest_complete(tmp_path, NOW) == whole


def test_prune_keeps_the_plan_of_the_newest_checkpoint(tmp_path: Path) -> None:
    """The folders of several plans are pruned likewise, a level above."""
    whole = checkpoint(tmp_path, "good/run/chk-9", 100)
    os.utime(tmp_path / "good", (NOW - 100, NOW - 100))
    for number in range(MAX_RUNS):
        checkpoint(tmp_path, f"plan{number}/run", 10.0 * number, complete=False)
    prune(tmp_path)
    assert whole.exists()


def partition(topic: str, number: int, offset: int, stop: int = -(2**63)) -> bytes:
    """Return a partition as the Kafka connector writes it into its state."""
    name = topic.encode()
    return struct.pack(f">H{len(name)}siqq", len(name), name, number, offset, stop)


def metadata(folder: Path, name: str, *parts: bytes) -> Path:
    """Write the metadata of a checkpoint, with other bytes around the parts of its state."""
    made = folder / name / METADATA
    made.parent.mkdir(parents=True)
    made.write_bytes(b"\x49\x60\x67\x2d\n" + b"\n\x00".join((*parts, b"\x00\x80")))
    return made


def test_offsets_are_those_of_the_newest_checkpoint_of_the_job(tmp_path: Path) -> None:
    """Not of another job, of an unfinished one, or of a topic whose name ends alike."""
    newline = 10  # a byte that ends a line in the offset
    metadata(tmp_path, "plan/j/chk-9", partition("sales", 0, 5))
    metadata(
        tmp_path,
        "plan/j/chk-10",
        partition("sales", 0, newline),
        partition("more-sales", 1, 7),
        partition("sales", 1, 2**40),
    )
    metadata(tmp_path, "plan/another/chk-11", partition("sales", 0, 99))
    (tmp_path / "plan/j/chk-12").mkdir()
    assert source_offsets(tmp_path, "j", "sales") == {0: newline, 1: 2**40}
    assert source_offsets(tmp_path, "j", "ales") == {}
    assert source_offsets(tmp_path, "none", "sales") == {}
    assert source_offsets(tmp_path / "none", "j", "sales") == {}


def test_the_least_offset_of_a_partition_counts(tmp_path: Path) -> None:
    """And none before the first record: it is negative then."""
    parts = partition("s", 0, 8), partition("s", 0, 6), partition("s", 1, -3)
    metadata(tmp_path, "plan/j/chk-1", *parts, partition("s", 2, 4, stop=9))
    assert source_offsets(tmp_path, "j", "s") == {0: 6}


def test_a_checkpoint_that_is_being_deleted_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flink deletes an old one at any moment."""
    metadata(tmp_path, "plan/j/chk-1", partition("s", 0, 5))
    gone = metadata(tmp_path, "plan/j/chk-2", partition("s", 0, 6))
    read = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        gone.unlink(missing_ok=True)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert source_offsets(tmp_path, "j", "s") == {0: 5}
