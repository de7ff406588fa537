"""When each sale became visible, in PostgreSQL and on the screen: see `spaf.sale.arrival_rank`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import msgspec
import numpy as np

from spaf.measure.quantiles import Micros, Quantiles, quantiles
from spaf.sale import Record, Rules
from spaf.sale.arrival_rank import Key, first_shown, ranked

# Row → (time µs, count that was visible), in the order of the notifications.
Showings = dict[Key, list[tuple[int, int]]]


class Stamps(msgspec.Struct, frozen=True):
    """Stamps of every stamped sale, one entry a sale, microseconds."""

    intended: Micros
    sent: Micros
    appended: Micros
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
            visible_us=self.visible,
        )

    def after(self, us: int) -> Stamps:
        """Return the sales that were intended at or after a time."""
        keep = self.intended >= us
        return Stamps(
            self.intended[keep],
            self.sent[keep],
            self.appended[keep],
            self.visible[keep],
            self.unseen,
        )

    def between(self, start_us: int, end_us: int) -> Stamps:
        """Return the sales that were intended at or after one time and before another."""
        rest = self.after(start_us)
        keep = rest.intended < end_us
        return Stamps(
            rest.intended[keep],
            rest.sent[keep],
            rest.appended[keep],
            rest.visible[keep],
            rest.unseen,
        )

    def latency(self) -> Quantiles | None:
        """Return intended → visible, in PostgreSQL or on the screen."""
        return quantiles(self.visible - self.intended)

    def publish(self) -> Quantiles | None:
        """Return intended → sent, the delay of the generator."""
        return quantiles(self.sent - self.intended)


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
            for second, category, currency, count, *_ in json.loads(payload):
                shown[second, category, currency].append((int(stamp), count))


def stamps(records: Iterable[Record], rules: Rules, shown: Showings) -> Stamps:
    """Join every sale of the log with the time when it became visible.

    Args:
        records: the log, each partition in offset order.
        rules: of the contract.
        shown: the visible counts of each row.

    """
    rows: list[tuple[int, int, int, int]] = []
    unseen = 0
    for key, sales in ranked(records, rules).items():
        visible_us = first_shown(shown.get(key, []), len(sales))
        for sale, seen_us in zip(sales, visible_us, strict=True):
            if sale.intended is None or sale.sent is None:
                continue  # a sale without stamps is counted, but has no latency
            if seen_us is None:
                unseen += 1
            else:
                rows.append((sale.intended, sale.sent, sale.append_ms * 1000, seen_us))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4)
    columns = columns[np.argsort(columns[:, 0], kind="stable")]
    intended, sent, appended, visible = columns.T
    return Stamps(intended, sent, appended, visible, unseen)
