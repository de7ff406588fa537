"""A corpus of labelled series in the form of the Numenta Anomaly Benchmark.

`data/**/*.csv` has the columns timestamp and value; `labels/combined_windows.json` has the windows
of each file by its path below `data`. `results/DETECTOR` may hold the scores of other detectors.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from spaf.bench.detection.nab import PROFILES, LabelledSeries, ScoredSeries, ThresholdSweep
from spaf.bench.detection.series import SeriesPoint
from spaf.errors import SettingsError

LABELS = "labels/combined_windows.json"
# Published scores of the detectors in `results`, and the thresholds that they were computed with.
PUBLISHED, PUBLISHED_THRESHOLDS = "results/final_results.json", "config/thresholds.json"


class CorpusFile(NamedTuple):
    """A file of the corpus."""

    name: str
    """Its path below `data`."""
    points: Sequence[SeriesPoint]
    labels: LabelledSeries

    @property
    def held_out(self) -> bool:
        """Whether the parameters of the rule were chosen without it: by a hash of its name."""
        name = Path(self.name).name
        return hashlib.sha256(name.encode()).digest()[0] % 2 == 1


def read_corpus(folder: Path) -> list[CorpusFile]:
    """Return the files that have labels, in order of their names.

    Raises:
        SettingsError: a file is missing, or cannot be read; names it.

    """
    windows = _json(folder / LABELS)
    if not windows:
        raise SettingsError(f"{folder / LABELS}: no file has labels.")
    return [_file(folder, name, windows[name]) for name in sorted(windows)]


def _file(folder: Path, name: str, windows: list[list[str]]) -> CorpusFile:
    path = folder / "data" / name
    rows = list(_rows(path, ("timestamp", "value")))
    try:
        times = [_epoch_s(time) for time, _ in rows]
        values = [float(value) for _, value in rows]
        limits = [(_epoch_s(start), _epoch_s(end)) for start, end in windows]
    except ValueError as failure:
        raise SettingsError(f"{path}: {failure}.") from None
    count = all(value >= 0 and value.is_integer() for value in values)
    points = [
        SeriesPoint(name, index, int(time), value, value if count else 0.0)
        for index, (time, value) in enumerate(zip(times, values, strict=True))
    ]
    every_time = np.array(times)
    labels = []
    for start, end in limits:
        inside = np.flatnonzero((every_time >= start) & (every_time <= end))
        if not len(inside):
            raise SettingsError(f"{folder / LABELS}: {name} has no row in one of its windows.")
        labels.append((int(inside[0]), int(inside[-1])))
    return CorpusFile(name, points, LabelledSeries(len(rows), tuple(sorted(labels))))


class Published(msgspec.Struct, frozen=True):
    """A score that another detector's authors published, and the one computed here."""

    detector: str
    profile: str
    published: float
    computed: float


def published_scores(folder: Path, corpus: Sequence[CorpusFile]) -> Iterator[Published]:
    """Yield the published scores of the detectors whose results are in the folder.

    Raises:
        SettingsError: a file of them cannot be read.

    """
    if not (folder / PUBLISHED).exists():
        return
    thresholds = _json(folder / PUBLISHED_THRESHOLDS)
    for detector, scores in _json(folder / PUBLISHED).items():
        scored = [(file.labels, _results(folder, detector, file)) for file in corpus]
        for profile in PROFILES:
            sweep = ThresholdSweep(scored, profile)
            threshold = thresholds[detector][profile.name]["threshold"]
            yield Published(detector, profile.name, scores[profile.name], sweep.at(threshold))


def _results(folder: Path, detector: str, file: CorpusFile) -> np.ndarray[Any, Any]:
    name = Path(file.name)
    path = folder / "results" / detector / name.parent / f"{detector}_{name.name}"
    scores = np.array([float(cells[0]) for cells in _rows(path, ("anomaly_score",))])
    if len(scores) != file.labels.rows:
        raise SettingsError(f"{path}: {len(scores)} rows, the series has {file.labels.rows}.")
    return scores


def scored(
    corpus: Sequence[CorpusFile], scores: dict[str, np.ndarray[Any, Any]]
) -> list[ScoredSeries]:
    """Return the labels of each file with the scores of its rows."""
    return [(file.labels, scores[file.name]) for file in corpus]


def _rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield these columns of each row."""
    try:
        with path.open(newline="", encoding="utf-8") as text:
            lines = csv.reader(text)
            header = next(lines, [])
            indexes = [header.index(column) for column in columns]
            for cells in lines:
                yield [cells[index] for index in indexes]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, IndexError) as failure:
        raise SettingsError(
            f"{path}: cannot be read: {failure}.", todo=f"It needs {','.join(columns)}."
        ) from None


def _epoch_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as failure:
        raise SettingsError(
            f"{path}: cannot be read: {failure}",
            todo="--series needs a folder with data/ and labels/combined_windows.json.",
        ) from None
    return content
