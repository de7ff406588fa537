"""The contract of the event: its columns, its limits, and what may become of a record.

What the Flink job accepts is the contract. The job reads six columns of text and two of doubles
and judges those; so does this package, in code of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from spaf.settings import SaleSettings

COLUMNS = (
    "productId",
    "productCategory",
    "productPrice",
    "productQuantity",
    "currency",
    "transactionId",
    "eventTime",
    "transactionDate",
)
"""The fields that the job reads; it carries none of the others."""

AMOUNTS = ("productPrice", "productQuantity")
"""The columns that are doubles; the others are text."""

STAMPS = ("intendedAt", "sentAt")
"""The generator's own stamps, epoch microseconds; only the lab reads them."""

PRICE_LIMIT = 1e10
"""The first price that is too high."""

QUANTITY_MAX = 1_000_000
"""The largest quantity of one sale."""

LAST_MS = 253_402_214_399_999
"""The last event time, epoch milliseconds: a day more is the last that a timestamp can hold."""


class Reason(StrEnum):
    """Why a record is rejected; the first rule that it breaks, in this order."""

    UNREADABLE = "unreadable"
    PRODUCT = "product"
    CATEGORY = "category"
    PRICE = "price"
    QUANTITY = "quantity"
    CURRENCY = "currency"
    EVENT_TIME = "event_time"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the contract leaves to the operator."""

    default_currency: str
    max_lateness_ms: int
    max_ahead_ms: int
    once_ms: int = 0
    """Length of the blocks of append time in which a transactionId counts once; 0: each copy."""

    @classmethod
    def of(cls, settings: SaleSettings) -> Rules:
        """Return the rules that the settings' `sale` section asks for."""
        return cls(settings.currency, settings.max_lateness_s * 1_000, settings.max_ahead_s * 1_000)


class Sale(msgspec.Struct, frozen=True, gc=False):
    """One sale that keeps the contract; money in whole cents."""

    category: str
    currency: str
    unit_cents: int
    quantity: int
    event_ms: int
    transaction_id: str | None
    """None too where it is too long or holds a control character."""
    product_id: str
    intended_us: int | None
    sent_us: int | None

    @property
    def cents(self) -> int:
        """Amount of the whole sale."""
        return self.unit_cents * self.quantity


class Late(msgspec.Struct, frozen=True, gc=False):
    """A sale that keeps the contract but came too long after its event time."""

    sale: Sale


Outcome = Sale | Late | Reason
"""What becomes of one event: it counts, it is late, or it is rejected for a reason."""
