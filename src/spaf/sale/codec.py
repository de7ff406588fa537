"""Decode a record into its outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaf.sale.contract import Late, Outcome, Reason, Rules, Sale
from spaf.sale.fast_path import parse_plain
from spaf.sale.jackson.rows import rows
from spaf.sale.validation import check

if TYPE_CHECKING:
    from collections.abc import Iterator

UNREADABLE = (Reason.UNREADABLE,)


def decode(value: bytes | None, append_ms: int, rules: Rules) -> tuple[Outcome, ...]:
    """Return the outcomes of one record, as the job has them.

    A record has one outcome, unless its value is an array of objects: Flink's decoder gives the
    job one event for each object. A record without an event is unreadable.
    """
    sale = parse_plain(value, append_ms, rules) if value else None
    if sale is not None:
        return (judge(sale, append_ms, rules),)
    return tuple(decode_slowly(value, append_ms, rules)) or UNREADABLE


def decode_slowly(value: bytes | None, append_ms: int, rules: Rules) -> Iterator[Outcome]:
    """Yield the outcome of each event in a record, by the decoder that accepts every record."""
    for row in rows(value):
        sale = check(row, append_ms, rules)
        yield sale if isinstance(sale, Reason) else judge(sale, append_ms, rules)


def judge(sale: Sale, append_ms: int, rules: Rules) -> Outcome:
    """Return the outcome of a valid sale, which depends on its event time and append time only."""
    age_ms = append_ms - sale.event_ms
    if -age_ms > rules.max_ahead_ms:
        return Reason.AHEAD
    return Late(sale) if age_ms > rules.max_lateness_ms else sale
