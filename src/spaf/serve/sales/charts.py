"""The series of a chart: so many sales, and so much money, in each bucket of a range."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spaf.serve.sales.rollup import MINUTE_S, REST, Rollup, SecondRow

# As many points as a wide screen shows; minutes are the coarsest, so that a day has 1,440.
MOST_BUCKETS = 600
STEPS = (1, 2, 5, 10, 15, 30, MINUTE_S)
LONGEST_S = 25 * 3_600
# More lines than these nobody tells apart; the smallest are summed up as one.
MOST_LINES = 24


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
        step = next((step for step in STEPS if span <= step * MOST_BUCKETS), MINUTE_S)
        return cls(begin // step * step, -(-end // step) * step, step)

    @property
    def buckets(self) -> int:
        """How many there are."""
        return (self.end - self.begin) // self.step


class ChartSeries:
    """Sums by category and bucket, while they are gathered."""

    def __init__(self, asked: ChartRange, currency: str) -> None:
        """Start with zeros everywhere."""
        self._range = asked
        self._currency = currency
        self._sales: dict[str, list[int]] = defaultdict(lambda: [0] * asked.buckets)
        self._money: dict[str, list[int]] = defaultdict(lambda: [0] * asked.buckets)

    def add(self, second: int, category: str, currency: str, sales: int, cents: int) -> None:
        """Add a row; sales count in every currency, money in one."""
        bucket = (second - self._range.begin) // self._range.step
        self._sales[category][bucket] += sales
        if currency == self._currency:
            self._money[category][bucket] += cents

    def sent(self) -> dict[str, object]:
        """Return the series as a browser gets them, the largest category first.

        Money is for drawing alone: a number there has 53 bits.
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
        if len(names) <= MOST_LINES:
            return names
        for name in names[MOST_LINES - 1 :]:
            if name != REST:
                for lines in (self._sales, self._money):
                    # A category without money in the chart's currency has no line of it yet.
                    pairs = zip(lines[REST], lines[name], strict=True)
                    lines[REST] = [a + b for a, b in pairs]
                    del lines[name]
        return [*names[: MOST_LINES - 1], REST]


def known(rollup: Rollup, asked: ChartRange) -> bool:
    """Say whether memory holds a range in the grain that is asked for."""
    return asked.begin >= (rollup.minutes_from if asked.step == MINUTE_S else rollup.seconds_from)


def from_memory(rollup: Rollup, asked: ChartRange, currency: str) -> ChartSeries:
    """Return the series of a range that memory holds."""
    series = ChartSeries(asked, currency)
    if asked.step < MINUTE_S:
        _fill(series, rollup.by_second(asked.begin, asked.end))
        return series
    for minute, sums in rollup.by_minute(asked.begin, asked.end):
        for (category, of), one in sums.items():
            series.add(minute, category, of, one.sales, one.cents)
    return series


def from_rows(rows: Iterable[SecondRow], asked: ChartRange, currency: str) -> ChartSeries:
    """Return the series of rows that were summed up by bucket already."""
    series = ChartSeries(asked, currency)
    _fill(series, rows)
    return series


def _fill(series: ChartSeries, rows: Iterable[SecondRow] | Iterator[SecondRow]) -> None:
    for row in rows:
        series.add(row.second, row.category, row.currency, row.sales, row.cents)
