"""The sales of the last day in memory, so that no viewer costs the database a query.

Two grains: every row of `sales_summary` of the last hour, by second, and sums by minute of the last
26 hours: the longest local day has 25. Notifications of changed rows keep both up to date: each has
absolute values, and the difference to the known row is added to the minute and to the running sums.
Where the earlier row is not known (a late sale of an older second), the minute is read again. Money
is an integer of cents everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

Key = tuple[str, str]
"""Category and currency."""

MINUTE_S = 60
# Charts of up to an hour need a finer grain than a minute.
SECONDS_KEPT_S = 3_600
# Two dozen categories in an hour; with more, the seconds reach less far back. Some 300 bytes each.
MAX_ROWS = 60_000
# The longest day has 25 hours; one more for clocks that differ.
MINUTES_KEPT_S = 26 * 3_600
# Pairs of category and currency that have a history of their own. Names come from outside, and a
# million of them must not fill the memory: the rest is summed up as one category.
MAX_SERIES = 64
# Currencies of that rest. Beyond them it is summed up in one series without currency and money.
MAX_REST_SERIES = 32
REST = ""
# Rows that were created last are kept however old their second is: a viewer is shown some.
LATEST_ROWS = 50


class SecondRow(NamedTuple):
    """A row of sales_summary with absolute values; 0 sales mean that the row was removed."""

    second: int
    category: str
    currency: str
    sales: int
    units: int
    cents: int
    updated_ms: int

    def wire(self) -> tuple[int, str, str, int, int, str, int]:
        """Return the row as it is sent: money as text, because JavaScript numbers have 53 bits."""
        return (*self[:5], str(self.cents), self.updated_ms)


class SalesSums:
    """Sales, units and cents."""

    __slots__ = ("cents", "sales", "units")

    def __init__(self, sales: int = 0, units: int = 0, cents: int = 0) -> None:
        """Start with these."""
        self.sales = sales
        self.units = units
        self.cents = cents

    def add(self, other: SecondRow | SalesSums, sign: int = 1) -> None:
        """Add others, or subtract them."""
        self.sales += sign * other.sales
        self.units += sign * other.units
        self.cents += sign * other.cents

    def wire(self) -> tuple[int, int, str]:
        """Return the sums as they are sent."""
        return (self.sales, self.units, str(self.cents))


Minute = dict[Key, SalesSums]


class Rollup:
    """Rows by second, sums by minute, and the running sums of each currency."""

    def __init__(self) -> None:
        """Start empty: `load` comes first."""
        self.seconds_from = 0
        """From this second on every row is known."""
        self.minutes_from = 0
        """From this second on, the beginning of a minute, every minute is known."""
        self.running: dict[str, SalesSums] = {}
        self.stale_minutes: set[int] = set()
        """Starts of minutes that must be read again."""
        self._seconds: dict[int, dict[Key, SecondRow]] = {}
        self._minutes: dict[int, Minute] = {}
        self._rows = 0
        # In the order of their creation.
        self._latest: dict[tuple[int, Key], SecondRow] = {}
        self._series: set[Key] = set()

    def load(
        self,
        rows: Iterable[SecondRow],
        minutes: Iterable[SecondRow],
        seconds_from: int,
        oldest: int,
        latest: Iterable[SecondRow] = (),
    ) -> None:
        """Replace everything by what the tables hold; the running sums change by the difference.

        Args:
            rows: every row from `seconds_from` on.
            minutes: sums of the minutes from `oldest` to `seconds_from`.
            seconds_from: a second, later than `oldest`.
            oldest: the beginning of a minute.
            latest: the rows that were created last, in the order of their creation.

        """
        before = self.totals(oldest)
        self._seconds, self._minutes, self._rows = {}, {}, 0
        self.seconds_from, self.minutes_from = seconds_from, oldest
        self.stale_minutes.clear()
        self._latest = {_place(row): row for row in latest}
        for row in minutes:
            self._add_to_minute(row)
        for row in rows:
            self._seconds.setdefault(row.second, {})[row.category, row.currency] = row
            self._rows += 1
            self._add_to_minute(row)
        for currency, sums in self.totals(oldest).items():
            self.running.setdefault(currency, SalesSums()).add(sums)
        for currency, sums in before.items():
            self.running.setdefault(currency, SalesSums()).add(sums, -1)

    def apply(self, row: SecondRow) -> None:
        """Apply a changed row; one of a second that is not in memory makes its minute stale."""
        if row.second < self.seconds_from:
            self._keep_latest(row, created=False)
            if row.second >= self.minutes_from:
                self.stale_minutes.add(row.second - row.second % MINUTE_S)
            return
        second = self._seconds.setdefault(row.second, {})
        known = second.get((row.category, row.currency))
        self._keep_latest(row, created=known is None)
        if row.sales:
            second[row.category, row.currency] = row
        elif known is not None:
            del second[row.category, row.currency]
        self._rows += (row.sales > 0) - (known is not None)
        self._change(row)
        if known is not None:
            self._change(known, -1)

    def replace_minute(self, minute: int, rows: Iterable[SecondRow], bound: int) -> None:
        """Replace the sums of a stale minute by what was read.

        Args:
            minute: its start.
            rows: its sums up to, and without, `bound`.
            bound: `seconds_from` at the time of the query.

        """
        if minute < bound < minute + MINUTE_S and bound != self.seconds_from:
            self.stale_minutes.add(minute)
            return
        for (_, currency), sums in self._minutes.pop(minute, {}).items():
            self.running[currency].add(sums, -1)
        for row in (*rows, *self.by_second(max(minute, bound), minute + MINUTE_S)):
            self._change(row)

    def trim(self, now_s: int) -> None:
        """Drop rows and minutes that are too old or too many."""
        keep = now_s - SECONDS_KEPT_S
        oldest = now_s - MINUTES_KEPT_S
        for second in sorted(self._seconds):
            if second >= keep and self._rows <= MAX_ROWS:
                break
            self._rows -= len(self._seconds.pop(second))
            self.seconds_from = max(self.seconds_from, second + 1)
        self.seconds_from = max(self.seconds_from, keep)
        for minute in [m for m in self._minutes if m < oldest - MINUTE_S]:
            del self._minutes[minute]
        self.minutes_from = max(self.minutes_from, oldest - oldest % MINUTE_S)

    def recent(self, since: int, limit: int) -> list[SecondRow]:
        """Return the rows from a second on and the latest rows before it, oldest second first.

        Of more than `limit` rows the newest are returned.
        """
        seconds = sorted(second for second in self._seconds if second >= since)
        rows = [row for second in seconds for row in self._seconds[second].values()]
        older = (row for row in self._latest.values() if row.second < since)
        return [*sorted(older, key=lambda row: row.second), *rows][-limit:]

    def by_second(self, begin: int, end: int) -> Iterator[SecondRow]:
        """Yield the rows of a range, which must be in memory."""
        for second in range(begin, end):
            yield from self._seconds.get(second, {}).values()

    def by_minute(self, begin: int, end: int) -> Iterator[tuple[int, Minute]]:
        """Yield the minutes of a range that have sales, with their starts."""
        for minute in range(begin - begin % MINUTE_S, end, MINUTE_S):
            series = self._minutes.get(minute)
            if series:
                yield minute, series

    def categories(self) -> list[str]:
        """Return every category that has a history of its own."""
        return sorted({category for category, _ in self._series if category != REST})

    def totals(self, since: int) -> dict[str, SalesSums]:
        """Return the sums of each currency from the minute of a second on."""
        first = since - since % MINUTE_S
        totals: dict[str, SalesSums] = {}
        for minute, series in self._minutes.items():
            if minute >= first:
                for (_, currency), sums in series.items():
                    totals.setdefault(currency, SalesSums()).add(sums)
        return totals

    def _keep_latest(self, row: SecondRow, *, created: bool) -> None:
        place = _place(row)
        if not row.sales:
            self._latest.pop(place, None)
        elif created or place in self._latest:
            self._latest[place] = row
            if len(self._latest) > LATEST_ROWS:
                del self._latest[next(iter(self._latest))]

    def _change(self, row: SecondRow, sign: int = 1) -> None:
        """Add a row to its minute and to the running sums, or subtract it from both."""
        series = self._add_to_minute(row, sign)
        self.running.setdefault(series.currency, SalesSums()).add(series, sign)

    def _add_to_minute(self, row: SecondRow, sign: int = 1) -> SecondRow:
        """Add a row to the series that it belongs to; return it as one of that series."""
        category, currency = self._key(row.category, row.currency)
        if currency != row.currency:
            row = row._replace(currency=currency, cents=0)
        minute = self._minutes.setdefault(row.second - row.second % MINUTE_S, {})
        minute.setdefault((category, currency), SalesSums()).add(row, sign)
        return row

    def _key(self, category: str, currency: str) -> Key:
        """Return the series that a category and a currency belong to."""
        for key in ((category, currency), (REST, currency)):
            if key in self._series:
                return key
            if len(self._series) < (MAX_SERIES if key[0] else MAX_SERIES + MAX_REST_SERIES):
                self._series.add(key)
                return key
        return (REST, REST)


def _place(row: SecondRow) -> tuple[int, Key]:
    return row.second, (row.category, row.currency)
