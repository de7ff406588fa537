"""Reasons as sentences, and bytes as text that is safe on a terminal."""

from __future__ import annotations

from spaf.quarantine.explain import ARRAY, DISAGREEMENT, LATE, NO_RECORD, NOT_READ
from spaf.sale import Reason
from spaf.sale.jackson.rows import rows

# Characters of a field's value that a sentence quotes.
MAX_VALUE_CHARS = 80

RULES = {
    Reason.UNREADABLE: "It is no JSON object that can be read to its end.",
    Reason.PRODUCT: "productId must be a text of 1 to 64 characters.",
    Reason.CATEGORY: "productCategory must be a text of 1 to 64 characters without control "
    "characters that does not begin with { or [.",
    Reason.PRICE: "productPrice must be a number from 0 to below 10^10 with at most 2 decimals.",
    Reason.QUANTITY: "productQuantity must be a whole number from 1 to 1,000,000.",
    Reason.CURRENCY: "currency must be 3 capital letters, or left out.",
    Reason.EVENT_TIME: "eventTime must be whole epoch milliseconds; without it, transactionDate "
    "must be an ISO 8601 time.",
    Reason.AHEAD: "Its event time lies further after its arrival than sale.max_ahead_s allows.",
    LATE: "Its event time lies further before its arrival than sale.max_lateness_s allows.",
}
"""The rule that every record of a reason breaks."""

COUNTED = {
    NOT_READ: "counted by the ledger; too many came at once to read each",
    NO_RECORD: "offsets without a record: marks of transactions, or compacted",
    ARRAY: "records with several sales count once less than their sales",
    DISAGREEMENT: "the ledger and the contract do not agree: see `spaf logs quarantine`",
}
"""Reasons that are only counted."""

FIELDS = {
    Reason.PRODUCT: ("productId",),
    Reason.CATEGORY: ("productCategory",),
    Reason.PRICE: ("productPrice",),
    Reason.QUANTITY: ("productQuantity",),
    Reason.CURRENCY: ("currency",),
    Reason.EVENT_TIME: ("eventTime", "transactionDate"),
    Reason.AHEAD: ("eventTime", "transactionDate"),
    LATE: ("eventTime", "transactionDate"),
}
"""The fields of a reason; of several the first that the record has counts."""


def rule(reason: str) -> str:
    """Return the rule that records of a reason break, or the meaning of its count."""
    return RULES.get(reason) or COUNTED.get(reason, "")


def sentence(reason: str, payload: bytes | None) -> str:
    """Return why a record was not accepted: the rule, and the value that breaks it."""
    if payload is None:
        return f"{rule(reason)} It has no value at all: a tombstone."
    if not payload:
        return f"{rule(reason)} It is empty."
    fields = FIELDS.get(reason)
    if fields is None:
        return rule(reason)
    row = next(rows(payload), {})
    name = next((name for name in fields if row.get(name) is not None), None)
    if name is None:
        return f"{rule(reason)} It has none that can be read."
    value = row[name] or ""
    cut = "..." if len(value) > MAX_VALUE_CHARS else ""
    return f'{rule(reason)} {name} is "{escaped(value[:MAX_VALUE_CHARS])}{cut}".'


def escaped(text: str) -> str:
    r"""Return a text without control characters: each is escaped, such as `\x1b`."""
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def shown(payload: bytes) -> str:
    r"""Return bytes as escaped text; a byte that is not UTF-8 as `\xff`."""
    return escaped(payload.decode(errors="backslashreplace"))


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")
