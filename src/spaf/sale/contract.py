"""The contract of the event: its columns, its limits, and the outcomes of a record.

The contract is what the Flink job accepts. The job reads six columns as text and two as doubles,
and checks these values; this package does the same with its own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from spaf.settings import SaleSettings

VERSION = 2
"""Raised when the same record gets another outcome: the quarantine then explains all anew."""

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
"""The fields that the job reads; it ignores all others."""

AMOUNTS = ("productPrice", "productQuantity")
"""The columns of type DOUBLE; the others are text."""

STAMPS = ("intendedAt", "sentAt")
"""Time stamps of the generator, epoch microseconds; only measurements read them."""

PRICE_LIMIT = 1e10
"""Exclusive upper limit of a price, in units of the currency."""

MAX_QUANTITY = 1_000_000
"""Maximum quantity of one sale."""

MIN_EPOCH_MS, MIN_EPOCH_US, MIN_EPOCH_NS = 10**11, 10**14, 10**17
"""From these on, an epoch is in milli-, micro- and nanoseconds; below the first in seconds.

Every unit then reaches from 1973 to beyond 2262, and no number is of two units.
"""

MAX_EPOCH = 2**63 - 1
"""Maximum number of an event time: the job reads a BIGINT."""


class Reason(StrEnum):
    """Why a record is rejected: the first rule that it breaks, in this order."""

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
    """The settings of the contract."""

    default_currency: str
    max_lateness_ms: int
    max_ahead_ms: int
    dedup_block_ms: int = 0
    """Length of the blocks of append time in which a transactionId counts once; 0 counts all."""

    @classmethod
    def of(cls, settings: SaleSettings) -> Rules:
        """Return the rules of the section `sale` of the settings."""
        return cls(settings.currency, settings.max_lateness_s * 1_000, settings.max_ahead_s * 1_000)


class Sale(msgspec.Struct, frozen=True, gc=False):
    """One valid sale; money in whole cents."""

    category: str
    currency: str
    unit_cents: int
    quantity: int
    event_ms: int
    transaction_id: str | None
    """None if it is missing, too long, or has a control character."""
    product_id: str
    intended_us: int | None
    sent_us: int | None

    @property
    def cents(self) -> int:
        """Amount of the sale: unit price times quantity."""
        return self.unit_cents * self.quantity


class Late(msgspec.Struct, frozen=True, gc=False):
    """A valid sale that was appended too long after its event time."""

    sale: Sale


Outcome = Sale | Late | Reason
"""The outcome of one event: accepted, late, or rejected for a reason."""
