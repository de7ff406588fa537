"""When each sale became visible, in PostgreSQL and on the screen: see `spaf.sale.arrival_rank`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from spaf.measure.quantiles import Micros, Quantiles, quantiles
from spaf.sale import Record, Rules
from spaf.sale.arrival_rank import Key, first_shown, ranked

# Stamp (µs) and count that a row showed, in the order of the notices.
Showings = dict[Key, list[tuple[int, int]]]


@dataclass(frozen=True)
class Stamps:
    """Stamps of every sale that carries them, one entry a sale, microseconds."""

    intended: Micros
    sent: Micros
    appended: Micros
    visible: Micros
    # Sales of a row that was never seen to reach them: lost notices, or lost sales.
    unseen: int

    def save(self, path: Path) -> None:
        """Keep the raw values."""
        np.savez_compressed(
            path,
            intended_us=self.intended,
            sent_us=self.sent,
            appended_us=self.appended,
            visible_us=self.visible,
        )

    def after(self, us: int) -> Stamps:
        """Return the sales that were intended at or after a moment."""
        keep = self.intended >= us
        return Stamps(
            self.intended[keep],
            self.sent[keep],
            self.appended[keep],
            self.visible[keep],
            self.unseen,
        )

    def between(self, start_us: int, end_us: int) -> Stamps:
        """Return the sales that were intended at or after one moment and before another."""
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
        """Return intended → visible, where it was watched: in PostgreSQL or on the screen."""
        return quantiles(self.visible - self.intended)

    def publish(self) -> Quantiles | None:
        """Return intended → sent: the generator's own delay."""
        return quantiles(self.sent - self.intended)


def showings(file: Path) -> Showings:
    """Return what each row showed, from the file of a watch."""
    found: Showings = defaultdict(list)
    with file.open() as lines:
        parse_showings(lines, found)
    return found


def parse_showings(lines: TextIO, found: Showings) -> None:
    """Add the lines from here to the end; a line that is still being written is left for later."""
    while True:
        place = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(place)
            return
        stamp, tab, payload = line.partition("\t")
        if tab:  # the first line is the mark of readiness
            for second, category, currency, count, *_ in json.loads(payload):
                found[second, category, currency].append((int(stamp), count))


def stamps(records: Iterable[Record], rules: Rules, shown: Showings) -> Stamps:
    """Join every sale of the log with the moment it was seen.

    Args:
        records: the log, each partition in offset order.
        rules: of the contract.
        shown: what each row showed.

    """
    rows: list[tuple[int, int, int, int]] = []
    unseen = 0
    for key, sales in ranked(records, rules).items():
        moments = first_shown(shown.get(key, []), len(sales))
        for sale, seen in zip(sales, moments, strict=True):
            if sale.intended is None or sale.sent is None:
                continue  # a client that stamps nothing is counted, but not timed
            if seen is None:
                unseen += 1
            else:
                rows.append((sale.intended, sale.sent, sale.append_ms * 1000, seen))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4)
    columns = columns[np.argsort(columns[:, 0], kind="stable")]
    intended, sent, appended, visible = columns.T
    return Stamps(intended, sent, appended, visible, unseen)
