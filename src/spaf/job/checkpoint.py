"""Where the job left off: the newest checkpoint that is whole and not too old."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from spaf.job.build import DUPLICATE_SLACK_S, STATE_SLACK_S
from spaf.settings import JobSettings

# A killed job leaves folders without this file; resuming from one fails.
METADATA = "_metadata"
# Older state may have been given up by the wall clock in part (see STATE_SLACK_S). A quarter of
# the slack is left for reading what has come in since.
OLDEST_RESUME_S = STATE_SLACK_S * 3 // 4
OLDEST_RESUME_ONCE_S = DUPLICATE_SLACK_S * 3 // 4
# Folders of earlier runs of the job that are kept beside the newest.
RUNS_KEPT = 3


def oldest_resume_s(settings: JobSettings) -> int:
    """Return how old a checkpoint may be that the job resumes from, seconds."""
    return OLDEST_RESUME_ONCE_S if settings.deduplicate_minutes else OLDEST_RESUME_S


def newest_complete(
    folder: Path,
    now_s: float,
    unusable: Collection[Path] = (),
    oldest_s: float = OLDEST_RESUME_S,
) -> Path | None:
    """Return the newest complete checkpoint, or None if there is none to resume from.

    Args:
        folder: the checkpoint folder; it holds one folder a job, that one `chk-N` a checkpoint.
        now_s: the present, seconds since the epoch.
        unusable: checkpoints that a job could not start from.
        oldest_s: what is older than this is none to resume from, seconds.

    """
    complete = sorted(folder.glob(f"*/chk-*/{METADATA}"), key=_age_key, reverse=True)
    fresh = (m.parent for m in complete if now_s - m.stat().st_mtime < oldest_s)
    return next((found for found in fresh if found not in unusable), None)


def prune(folder: Path) -> None:
    """Delete what older runs of the job have left, but for the newest few.

    The newest complete checkpoint stays, however many runs have come to none since.
    """
    runs = sorted((p for p in folder.glob("*") if p.is_dir()), key=_age_key, reverse=True)
    newest = max(folder.rglob(METADATA), key=_age_key, default=folder)
    for run in runs[RUNS_KEPT:]:
        if run not in newest.parents:
            shutil.rmtree(run, ignore_errors=True)


def _age_key(path: Path) -> float:
    return path.stat().st_mtime
