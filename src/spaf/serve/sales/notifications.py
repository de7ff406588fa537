"""Decodes the payloads of PostgreSQL's notifications: changed rows of sales_summary, new anomalies.

The triggers that send them are in `store/sql/migrations/0004_notify.sql`.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from spaf.sale.anomaly_kinds import BY_NAME, SECOND_S
from spaf.serve.sales.rollup import SecondRow

SALES = "sales_"
ANOMALIES = "anomalies_"


class _RowNotification(NamedTuple):
    second: int
    category: str
    currency: str
    sales: int
    units: int
    cents: str
    updated_ms: int


class Anomaly(msgspec.Struct, frozen=True, omit_defaults=False):
    """An anomalous sale, second or minute; `second` is the first of it, and None for a sale."""

    kind: str
    category: str
    # Cents of a sale, sales of a second or minute, cents of a minute; as text and number, as they
    # are sent.
    amount: str | int
    expected: str | float
    score: float
    detected_ms: int
    # Of a sale: partition, offset, and the identifier, if it has one.
    partition: int | None = None
    offset: int | None = None
    transaction_id: str | None = None
    # Of a second.
    second: int | None = None

    def wire(self, appended_ms: int | None, currency: str | None) -> dict[str, object]:
        """Return the anomaly as it is sent.

        Args:
            appended_ms: when its record was appended; None if that is not known.
            currency: of the sale; None if that is not known.

        """
        row: dict[str, object] = {
            "kind": self.kind,
            "category": self.category,
            "amount": self.amount,
            "expected": self.expected,
            "score": self.score,
            "detected_ms": self.detected_ms,
        }
        if self.second is None:
            row |= {
                "partition": self.partition,
                "offset": self.offset,
                "transaction_id": self.transaction_id,
                "currency": currency,
            }
        else:
            row["second"] = self.second
            # A second or minute is over when it ends.
            window_s = BY_NAME[self.kind].window_s if self.kind in BY_NAME else SECOND_S
            appended_ms = (self.second + window_s) * 1_000
        row["known_after_ms"] = None if appended_ms is None else self.detected_ms - appended_ms
        return row


_rows = msgspec.json.Decoder(list[_RowNotification])
_lists = msgspec.json.Decoder(list[list[object]])
# Fields of an anomalous second in a notification; an anomalous sale has more.
_SECOND_FIELDS = 7


def rows(payload: bytes) -> list[SecondRow]:
    """Return the changed rows of a notification.

    Raises:
        msgspec.DecodeError: the payload has another form.

    """
    return [
        SecondRow(second, category, currency, sales, units, int(cents), updated_ms)
        for second, category, currency, sales, units, cents, updated_ms in _rows.decode(payload)
    ]


def anomalies(payload: bytes) -> list[Anomaly]:
    """Return the anomalies of a notification.

    Raises:
        msgspec.DecodeError: the payload has another form.

    """
    return [anomaly(fields) for fields in _lists.decode(payload)]


def anomaly(fields: list[object]) -> Anomaly:
    """Return one anomaly from its fields in the order of a notification.

    Raises:
        msgspec.ValidationError: they have other types.

    """
    names = ("kind", "category", "amount", "expected", "score", "detected_ms")
    rest = (
        ("second",) if len(fields) == _SECOND_FIELDS else ("partition", "offset", "transaction_id")
    )
    return msgspec.convert(dict(zip((*names, *rest), fields, strict=True)), Anomaly)
