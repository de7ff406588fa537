"""`GET /api/quarantine`: what was not accepted, why, and its bytes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from spaf.quarantine import reader
from spaf.quarantine.reader import EPOCH, QuarantinedRecord, RowCursor, RowFilter
from spaf.quarantine.reason_messages import COUNTED, RULES, sentence
from spaf.serve.records.payload import IN_A_LIST, shown
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import RequestRefusedError, answer
from spaf.store.access import Role

router = APIRouter(prefix="/api/quarantine")

# Each opens a connection to PostgreSQL.
_looks = ConcurrencyLimit(4, "looks into the quarantine")
REASONS = frozenset(str(reason) for reason in (*RULES, *COUNTED))
# Epoch microseconds, partition and offset of the last row of the page before.
CURSOR = re.compile(r"(\d{1,18})-(\d{1,9})-(\d{1,18})", re.ASCII)
MOST_ROWS = 100
STATEMENT_MS = 2_000


@router.get("")
def quarantine(
    request: Request,
    reason: str | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> Response:
    """Return the newest rows, or those before the cursor that the last answer gave."""
    if reason is not None and reason not in REASONS:
        raise RequestRefusedError(400, f"reason must be one of {', '.join(sorted(REASONS))}.")
    place = None if before is None else _place(before)
    with _looks.one(), request.app.state.source.access.session(Role.READ) as connection:
        connection.execute(f"SET statement_timeout = {STATEMENT_MS}")
        found = reader.newest(connection, RowFilter(reason, before=place), limit + 1)
    more = found[limit:]
    return answer(
        {
            "rows": [told(one) for one in found[:limit]],
            "next": _cursor(found[limit - 1]) if more else None,
        }
    )


def told(kept: QuarantinedRecord) -> dict[str, Any]:
    """Return a row with the sentence that explains it."""
    value = shown(kept.payload, IN_A_LIST)._asdict()
    cut = bool(value["cut"]) or kept.cut
    return {
        "partition": kept.partition,
        "offset": kept.offset,
        "append_ms": _us(kept) // 1_000,
        "reason": kept.reason,
        "explanation": sentence(kept.reason, kept.payload),
        **value,
        # What is kept may be a part of what came.
        "bytes": kept.payload_bytes,
        "cut": cut,
        "category": kept.category,
        "currency": kept.currency,
        "cents": None if kept.amount is None else str(int(kept.amount.scaleb(2))),
        "lateness_ms": kept.lateness_ms,
        "replays": kept.replays,
    }


def _place(text: str) -> RowCursor:
    match = CURSOR.fullmatch(text)
    if match is None:
        raise RequestRefusedError(400, "before must be the `next` of an earlier answer.")
    try:
        moment = EPOCH + timedelta(microseconds=int(match[1]))
    except OverflowError:
        raise RequestRefusedError(400, "before must be the `next` of an earlier answer.") from None
    return RowCursor(moment, int(match[2]), int(match[3]))


def _cursor(kept: QuarantinedRecord) -> str:
    return f"{_us(kept)}-{kept.partition}-{kept.offset}"


def _us(kept: QuarantinedRecord) -> int:
    return (kept.append_time - EPOCH) // timedelta(microseconds=1)
