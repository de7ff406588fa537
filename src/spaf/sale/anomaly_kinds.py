"""The kinds of anomaly, one entry each: what the job, the verifier, the page and the CLI share.

An entry says which score makes a sale or a second anomalous, in which direction, in which table
the alert is stored, and how people call it. How a score is computed is not here: the job and both
oracles of the verifier each have their own formula, so that they check each other.

docs/how-to/add-an-anomaly-kind.md shows how to add an entry.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec


class AnomalyTable(StrEnum):
    """Where alerts are stored; the value is the name of the table."""

    SALE = "sale_anomaly"
    """One row a sale; amounts are money."""
    WINDOW = "window_anomaly"
    """One row a second, or a minute, and category; amounts are numbers of sales, or cents."""


class Words(NamedTuple):
    """A name for people, in the languages of the page."""

    en: str
    pt: str


class Injection(msgspec.Struct, frozen=True):
    """A change that the generator makes to a sale on purpose; `name` is its label."""

    name: str
    words: Words
    price_factor: float = 1.0
    """Factor of the price."""
    quantities: tuple[int, int] | None = None
    """Smallest and largest quantity, drawn at random; None leaves the quantity as it is."""


SECOND_S, MINUTE_S = 1, 60


class AnomalyKind(msgspec.Struct, frozen=True):
    """One kind of anomaly."""

    name: str
    """Value of the column `kind`."""
    table: AnomalyTable
    measure: str
    """The score that decides: `<measure>_score` and `<measure>_expected` in the rules' SQL."""
    sign: Literal[1, -1]
    """1 if a score above the threshold is anomalous, -1 if one below its negative is."""
    words: Words
    meaning: str
    """One sentence for the reference page."""
    injections: tuple[Injection, ...] = ()
    """Labels of the generator for which an alert of this kind is right."""
    window_s: int = SECOND_S
    """Length of the window of an alert, seconds."""

    @property
    def threshold(self) -> Literal["outlier_score", "surge_score", "series_score"]:
        """Name of the setting, in the section `job`, that a score must exceed."""
        if self.table is AnomalyTable.SALE:
            return "outlier_score"
        return "surge_score" if self.window_s == SECOND_S else "series_score"

    @property
    def unit(self) -> Literal["money", "sales", "cents"]:
        """Unit of the observed and of the expected amount, as the table has them."""
        if self.table is AnomalyTable.SALE:
            return "money"
        return "cents" if self.measure == "revenue" else "sales"


KINDS = (
    AnomalyKind(
        name="high_price",
        table=AnomalyTable.SALE,
        measure="price",
        sign=1,
        words=Words("High price", "Preço alto"),
        meaning="The unit price is far above that of the product's earlier sales.",
        injections=(
            Injection("price_x10", Words("Price ×10", "Preço ×10"), price_factor=10.0),
            Injection("price_x100", Words("Price ×100", "Preço ×100"), price_factor=100.0),
        ),
    ),
    AnomalyKind(
        name="low_price",
        table=AnomalyTable.SALE,
        measure="price",
        sign=-1,
        words=Words("Low price", "Preço baixo"),
        meaning="The unit price is far below that of the product's earlier sales.",
        injections=(Injection("price_div10", Words("Price ÷10", "Preço ÷10"), price_factor=0.1),),
    ),
    AnomalyKind(
        name="bulk_quantity",
        table=AnomalyTable.SALE,
        measure="quantity",
        sign=1,
        words=Words("Bulk order", "Compra em massa"),
        meaning="The quantity is far above that of the product's earlier sales.",
        # A usual sale has one to five pieces.
        injections=(
            Injection(
                "bulk_quantity", Words("Bulk order", "Compra em massa"), quantities=(50, 200)
            ),
        ),
    ),
    AnomalyKind(
        name="surge",
        table=AnomalyTable.WINDOW,
        measure="traffic",
        sign=1,
        words=Words("Surge", "Pico"),
        meaning="The category sells far more often than before.",
    ),
    AnomalyKind(
        name="drought",
        table=AnomalyTable.WINDOW,
        measure="traffic",
        sign=-1,
        words=Words("Drought", "Seca"),
        meaning="The category sells far less often than before.",
    ),
    AnomalyKind(
        name="busy_minute",
        table=AnomalyTable.WINDOW,
        measure="sales",
        sign=1,
        words=Words("Busy minute", "Minuto movimentado"),
        meaning="The category sells far more in a minute than its past predicts.",
        window_s=MINUTE_S,
    ),
    AnomalyKind(
        name="quiet_minute",
        table=AnomalyTable.WINDOW,
        measure="sales",
        sign=-1,
        words=Words("Quiet minute", "Minuto fraco"),
        meaning="The category sells far less in a minute than its past predicts.",
        window_s=MINUTE_S,
    ),
    AnomalyKind(
        name="high_revenue",
        table=AnomalyTable.WINDOW,
        measure="revenue",
        sign=1,
        words=Words("High revenue", "Receita alta"),
        meaning="The category earns far more in a minute than its past predicts.",
        window_s=MINUTE_S,
    ),
    AnomalyKind(
        name="low_revenue",
        table=AnomalyTable.WINDOW,
        measure="revenue",
        sign=-1,
        words=Words("Low revenue", "Receita baixa"),
        meaning="The category earns far less in a minute than its past predicts.",
        window_s=MINUTE_S,
    ),
)
"""Of several kinds that fit one sale, the first in this order is reported."""

SALE_KINDS = tuple(kind for kind in KINDS if kind.table is AnomalyTable.SALE)
WINDOW_KINDS = tuple(kind for kind in KINDS if kind.table is AnomalyTable.WINDOW)
SECOND_KINDS = tuple(kind for kind in WINDOW_KINDS if kind.window_s == SECOND_S)
MINUTE_KINDS = tuple(kind for kind in WINDOW_KINDS if kind.window_s == MINUTE_S)
BY_NAME = {kind.name: kind for kind in KINDS}
INJECTIONS = {injection.name: injection for kind in KINDS for injection in kind.injections}
"""Label of an injected sale → how it is made."""
ALERT_OF_LABEL = {injection.name: kind.name for kind in KINDS for injection in kind.injections}
"""Label of an injected sale → the kind of the alert that is right for it."""
NAMES = {
    language: {
        **{name: getattr(injection.words, language) for name, injection in INJECTIONS.items()},
        **{kind.name: getattr(kind.words, language) for kind in KINDS},
    }
    for language in Words._fields
}
"""Language → kind or label of an injected sale → its name for people."""


def measures(kinds: tuple[AnomalyKind, ...]) -> tuple[str, ...]:
    """Return the scores that these kinds read, each once."""
    return tuple(dict.fromkeys(kind.measure for kind in kinds))


def window_s(kind: str) -> int:
    """Return the length of the windows of a kind, seconds; a kind that is unknown has seconds."""
    return BY_NAME[kind].window_s if kind in BY_NAME else SECOND_S
