"""The rules of detection: the settings of the operator, and the constants, in one place.

The constants are written here once more, apart from the job: two programs that share a constant
would also share a mistake in it. Which kinds of anomaly exist is in `spaf.sale.anomaly_kinds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spaf.sale.anomaly_kinds import AnomalyKind

MIN_HISTORY = 5
"""A sale is scored if at least this number of earlier sales is in its group."""
LOG_SCALE = 1e3
"""Natural logarithms are stored as whole thousandths, so that sums are exact."""
MIN_PRICE_SPREAD = 100.0
"""Minimum standard deviation of the logarithms of prices, thousandths."""
MAX_PRICE_SPREAD = 350.0
"""Maximum of it: one typo in the history must not hide the next."""
QUANTITY_SPREAD = 500.0
"""Assumed standard deviation of the logarithms of quantities, thousandths."""

OTHER = "(other)"
"""The category that stands for all categories outside the catalogue."""
MIN_HISTORY_ROWS = 30
"""A second is scored if the newest third of its history has this number of rows, or is full."""
SPANS = (1, 2, 4, 8, 16)
"""Numbers of last rows that are each compared with the history."""
SILENCE_WEIGHT = 0.95
"""Factor of the score of a silence."""
MAX_BUNCHING = 2
"""A silence is scored if the last sale of a second is on average at most this many intervals of the
rate before its end: sales in bunches are followed by silence as a rule."""
MAX_SPAN = max(SPANS)
"""The history ends before the longest span."""
HISTORY_PARTS = 3
"""The history is divided into this number of parts."""
MIN_EXPECTED = 1e-9
"""Minimum of the expected sales, because a logarithm needs a positive number."""
HALF = 0.5
"""Correction for continuity, sales."""
MAX_DISPERSION = 4.0
"""Maximum ratio of the history's variance to that of a Poisson count that lowers a score."""
COOL_DOWN_ROWS = 10
"""An alert within this number of rows after another one of its category is not reported."""

MINUTE_S = 60
"""Seconds of a row of a series of sales."""
MAX_REVENUE_CENTS = 10**12
"""Maximum revenue of one sale in a series, cents."""
MIN_SERIES_ROWS = 60
"""Minutes of history before the first one is scored."""
HOURS = 24
"""Hours of a day; working days and weekends have their own means."""
MIN_SEASONAL_ROWS = 100
"""Rows that show whether the hour predicts better."""
SEASONAL_GAIN = 0.8
"""Part of the squared errors of a simpler prediction that a better one stays below."""
SHIFT_ROWS = 12
"""Last rows whose mean may have shifted."""
SHIFT_WEIGHT = 1.6
"""Factor of the deviation of that mean."""
MIN_RELATIVE_SCALE = 1e-6
"""Minimum scale of a deviation, as a part of the expected value."""
MAX_DEVIATION = 1_000.0
"""Maximum of a deviation."""
PAUSE_ROWS = 240
"""Rows for which an alert stands, unless one deviates more."""
SERIES_RUN_ROWS = 12
"""An alert within this number of rows after another one is not reported."""

NEAR = 1e-9
"""Relative distance to the threshold within which the rounding of logarithms decides."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The detection settings of the job."""

    outlier_hours: int
    """Length of the blocks of append time in which a product's sales are compared, hours."""
    outlier_score: float
    surge_seconds: int
    """Earlier seconds that a second is compared with."""
    surge_score: float
    categories: tuple[str, ...]
    """The catalogue; all other categories are counted together."""
    series_score: float = 4.8

    @property
    def third(self) -> int:
        """Rows of a part of the history."""
        return self.surge_seconds // HISTORY_PARTS

    @property
    def min_history_rows(self) -> int:
        """Minimum number of rows of the newest part."""
        return min(MIN_HISTORY_ROWS, self.third)


def near(score: float, threshold: float) -> bool:
    """Return whether rounding may decide on which side of its threshold a score is."""
    return abs(abs(score) - threshold) <= NEAR * max(1.0, threshold)


def classify(
    kinds: Iterable[AnomalyKind], scores: Mapping[str, float], threshold: float
) -> tuple[AnomalyKind | None, bool]:
    """Return the first kind whose score exceeds the threshold, and whether rounding may decide.

    Args:
        kinds: in the order of their precedence.
        scores: by measure.
        threshold: the smallest score that is not exceeded.

    """
    borderline = False
    for kind in kinds:
        score = kind.sign * scores[kind.measure]
        borderline = borderline or (score > 0 and near(score, threshold))
        if score > threshold:
            return kind, borderline
    return None, borderline
