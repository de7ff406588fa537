"""What becomes of a record: the one entrance to the contract."""

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
    """Return what the job makes of one record.

    That is one outcome, but for a record whose value is an array of objects: Flink's decoder gives
    the job an event for each of them. A record that gives none is unreadable.
    """
    sale = parse_plain(value, append_ms, rules) if value else None
    if sale is not None:
        return (judge(sale, append_ms, rules),)
    return tuple(decode_slowly(value, append_ms, rules)) or UNREADABLE


def decode_slowly(value: bytes | None, append_ms: int, rules: Rules) -> Iterator[Outcome]:
    """Yield the outcome of each event in a record, by the way that holds for every record."""
    for row in rows(value):
        found = check(row, append_ms, rules)
        yield found if isinstance(found, Reason) else judge(found, append_ms, rules)


def judge(sale: Sale, append_ms: int, rules: Rules) -> Outcome:
    """Compare a sale's event time with its append time; nothing else makes a sale late."""
    age_ms = append_ms - sale.event_ms
    if -age_ms > rules.max_ahead_ms:
        return Reason.AHEAD
    return Late(sale) if age_ms > rules.max_lateness_ms else sale
