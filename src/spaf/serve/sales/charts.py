"""The series of a chart: sales and money in each bucket of a range."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spaf.serve.sales.rollup import MINUTE_S, REST, Rollup, SecondRow

# As many points as a wide screen shows; minutes are the coarsest, so that a day has 1,440.
MAX_BUCKETS = 600
STEPS = (1, 2, 5, 10, 15, 30, MINUTE_S)
MAX_RANGE_S = 25 * 3_600
# More lines cannot be distinguished by eye; the smallest are summed up as one.
MAX_LINES = 24


@dataclass(frozen=True)
class ChartRange:
    """Whole buckets: `begin` and `end` are multiples of `step`, epoch seconds."""

    begin: int
    end: int
    step: int

    @classmethod
    def over(cls, begin: int, end: int) -> ChartRange:
        """Return the buckets that cover a span."""
        span = end - begin
        step = next((step for step in STEPS if span <= step * MAX_BUCKETS), MINUTE_S)
        return cls(begin // step * step, -(-end // step) * step, step)

    @property
    def count(self) -> int:
        """Number of buckets."""
        return (self.end - self.begin) // self.step


class ChartSeries:
    """Sums by category and bucket."""

    def __init__(self, buckets: ChartRange, currency: str) -> None:
        """Start with zeros everywhere."""
        self._range = buckets
        self._currency = currency
        self._sales: dict[str, list[int]] = defaultdict(lambda: [0] * buckets.count)
        self._money: dict[str, list[int]] = defaultdict(lambda: [0] * buckets.count)

    def add(self, second: int, category: str, currency: str, sales: int, cents: int) -> None:
        """Add a row; sales count in every currency, money in one."""
        bucket = (second - self._range.begin) // self._range.step
        self._sales[category][bucket] += sales
        if currency == self._currency:
            self._money[category][bucket] += cents

    def wire(self) -> dict[str, object]:
        """Return the series as they are sent, the largest category first.

        Money is a float here, for drawing only.
        """
        names = self._names()
        return {
            "from": self._range.begin,
            "to": self._range.end,
            "step": self._range.step,
            "categories": names,
            "currency": self._currency,
            "sales": [self._sales[name] for name in names],
            "money": [list(map(float, self._money[name])) for name in names],
        }

    def _names(self) -> list[str]:
        """Return the categories in the order of their sales; those beyond the last go into one."""
        names = sorted(self._sales, key=lambda name: (name == REST, -sum(self._sales[name]), name))
        if len(names) <= MAX_LINES:
            return names
        for name in names[MAX_LINES - 1 :]:
            if name != REST:
                for lines in (self._sales, self._money):
                    # A category without money in the chart's currency has no line of it yet.
                    pairs = zip(lines[REST], lines[name], strict=True)
                    lines[REST] = [a + b for a, b in pairs]
                    del lines[name]
        return [*names[: MAX_LINES - 1], REST]


def in_memory(rollup: Rollup, buckets: ChartRange) -> bool:
    """Return whether memory holds a range in the grain of its buckets."""
    return buckets.begin >= (
        rollup.minutes_from if buckets.step == MINUTE_S else rollup.seconds_from
    )


def from_memory(rollup: Rollup, buckets: ChartRange, currency: str) -> ChartSeries:
    """Return the series of a range that is in memory."""
    series = ChartSeries(buckets, currency)
    if buckets.step < MINUTE_S:
        _fill(series, rollup.by_second(buckets.begin, buckets.end))
        return series
    for minute, sums in rollup.by_minute(buckets.begin, buckets.end):
        for (category, of), total in sums.items():
            series.add(minute, category, of, total.sales, total.cents)
    return series


def from_rows(rows: Iterable[SecondRow], buckets: ChartRange, currency: str) -> ChartSeries:
    """Return the series of rows that are sums by bucket already."""
    series = ChartSeries(buckets, currency)
    _fill(series, rows)
    return series


def _fill(series: ChartSeries, rows: Iterable[SecondRow] | Iterator[SecondRow]) -> None:
    for row in rows:
        series.add(row.second, row.category, row.currency, row.sales, row.cents)
