"""Reasons as sentences, and bytes as text that is safe on a terminal."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from spaf.quarantine import hints
from spaf.quarantine.explain import ARRAY, DISAGREEMENT, LATE, NOT_READ
from spaf.quarantine.hints import Hint
from spaf.sale import Reason
from spaf.sale.jackson.rows import rows

# Characters of a field's value that a sentence quotes.
MAX_VALUE_CHARS = 80

RULES = {
    Reason.UNREADABLE: "It is no JSON object that can be read to its end.",
    Reason.PRODUCT: "productId must be a text of 1 to 64 characters.",
    Reason.CATEGORY: "productCategory must be a text of 1 to 64 characters without control "
    "characters that does not begin with { or [.",
    Reason.PRICE: "productPrice must be a number such as 1234.56, from 0 to below 10^10, with at "
    "most 2 decimals.",
    Reason.QUANTITY: "productQuantity must be a whole number from 1 to 1,000,000.",
    Reason.CURRENCY: "currency must be 3 capital letters, or left out.",
    Reason.EVENT_TIME: "eventTime must be a whole number, the epoch in milliseconds; without it, "
    "transactionDate must be a time such as 2026-11-30T15:04:05-03:00.",
    Reason.AHEAD: "Its event time lies further after its arrival than sale.max_ahead_s allows.",
    LATE: "Its event time lies further before its arrival than sale.max_lateness_s allows.",
}
"""The rule that every record of a reason breaks."""

COUNTED = {
    NOT_READ: "counted by the ledger; too many came at once to read each",
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


# Reasons of a time that was read.
TIMELY = frozenset({Reason.AHEAD, LATE})


def rule(reason: str) -> str:
    """Return the rule that records of a reason break, or the meaning of its count."""
    return RULES.get(reason) or COUNTED.get(reason, "")


class Explanation(NamedTuple):
    """Why a record was not accepted, as a sentence, and the guess that ends it."""

    text: str
    hint: Hint | None = None


def explained(reason: str, payload: bytes | None) -> Explanation:
    """Return the rule, the value that breaks it, and the form that was wanted."""
    if payload is None:
        return Explanation(f"{rule(reason)} It has no value at all: a tombstone.")
    if not payload:
        return Explanation(f"{rule(reason)} It is empty.")
    fields = FIELDS.get(reason)
    if fields is None:
        hint = hints.of_bytes(payload) if reason == Reason.UNREADABLE else None
        return _with_hint(rule(reason), hint)
    row = next(rows(payload), {})
    name = next((name for name in fields if row.get(name) is not None), None)
    if name is None:
        return _with_hint(
            f"{rule(reason)} It has none that can be read.",
            hints.of_structure(payload, fields[0]),
        )
    value = row[name] or ""
    cut = "..." if len(value) > MAX_VALUE_CHARS else ""
    broken = f'{rule(reason)} {name} is "{escaped(value[:MAX_VALUE_CHARS])}{cut}".'
    if cut:
        return Explanation(broken)
    read = hints.of_time if reason in TIMELY else partial(hints.of_value, reason)
    return _with_hint(broken, read(name, value))


def sentence(reason: str, payload: bytes | None) -> str:
    """Return why a record was not accepted, as `explained` does, without the code of the guess."""
    return explained(reason, payload).text


def _with_hint(text: str, hint: Hint | None) -> Explanation:
    if hint is None:
        return Explanation(text)
    values = {name: escaped(value[:MAX_VALUE_CHARS]) for name, value in hint.values.items()}
    shown = Hint(hint.code, values)
    return Explanation(f"{text} {shown.sentence}", shown)


def escaped(text: str) -> str:
    r"""Return a text without control characters: each is escaped, such as `\x1b`."""
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def shown(payload: bytes) -> str:
    r"""Return bytes as escaped text; a byte that is not UTF-8 as `\xff`."""
    return escaped(payload.decode(errors="backslashreplace"))


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")
