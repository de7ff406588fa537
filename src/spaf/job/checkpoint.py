"""Checkpoints: the one to resume from, and the offsets up to which the newest one has read."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Collection
from pathlib import Path

from spaf.job.build import DUPLICATE_SLACK_S, STATE_SLACK_S
from spaf.settings import JobSettings

# A killed job leaves folders without this file; resuming from one fails.
METADATA = "_metadata"
# What the names of checkpoints and of savepoints begin with.
KINDS = ("chk", "savepoint")
# Folder of the savepoints, next to those of the jobs.
SAVEPOINTS = "savepoints"
# State of an older checkpoint may have expired in part (see STATE_SLACK_S). A quarter of the slack
# is left for reading the records since the checkpoint.
MAX_AGE_S = STATE_SLACK_S * 3 // 4
MAX_AGE_DEDUP_S = DUPLICATE_SLACK_S * 3 // 4
# Folders of earlier runs of the job that are kept.
MAX_RUNS = 3
# In the state of the source a partition is its topic, its number, the offset of the next record,
# and this number, because the source stops at no offset.
NO_STOPPING_OFFSET = (-(2**63)).to_bytes(8, signed=True)


def max_resume_age_s(settings: JobSettings) -> int:
    """Return the largest age of a checkpoint that the job resumes from."""
    return MAX_AGE_DEDUP_S if settings.deduplicate_minutes else MAX_AGE_S


def newest_complete(
    folder: Path,
    now_s: float,
    unusable: Collection[Path | str] = (),
    max_age_s: float = MAX_AGE_S,
) -> Path | None:
    """Return the newest complete checkpoint, or None if there is none to resume from.

    Args:
        folder: the checkpoint folder; it holds one folder a job, that one `chk-N` a checkpoint, and
            one folder of savepoints.
        now_s: the current time, seconds since the epoch.
        unusable: checkpoints from which a job could not start.
        max_age_s: an older checkpoint is ignored.

    """
    complete = sorted(
        (path for kind in KINDS for path in folder.glob(f"*/{kind}-*/{METADATA}")),
        key=_age_key,
        reverse=True,
    )
    fresh = (m.parent for m in complete if now_s - m.stat().st_mtime < max_age_s)
    return next((checkpoint for checkpoint in fresh if checkpoint not in unusable), None)


def source_offsets(folder: Path, job_id: str, topic: str) -> dict[int, int]:
    """Return the offsets up to which the newest complete checkpoint of a job has read.

    A partition that the checkpoint does not name is left out: one of which no record was read, or
    any if the topic has enough partitions for Flink to keep them in a file of their own.

    Args:
        folder: holds the checkpoint folders of all plans.
        job_id: the job.
        topic: that it reads.

    """
    complete = sorted(folder.glob(f"*/{job_id}/chk-*/{METADATA}"), key=_number, reverse=True)
    for metadata in complete:
        # Flink deletes a checkpoint once a newer one is complete.
        with contextlib.suppress(FileNotFoundError):
            return _offsets(metadata.read_bytes(), topic.encode())
    return {}


def prune(folder: Path) -> None:
    """Delete the folders of older runs of the job, except the newest few.

    The newest complete checkpoint stays, however many later runs have none.
    """
    runs = sorted((p for p in folder.glob("*") if p.is_dir()), key=_age_key, reverse=True)
    newest = max(folder.rglob(METADATA), key=_age_key, default=folder)
    for run in runs[MAX_RUNS:]:
        if run not in newest.parents:
            shutil.rmtree(run, ignore_errors=True)


def _age_key(path: Path) -> float:
    return path.stat().st_mtime


def _number(metadata: Path) -> int:
    return int(metadata.parent.name.removeprefix("chk-"))


def _offsets(metadata: bytes, topic: bytes) -> dict[int, int]:
    name = re.escape(len(topic).to_bytes(2) + topic)
    partition = re.compile(name + rb"(.{4})(.{8})" + re.escape(NO_STOPPING_OFFSET), re.DOTALL)
    offsets: dict[int, int] = {}
    for number, offset in partition.findall(metadata):
        part, at = (int.from_bytes(value, signed=True) for value in (number, offset))
        # Before the first record the offset is negative. The enumerator may name a partition too.
        if at >= 0:
            offsets[part] = min(at, offsets.get(part, at))
    return offsets
