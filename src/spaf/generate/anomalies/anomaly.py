"""Anomalous sales on purpose, each with a label that never travels with the sale."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

# A slipped decimal point, by how much; a bulk order changes the quantity instead.
PRICE_TYPOS = {"price_x10": 10.0, "price_x100": 100.0, "price_div10": 0.1}
BULK = "bulk_quantity"
KINDS = (*PRICE_TYPOS, BULK)
# Nobody buys so many of one product in a shop for people; the usual sale has one to five.
BULK_SMALLEST = 50
BULK_LARGEST = 200
# Episodes (spaf.generate.anomalies.episode makes them).
SURGE, DROUGHT, SHIFT, BURST = "surge", "drought", "level_shift", "customer_burst"


class Label(msgspec.Struct, frozen=True, rename="camel"):
    """The truth about one injected sale, kept beside the run; `factor` multiplied its amount."""

    transaction_id: str
    kind: str
    category: str
    factor: float


class EpisodeLabel(msgspec.Struct, frozen=True, rename="camel"):
    """The truth about one episode: times of intended sales, epoch ms, as they were planned.

    `factor` multiplied the category's rate; of a burst it is the number of its sales.
    """

    kind: str
    category: str
    start_ms: int
    end_ms: int
    factor: float


class Injected(NamedTuple):
    """What became of a sale's price and quantity."""

    kind: str
    price_cents: int
    quantity: int
    factor: float


def inject(draw: float, price_cents: int, quantity: int) -> Injected:
    """Return the sale with one anomaly; a `draw` in [0, 1) picks among equally likely kinds."""
    place, rest = divmod(draw * len(KINDS), 1.0)
    return inject_kind(KINDS[int(place)], rest, price_cents, quantity)


def inject_kind(kind: str, draw: float, price_cents: int, quantity: int) -> Injected:
    """Return the sale with an anomaly of this kind; a `draw` in [0, 1) picks what is left open."""
    if kind == BULK:
        bulk = BULK_SMALLEST + int(draw * (BULK_LARGEST - BULK_SMALLEST + 1))
        return Injected(kind, price_cents, bulk, bulk / quantity)
    factor = PRICE_TYPOS[kind]
    return Injected(kind, max(1, round(price_cents * factor)), quantity, factor)


def read_labels(file: Path) -> tuple[list[Label], list[EpisodeLabel]]:
    """Return the labels of sales and of episodes that runs have left, each in order."""
    sales: list[Label] = []
    episodes: list[EpisodeLabel] = []
    for line in file.read_bytes().splitlines():
        if b'"transactionId"' in line:
            sales.append(msgspec.json.decode(line, type=Label))
        else:
            episodes.append(msgspec.json.decode(line, type=EpisodeLabel))
    return sales, episodes
