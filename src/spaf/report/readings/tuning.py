"""The settings that were tried one at a time, and the baseline before and after them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from spaf.report.figures import Figures

TUNING = "bench tuning"


class TriedSetting(NamedTuple):
    """One setting with another value than that of SPAF."""

    name: str
    measured: Mapping[str, Any]

    def median(self, figure: str) -> float | None:
        """Return the median of a figure; None if it was not measured."""
        values = repeats(self.measured.get(figure))
        return statistics.median(values) if values else None

    def text(self, key: str) -> str:
        """Return a text of the record."""
        value = self.measured.get(key)
        return "" if value is None else str(value)


class TuningReading(NamedTuple):
    """The baseline, and every setting."""

    baseline: Mapping[str, Sequence[float]]
    settings: list[TriedSetting]

    @classmethod
    def of(cls, figures: Figures) -> TuningReading:
        """Return the result.

        Raises:
            FigureError: there is no valid one.

        """
        result: Mapping[str, Any] = figures.result(TUNING)
        baseline = {figure: repeats(values) for figure, values in result["baseline"].items()}
        return cls(
            baseline,
            [TriedSetting(str(setting["name"]), setting) for setting in result["settings"]],
        )

    def median(self, figure: str) -> float | None:
        """Return the median of a figure of the baseline; None if it was not measured."""
        values = self.baseline.get(figure)
        return statistics.median(values) if values else None


def repeats(values: Any) -> list[float]:
    """Return the measured values of a figure: it may be a list, a number, or missing."""
    listed = values if isinstance(values, list) else [values]
    return [float(value) for value in listed if isinstance(value, int | float)]
