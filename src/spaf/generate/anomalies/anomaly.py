"""Anomalous sales on purpose, each with a label that is not part of the sale."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spaf.sale.anomaly_kinds import INJECTIONS

if TYPE_CHECKING:
    from pathlib import Path

# Labels of injected sales; one is drawn with equal probability.
KINDS = tuple(INJECTIONS)
# Episodes (spaf.generate.anomalies.episode makes them).
SURGE, DROUGHT, SHIFT, BURST = "surge", "drought", "level_shift", "customer_burst"


class Label(msgspec.Struct, frozen=True, rename="camel"):
    """The label of an injected sale; `factor` multiplied its amount."""

    transaction_id: str
    kind: str
    category: str
    factor: float


class EpisodeLabel(msgspec.Struct, frozen=True, rename="camel"):
    """The label of an episode, from the first to the last due time, epoch ms.

    `factor` multiplied the category's rate; of a burst it is the number of its sales.
    """

    kind: str
    category: str
    start_ms: int
    end_ms: int
    factor: float


class Injected(NamedTuple):
    """Price and quantity of a sale after an injection."""

    kind: str
    price_cents: int
    quantity: int
    factor: float


def inject(draw: float, price_cents: int, quantity: int) -> Injected:
    """Return the sale with one anomaly; a `draw` in [0, 1) selects one of equally likely kinds."""
    index, rest = divmod(draw * len(KINDS), 1.0)
    return inject_kind(KINDS[int(index)], rest, price_cents, quantity)


def inject_kind(kind: str, draw: float, price_cents: int, quantity: int) -> Injected:
    """Return the sale with an anomaly of this kind; a `draw` in [0, 1) selects its size."""
    injection = INJECTIONS[kind]
    if injection.quantities is not None:
        smallest, largest = injection.quantities
        bulk = smallest + int(draw * (largest - smallest + 1))
        return Injected(kind, price_cents, bulk, bulk / quantity)
    factor = injection.price_factor
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
