"""What a record must be, and what of it is summed."""

import os
import re
from datetime import datetime, timezone
from math import floor

import msgspec

DEFAULT_CURRENCY = os.environ["PEER_DEFAULT_CURRENCY"]
CATEGORY = re.compile(r"[^\x00-\x1f\x7f-\x9f{\[][^\x00-\x1f\x7f-\x9f]{0,63}").fullmatch
CURRENCY = re.compile("[A-Z]{3}").fullmatch


class Sale(msgspec.Struct, rename="camel", gc=False):
    product_id: str
    product_category: str
    product_price: float
    product_quantity: float
    currency: str | None = None
    event_time: int | None = None
    transaction_date: str | None = None


decode = msgspec.json.Decoder(Sale).decode


def event_ms(sale):
    """Return the stated event time; None if there is none."""
    epoch = sale.event_time
    if epoch is None:
        if sale.transaction_date is None:
            return None
        time = datetime.fromisoformat(sale.transaction_date)
        return floor(
            (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp() * 1000
        )
    if epoch < 10**11:
        return epoch * 1000
    return epoch // (1 if epoch < 10**14 else 1000 if epoch < 10**17 else 10**6)


def parse(value):
    """Yield category, currency, quantity, cents and event time of a valid sale."""
    try:
        sale = decode(value or b"")
        ms = event_ms(sale)
    except (ValueError, OverflowError):
        return
    price, quantity = sale.product_price, sale.product_quantity
    if not 0 <= price < 1e10 or not 1 <= quantity <= 1e6 or quantity % 1:
        return
    cents = floor(price * 100 + 0.5)
    currency = DEFAULT_CURRENCY if sale.currency is None else sale.currency
    if abs(price * 100 - cents) >= 0.0499 or not 1 <= len(sale.product_id) <= 64:
        return
    if CATEGORY(sale.product_category) and CURRENCY(currency):
        yield sale.product_category, currency, int(quantity), cents * int(quantity), ms
