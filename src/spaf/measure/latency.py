"""When each sale became visible, in PostgreSQL and on the screen: see `spaf.sale.arrival_rank`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TextIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from spaf.measure.quantiles import Micros, Quantiles, quantiles
from spaf.sale import Record, Rules
from spaf.sale.arrival_rank import Key, first_shown, ranked

# Kafka and the row of the table keep whole milliseconds, rounded down: on average this much later.
HALF_MS_US = 500


class Showing(NamedTuple):
    """When a count of a row became visible, and when it was handed over for that, microseconds.

    PostgreSQL: when the sink had written the row. The screen: when the page had received it.
    """

    visible: int
    handed_over: int


# Row → its visible counts, in the order of the notifications.
Showings = dict[Key, list[tuple[Showing, int]]]


class Stamps(msgspec.Struct, frozen=True):
    """Stamps of every stamped sale, one entry a sale, microseconds."""

    intended: Micros
    sent: Micros
    appended: Micros
    handed_over: Micros
    visible: Micros
    # Sales that no visible count of their row includes: lost notifications, or lost sales.
    unseen: int

    def save(self, path: Path) -> None:
        """Write the raw values to a compressed NumPy file."""
        np.savez_compressed(
            path,
            intended_us=self.intended,
            sent_us=self.sent,
            appended_us=self.appended,
            handed_over_us=self.handed_over,
            visible_us=self.visible,
        )

    def after(self, us: int) -> Stamps:
        """Return the sales that were intended at or after a time."""
        return self._only(self.intended >= us)

    def between(self, start_us: int, end_us: int) -> Stamps:
        """Return the sales that were intended at or after one time and before another."""
        return self._only((self.intended >= start_us) & (self.intended < end_us))

    def latency(self) -> Quantiles | None:
        """Return intended → visible, in PostgreSQL or on the screen."""
        return quantiles(self.visible - self.intended)

    def visible_rate(self) -> float | None:
        """Return the sales that became visible a second; None for less than two moments."""
        visible = self.visible
        span_us = int(visible.max() - visible.min()) if visible.size else 0
        return round((visible.size - 1) * 1e6 / span_us, 2) if span_us else None

    def publish(self) -> Quantiles | None:
        """Return intended → sent, the delay of the generator."""
        return quantiles(self.sent - self.intended)

    def _only(self, keep: NDArray[np.bool_]) -> Stamps:
        return Stamps(
            self.intended[keep],
            self.sent[keep],
            self.appended[keep],
            self.handed_over[keep],
            self.visible[keep],
            self.unseen,
        )


def hops(store: Stamps, screen: Stamps | None = None) -> dict[str, Quantiles | None]:
    """Return how long each step from due to visible takes, and to painted if that was measured.

    The means add up to the mean of the whole. Kafka and the row of the table have stamps of whole
    milliseconds, so the quantiles of the steps before and after them are right to one.

    Args:
        store: in PostgreSQL.
        screen: of the same sales on the screen.

    """
    appended, written = store.appended + HALF_MS_US, store.handed_over + HALF_MS_US
    parts_us = {
        "due_sent": store.sent - store.intended,
        "sent_appended": appended - store.sent,
        "appended_written": written - appended,
        "written_visible": store.visible - written,
    }
    if screen is not None and np.array_equal(screen.intended, store.intended):
        parts_us["visible_received"] = screen.handed_over - store.visible
        parts_us["received_painted"] = screen.visible - screen.handed_over
    return {hop: quantiles(durations) for hop, durations in parts_us.items()}


def showings(file: Path) -> Showings:
    """Return the visible counts of each row, from the file of a watch or of the page."""
    shown: Showings = defaultdict(list)
    with file.open() as lines:
        parse_showings(lines, shown)
    return shown


def parse_showings(lines: TextIO, shown: Showings) -> None:
    """Add the lines from the present position to the end, except a line that is incomplete."""
    while True:
        position = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(position)
            return
        stamp, tab, payload = line.partition("\t")
        if tab:  # the first line has none: it says that the watch is ready
            for second, category, currency, count, *_, handed_over_ms in json.loads(payload):
                showing = Showing(int(stamp), round(handed_over_ms * 1_000))
                shown[second, category, currency].append((showing, count))


def stamps(records: Iterable[Record], rules: Rules, shown: Showings) -> Stamps:
    """Join every sale of the log with the time when it became visible.

    Args:
        records: the log, each partition in offset order.
        rules: of the contract.
        shown: the visible counts of each row.

    """
    rows: list[tuple[int, ...]] = []
    unseen = 0
    for key, sales in ranked(records, rules).items():
        seen = first_shown(shown.get(key, []), len(sales))
        for sale, showing in zip(sales, seen, strict=True):
            if sale.intended is None or sale.sent is None:
                continue  # a sale without stamps is counted, but has no latency
            if showing is None:
                unseen += 1
            else:
                seen_us = showing.handed_over, showing.visible
                rows.append((sale.intended, sale.sent, sale.append_ms * 1000, *seen_us))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5)
    columns = columns[np.argsort(columns[:, 0], kind="stable")]
    intended, sent, appended, handed_over, visible = columns.T
    return Stamps(intended, sent, appended, handed_over, visible, unseen)
