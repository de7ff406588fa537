"""A repaired record: the original with some fields set, or a replacement.

A field that is not set keeps its bytes, so that no number is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from spaf.errors import QuarantineError
from spaf.quarantine.reason_messages import sentence
from spaf.sale import Late, Reason, Rules, Sale, decode

TIMES = ("eventTime", "transactionDate")
# The generator's timestamps. With them the replay would appear as a sale of very long latency.
STAMPS = ("intendedAt", "sentAt")

Fields = dict[str, msgspec.Raw]


def repaired(original: bytes | None, changes: Sequence[str], append_ms: int, *, now: bool) -> bytes:
    """Return the record to send instead of the original.

    A sale without a time gets the time of its first arrival, so that a replay does not move it.

    Args:
        original: the record, or the replacement that the user gave.
        changes: `field=value`, the value as JSON, or as plain text if it is not JSON;
            `field=null` removes the field.
        append_ms: append time of the original, epoch milliseconds.
        now: remove its time, so that it counts in the second of its new arrival.

    Raises:
        QuarantineError: the original is not a JSON object, or a change is malformed.

    """
    fields = _fields(original)
    for change in changes:
        name, equals, value = change.partition("=")
        if not name or not equals:
            raise QuarantineError(f"--set {change}: not a change.", todo="Write it as field=value.")
        fields[name] = _raw(value)
    for name in (*STAMPS, *(TIMES if now else ())):
        fields.pop(name, None)
    if not now and all(_absent(fields.get(name)) for name in TIMES):
        fields[TIMES[0]] = msgspec.Raw(str(append_ms).encode())
    return msgspec.json.encode(fields)


def check(value: bytes, now_ms: int, rules: Rules) -> Sale:
    """Return the sale that a record would be if it arrived now.

    Raises:
        QuarantineError: it would not be accepted, or not as one sale.

    """
    outcomes = decode(value, now_ms, rules)
    if len(outcomes) != 1:
        raise QuarantineError(
            f"It would be {len(outcomes)} sales.", todo="Send one at a time, with --file."
        )
    outcome = outcomes[0]
    if isinstance(outcome, Late):
        age = (now_ms - outcome.sale.event_ms) // 1_000
        raise QuarantineError(
            f"It would be late: its event time lies {age:,} s back, and at most "
            f"{rules.max_lateness_ms // 1_000:,} s are allowed.",
            todo="--now lets it count in the second in which it arrives again; "
            "--set eventTime=... in another.",
        )
    if isinstance(outcome, Reason):
        raise QuarantineError(
            f"It would be rejected again ({outcome}): {sentence(outcome, value)}",
            todo="Repair it with --set field=value, or give another record with --file.",
        )
    return outcome


def _fields(original: bytes | None) -> Fields:
    """Return the fields of a record with the bytes of their values."""
    try:
        return msgspec.json.decode(original or b"", type=Fields)
    except msgspec.MsgspecError:
        raise QuarantineError(
            "The record is no JSON object, so no field of it can be set.",
            todo="Give a record in its place with --file FILE, or --file - for standard input.",
        ) from None


def _raw(value: str) -> msgspec.Raw:
    try:
        return msgspec.json.decode(value, type=msgspec.Raw)
    except msgspec.MsgspecError:
        return msgspec.Raw(msgspec.json.encode(value))


def _absent(raw: msgspec.Raw | None) -> bool:
    return raw is None or bytes(raw).strip() == b"null"
