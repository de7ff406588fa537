"""The checkpoint to resume from: the newest that is complete and not too old."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from spaf.job.build import DUPLICATE_SLACK_S, STATE_SLACK_S
from spaf.settings import JobSettings

# A killed job leaves folders without this file; resuming from one fails.
METADATA = "_metadata"
# State of an older checkpoint may have expired in part (see STATE_SLACK_S). A quarter of the slack
# is left for reading the records since the checkpoint.
MAX_AGE_S = STATE_SLACK_S * 3 // 4
MAX_AGE_DEDUP_S = DUPLICATE_SLACK_S * 3 // 4
# Folders of earlier runs of the job that are kept.
MAX_RUNS = 3


def max_resume_age_s(settings: JobSettings) -> int:
    """Return the largest age of a checkpoint that the job resumes from."""
    return MAX_AGE_DEDUP_S if settings.deduplicate_minutes else MAX_AGE_S


def newest_complete(
    folder: Path,
    now_s: float,
    unusable: Collection[Path] = (),
    max_age_s: float = MAX_AGE_S,
) -> Path | None:
    """Return the newest complete checkpoint, or None if there is none to resume from.

    Args:
        folder: the checkpoint folder; it holds one folder a job, that one `chk-N` a checkpoint.
        now_s: the current time, seconds since the epoch.
        unusable: checkpoints from which a job could not start.
        max_age_s: an older checkpoint is ignored.

    """
    complete = sorted(folder.glob(f"*/chk-*/{METADATA}"), key=_age_key, reverse=True)
    fresh = (m.parent for m in complete if now_s - m.stat().st_mtime < max_age_s)
    return next((checkpoint for checkpoint in fresh if checkpoint not in unusable), None)


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
