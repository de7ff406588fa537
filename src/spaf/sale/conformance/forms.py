"""The forms of a record: an example, its outcome, and the reason for it.

The examples are in `spaf.sale.conformance.cases`. They have three uses: the table of the reference
page, the cases of a unit test, and the hand-made records of the differential test.

In an example `@ms-600000@` stands for the append time plus or minus this number of milliseconds, as
epoch milliseconds, `@s`, `@us` and `@ns` for the same in other units, and `@iso+0@` for the same as
`YYYY-MM-DDThh:mm:ss`.

>>> at(b'{"eventTime": @ms-1@}', 1_763_800_000_123)
b'{"eventTime": 1763800000122}'
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from spaf.sale.contract import Late, Outcome, Reason, Sale

MOMENT = re.compile(rb"@(s|ms|us|ns|iso)([+-][0-9]+)@")
UNITS_NS = {b"s": 10**9, b"ms": 10**6, b"us": 10**3, b"ns": 1}
CHANGES = re.compile(r"; (?=[a-z]+=)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOUR = b'"productId":"p","productCategory":"books","productPrice":1.25,"productQuantity":3'
"""The four required fields of the sale that the examples change."""


class Form(NamedTuple):
    """One form of a record: an example, its outcome, and the reason."""

    kind: int
    """Number of the kind of hostile input, 1 to 70; 0 for a usual form."""
    field: str
    """The field that the example changes; empty if it changes the whole record."""
    what: str
    example: bytes | None
    outcome: str
    """`accepted`, `late` or one of the reasons; a number before it is the number of events."""
    becomes: str
    """The difference of the sale from the plain one, such as `quantity=10`; empty if none."""
    why: str


def at(example: bytes | None, append_ms: int) -> bytes | None:
    """Return an example whose time placeholders are filled in, for an append time."""
    if example is None:
        return None
    return MOMENT.sub(lambda match: _moment(match, append_ms), example)


def expected(form: Form, append_ms: int) -> tuple[Outcome, ...]:
    """Return the outcomes of a form, for an append time.

    Raises:
        ValueError: the form has an unknown outcome or field.

    """
    number, _, word = form.outcome.rpartition(" ")
    count = int(number or 1)
    if word in list(Reason):
        return (Reason(word),) * count
    sale = _plain(append_ms, form.becomes)
    if word not in {"accepted", "late"}:
        raise ValueError(f"a form has the outcome {form.outcome!r}")
    return ((Late(sale) if word == "late" else sale),) * count


def _plain(append_ms: int, becomes: str) -> Sale:
    """Return the plain sale with the changes of a form."""
    changed: dict[str, str] = {}
    for change in filter(None, CHANGES.split(becomes)):
        name, _, value = change.partition("=")
        changed[name] = value
    stamp = changed.pop("event", "+0")
    transaction = changed.pop("transaction", None)
    sale = Sale(
        category=changed.pop("category", "books"),
        currency=changed.pop("currency", "BRL"),
        unit_cents=int(changed.pop("cents", "125")),
        quantity=int(changed.pop("quantity", "3")),
        event_ms=_event_ms(stamp, append_ms),
        transaction_id=transaction,
        product_id=changed.pop("product", "p"),
        intended_us=None,
        sent_us=None,
    )
    if changed:
        raise ValueError(f"a form changes {sorted(changed)}")
    return sale


def _event_ms(stamp: str, append_ms: int) -> int:
    """Return an event time: `+7` after the append time, `+7s` after its second, `7` as it is."""
    if stamp.endswith("s"):
        return append_ms // 1_000 * 1_000 + int(stamp[:-1])
    return append_ms + int(stamp) if stamp[0] in "+-" else int(stamp)


def _moment(match: re.Match[bytes], append_ms: int) -> bytes:
    moment = append_ms + int(match[2])
    if match[1] in UNITS_NS:
        return str(moment * 1_000_000 // UNITS_NS[match[1]]).encode()
    seconds = EPOCH + timedelta(seconds=moment // 1_000)
    return seconds.strftime("%Y-%m-%dT%H:%M:%S").encode()
