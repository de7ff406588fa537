"""Scores of the rule for series on a corpus of labelled series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from spaf.bench.detection import batch
from spaf.bench.detection.corpus import (
    CorpusFile,
    Published,
    published_scores,
    read_corpus,
    scored,
)
from spaf.bench.detection.nab import (
    PROFILES,
    ProfileScore,
    ScoredSeries,
    ThresholdSweep,
    count_windows,
)
from spaf.bench.detection.score import share, wilson
from spaf.bench.detection.series import score_points
from spaf.bench.progress import Progress
from spaf.bench.scenario import Result, Table
from spaf.settings import Settings

# Largest difference of a published score that was computed with fewer digits.
MAX_DIFFERENCE = 0.001
ALL, CHOSEN_ON, HELD_OUT, RANDOM = "all", "chosen on", "held out", "random"


class SeriesScores(msgspec.Struct, frozen=True):
    """The scores of one detector on some files of a corpus."""

    files: int
    rows: int
    profiles: dict[str, ProfileScore]
    """By profile: with the best threshold for these files, as the benchmark reports it."""
    at_setting: dict[str, float]
    """By profile: with the threshold of the setting, where the alerts are."""
    windows: int
    found: int
    false_runs: int
    precision: float | None
    recall: float | None
    precision_95: tuple[float, float] | None
    recall_95: tuple[float, float] | None

    @classmethod
    def of(cls, corpus: Sequence[ScoredSeries], threshold: float) -> SeriesScores:
        """Return the scores; `threshold` is that of the setting."""
        sweeps = {profile.name: ThresholdSweep(corpus, profile) for profile in PROFILES}
        counts = count_windows(corpus, threshold)
        alerts = counts.found + counts.false_runs
        return cls(
            len(corpus),
            sum(series.rows for series, _ in corpus),
            {name: sweep.best() for name, sweep in sweeps.items()},
            {name: sweep.at(threshold) for name, sweep in sweeps.items()},
            *counts,
            share(counts.found, alerts),
            share(counts.found, counts.windows),
            wilson(counts.found, alerts),
            wilson(counts.found, counts.windows),
        )

    def row(self, name: str) -> tuple[Any, ...]:
        """Return the row of the table."""
        return (
            name,
            self.files,
            *(f"{self.profiles[profile.name].score:.1f}" for profile in PROFILES),
            *(f"{self.at_setting[profile.name]:.1f}" for profile in PROFILES),
            *("" if ratio is None else f"{ratio:.2f}" for ratio in (self.precision, self.recall)),
        )


class SeriesResult(Result, frozen=True):
    """The scores of the rule for series on a corpus."""

    folder: str
    threshold: float
    """The setting `job.series_score`."""
    parts: dict[str, SeriesScores]
    """All files; those that the parameters of the rule were chosen on; the others; and a random
    detector on all."""
    published: list[Published]

    @property
    def reasons(self) -> list[str]:
        """Return each published score that this program does not reproduce."""
        return [
            f"{detector.detector}, {detector.profile}: published {detector.published:.3f}, "
            f"computed {detector.computed:.3f}"
            for detector in self.published
            if abs(detector.published - detector.computed) > MAX_DIFFERENCE
        ]

    def tables(self) -> Iterable[Table]:
        """Return the parts, a row each; then the published scores."""
        profiles = ("standard", "low FP", "low FN")
        columns = (
            "files of the corpus",
            "number",
            *profiles,
            *(f"{name} at {self.threshold:g}" for name in profiles),
            "precision",
            "recall",
        )
        yield Table("", columns, [part.row(name) for name, part in self.parts.items()])
        if self.published:
            rows = [
                (
                    detector.detector,
                    detector.profile,
                    f"{detector.published:.2f}",
                    f"{detector.computed:.2f}",
                )
                for detector in self.published
            ]
            yield Table("detectors in results/", ("detector", "profile", "published", "here"), rows)

    def summary(self) -> str:
        """Return what precision and recall count."""
        whole = self.parts[ALL]
        return (
            f"{whole.found} of {whole.windows} windows have an alert; {whole.false_runs} alerts "
            f"are outside of all windows, in {whole.rows:,} rows"
        )


def score_corpus(settings: Settings, folder: Path, progress: Progress) -> SeriesResult:
    """Run the job's rule for series over a corpus, and score it.

    Raises:
        SettingsError: the folder holds no such corpus.
        JobError: Flink refused the SQL.

    """
    progress(f"reading {folder}")
    corpus = read_corpus(folder)
    published = list(published_scores(folder, corpus))
    progress(f"running the job's SQL over {len(corpus)} files")
    threshold = settings.job.series_score
    ours = scored(corpus, _scores(settings, corpus))
    chosen_on = [score for score, file in zip(ours, corpus, strict=True) if not file.held_out]
    held_out = [score for score, file in zip(ours, corpus, strict=True) if file.held_out]
    parts = {
        ALL: ours,
        CHOSEN_ON: chosen_on,
        HELD_OUT: held_out,
        RANDOM: _random(corpus, threshold),
    }
    return SeriesResult(
        str(folder),
        threshold,
        {name: SeriesScores.of(part, threshold) for name, part in parts.items() if part},
        published,
    )


def _scores(settings: Settings, corpus: Sequence[CorpusFile]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the absolute score of each row, by file."""
    scores = {file.name: np.zeros(file.labels.rows) for file in corpus}
    points = (point for file in corpus for point in file.points)
    with TemporaryDirectory(prefix="spaf-series-") as name:
        temporary = Path(name)
        with batch.running(temporary / "flink.log") as flink:
            rules = batch.parameters(settings)
            for point in score_points(flink, rules, points, temporary):
                scores[point.series][point.row_index] = abs(point.score)
    return scores


def _random(corpus: Sequence[CorpusFile], threshold: float) -> list[ScoredSeries]:
    """Return the scores of a detector that does not read the series: an alert in 1,000 rows."""
    rng = Random("baseline")  # noqa: S311 - a simulation
    return [
        (file.labels, threshold * 1e-3 / np.array([rng.random() for _ in file.points]))
        for file in corpus
    ]
