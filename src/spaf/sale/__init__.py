"""The event: its contract, its codec, and the outcomes of a record.

>>> rules = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
>>> decode(b'{"productId": ""}', 1_763_800_000_123, rules)
(<Reason.PRODUCT: 'product'>,)
"""

from __future__ import annotations

from spaf.sale.codec import decode
from spaf.sale.contract import COLUMNS, Late, Outcome, Reason, Rules, Sale
from spaf.sale.record import Record

__all__ = ["COLUMNS", "Late", "Outcome", "Reason", "Record", "Rules", "Sale", "decode"]
