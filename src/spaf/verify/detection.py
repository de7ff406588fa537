"""The rules of detection: what the operator sets, and the constants, in one place.

They are written here once more, apart from the job, because two programs that shared them would
share a slip in them too.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_HISTORY = 5
"""A sale is judged if its frame, itself included, holds more sales than this."""
LOG_SCALE = 1e3
"""Natural logarithms are kept as whole numbers of this fraction, so that sums are exact."""
LEAST_SPREAD = 100.0
"""Smallest standard deviation of the logarithms of prices, in thousandths."""
LARGEST_SPREAD = 350.0
"""Largest one: a typo among the sales before must not hide the next."""
QUANTITY_SPREAD = 500.0
"""Standard deviation that the logarithms of quantities are taken to have, in thousandths."""

OTHER = "(other)"
"""The category under which sales of categories outside the catalogue are counted."""
LEAST_SECONDS = 30
"""A second is judged if the nearest third of its past holds so many rows, or all it can hold."""
SPANS = (1, 2, 4, 8, 16)
"""The last so many rows are each compared with the past."""
GAP = max(SPANS)
"""The past ends before the longest span."""
PARTS = 3
"""The past is looked at in so many parts."""
LEAST_EXPECTED = 1e-9
"""Expected sales, at least: a logarithm needs a number above zero."""
HALF = 0.5
"""Correction for continuity, sales."""
MOST_VARIATION = 4.0
"""Largest excess of the past's variance over a Poisson count's that lowers a score."""
COOL_DOWN = 10
"""An alert within so many seconds after another one of its category belongs to it."""

NEAR = 1e-9
"""A score this near its threshold, relatively, may fall on either side: logarithms are rounded."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What the job was told of detection."""

    outlier_hours: int
    """Length of the blocks of append time in which a product's sales are compared, hours."""
    outlier_score: float
    surge_seconds: int
    """Earlier seconds that make the past of a second."""
    surge_score: float
    categories: tuple[str, ...]
    """The catalogue; all others are counted together."""

    @property
    def third(self) -> int:
        """Rows of a part of the past."""
        return self.surge_seconds // PARTS

    @property
    def least_seconds(self) -> int:
        """How many rows the nearest part must hold."""
        return min(LEAST_SECONDS, self.third)


def near(score: float, threshold: float) -> bool:
    """Tell whether rounding may decide on which side of its threshold a score lies."""
    return abs(abs(score) - threshold) <= NEAR * max(1.0, threshold)
