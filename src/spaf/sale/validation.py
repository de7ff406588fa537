"""The rules of the contract, each for one column.

Doubles are parsed here too, because Flink's decoder passes them on as text.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from spaf.sale.contract import (
    MAX_EPOCH,
    MAX_QUANTITY,
    MIN_EPOCH_MS,
    MIN_EPOCH_NS,
    MIN_EPOCH_US,
    PRICE_LIMIT,
    Reason,
    Rules,
    Sale,
)

if TYPE_CHECKING:
    from spaf.sale.jackson.rows import Row

# The decoder converts an object or an array to text, which starts with { or [.
CATEGORY = re.compile(r"[^\x00-\x1f\x7f-\x9f{\[][^\x00-\x1f\x7f-\x9f]{0,63}")
TRANSACTION = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,64}")
CURRENCY = re.compile(r"[A-Z]{3}")
# Text that SQL casts to a BIGINT: a sign alone is none, and a fraction is truncated. A number with
# more digits is no BIGINT.
INTEGER = re.compile(r"(?![+-]?$)([+-]?)0*([0-9]{0,19})(?:\.[0-9]*)?")
# Years up to 2037, because the job counts seconds in an INT. Java leaves out seconds that are 0.
ISO_8601 = re.compile(
    r"(19[7-9][0-9]|20[0-2][0-9]|203[0-7])-([0-9]{2})-([0-9]{2})[Tt ]"
    r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(?: ?(?:[Zz]|UTC|GMT|([+-])(?:(0[0-9]|1[0-3])(?::?([0-5][0-9]))?|(14)(?::?00)?))"
    r"(?:\[[A-Za-z0-9_+/-]{1,40}\])?)?"
)
DECIMAL = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?")
HEX = re.compile(
    r"([+-]?0[xX](?:[0-9A-Fa-f]+\.?[0-9A-Fa-f]*|\.[0-9A-Fa-f]+)[pP][+-]?[0-9]+)[fFdD]?"
)
# The characters that Java's String.trim removes.
JAVA_SPACE = "".join(map(chr, range(0x21)))

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
# Maximum distance of a price from a whole cent, in cents: a twentieth, less what doubles round.
# Single precision stays within it up to 16,384; a third decimal does not.
CENT_TOLERANCE = 0.0499
MAX_PRODUCT_LENGTH = 64


def check(row: Row, append_ms: int, rules: Rules) -> Sale | Reason:
    """Return the sale of a row of text, or the first rule that it breaks."""
    product, category = row.get("productId"), row.get("productCategory")
    if not is_product(product):
        return Reason.PRODUCT
    if not is_category(category):
        return Reason.CATEGORY
    price = cents(double(row.get("productPrice")))
    if price is None:
        return Reason.PRICE
    quantity = whole(double(row.get("productQuantity")))
    if quantity is None:
        return Reason.QUANTITY
    optional = _optional(row, append_ms, rules)
    if isinstance(optional, Reason):
        return optional
    currency, event_ms = optional
    return Sale(
        category=str(category),
        currency=currency,
        unit_cents=price,
        quantity=quantity,
        event_ms=event_ms,
        transaction_id=transaction_id(row.get("transactionId")),
        product_id=str(product),
        intended_us=stamp(row.get("intendedAt")),
        sent_us=stamp(row.get("sentAt")),
    )


def _optional(row: Row, append_ms: int, rules: Rules) -> tuple[str, int] | Reason:
    """Return currency and event time, which are optional but must be valid."""
    currency = row.get("currency")
    if currency is None:
        currency = rules.default_currency
    if not CURRENCY.fullmatch(currency):
        return Reason.CURRENCY
    event_ms = when(row.get("eventTime"), row.get("transactionDate"), append_ms)
    return Reason.EVENT_TIME if event_ms is None else (currency, event_ms)


def is_product(text: str | None) -> bool:
    """Return whether a text is a valid productId."""
    return text is not None and 1 <= len(text) <= MAX_PRODUCT_LENGTH


def is_category(text: str | None) -> bool:
    """Return whether a text is a valid productCategory."""
    return text is not None and CATEGORY.fullmatch(text) is not None


def transaction_id(text: str | None) -> str | None:
    """Return the identifier; None if it is too long or has a control character."""
    return text if text is not None and TRANSACTION.fullmatch(text) else None


def double(text: str | None) -> float | None:
    """Return the number that Java's `Double.parseDouble` reads from a text; None if there is none.

    Java also reads `NaN` and `Infinity`. They break every rule, so this returns None for them.
    """
    trimmed = (text or "").strip(JAVA_SPACE)
    if match := DECIMAL.fullmatch(trimmed):
        return float(match[1])
    if match := HEX.fullmatch(trimmed):
        try:
            return float.fromhex(match[1])
        except OverflowError:
            return None
    return None


def cents(price: float | None) -> int | None:
    """Return a price in whole cents; None if it is no cent or out of range.

    A distance of less than a twentieth of a cent, as single precision leaves it, is rounded away.
    """
    if price is None or not 0 <= price < PRICE_LIMIT:
        return None
    price_cents = price * 100.0
    nearest = math.floor(price_cents + 0.5)
    return nearest if abs(price_cents - nearest) < CENT_TOLERANCE else None


def whole(quantity: float | None) -> int | None:
    """Return a quantity as an integer; None if it is no whole number or is out of range."""
    if quantity is None or not 1 <= quantity <= MAX_QUANTITY or quantity != math.floor(quantity):
        return None
    return int(quantity)


def when(event_time: str | None, transaction_date: str | None, append_ms: int) -> int | None:
    """Return the event time, epoch milliseconds; None if it is invalid.

    `eventTime` is used before `transactionDate`; without both the append time is used.
    """
    if event_time is not None:
        return epoch_ms(event_time)
    if transaction_date is not None:
        return iso_ms(transaction_date)
    return append_ms


def epoch_ms(text: str) -> int | None:
    """Return the integer that SQL casts a text to; None if the cast fails or is out of range."""
    match = INTEGER.fullmatch(text.strip(" "))
    if match is None:
        return None
    sign, digits = match.groups()
    return milliseconds(int(sign + (digits or "0")))


def milliseconds(epoch: int) -> int | None:
    """Return an epoch in milliseconds, whatever its unit; None if it is out of range.

    The ranges of the four units do not overlap after 1973, so the magnitude names the unit.
    """
    if not 0 <= epoch <= MAX_EPOCH:
        return None
    if epoch < MIN_EPOCH_MS:
        return epoch * 1_000
    if epoch < MIN_EPOCH_US:
        return epoch
    return epoch // (1_000 if epoch < MIN_EPOCH_NS else 1_000_000)


def iso_ms(text: str) -> int | None:
    """Return an ISO 8601 time, epoch milliseconds; None if it is invalid or before 1970.

    Also as programs write it: ` UTC`, `-0300`, a comma before the fraction, no seconds, `[Zone]`.
    """
    match = ISO_8601.fullmatch(text)
    if match is None:
        return None
    *date_and_time, second, fraction, sign, hours, minutes, hours_14 = match.groups()
    try:
        local = datetime(*map(int, date_and_time), int(second or 0), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    offset = int(hours or hours_14 or 0) * 60 + int(minutes or 0)
    ahead = -offset if sign == "-" else offset
    millis = int(((fraction or "") + "000")[:3])
    result = (local - EPOCH) // MILLISECOND + millis - ahead * 60_000
    return result if result >= 0 else None


def stamp(text: str | None) -> int | None:
    """Return a time stamp of the generator; None if it is no integer."""
    return int(text) if text is not None and text.removeprefix("-").isdecimal() else None
