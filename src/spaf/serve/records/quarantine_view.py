"""`GET /api/quarantine`: the records that were not accepted, with reason and bytes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from spaf.quarantine import reader
from spaf.quarantine.reader import EPOCH, QuarantinedRecord, RowCursor, RowFilter
from spaf.quarantine.reason_messages import COUNTED, RULES, explained
from spaf.serve.records.payload import MAX_LENGTH_IN_LIST, render
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import invalid, json_response
from spaf.store.access import Role

router = APIRouter(prefix="/api/quarantine")

# Each opens a connection to PostgreSQL.
_requests = ConcurrencyLimit(4, "requests to the quarantine")
REASONS = frozenset(str(reason) for reason in (*RULES, *COUNTED))
# Epoch microseconds, partition and offset of the last row of the previous response.
CURSOR = re.compile(r"(\d{1,18})-(\d{1,9})-(\d{1,18})", re.ASCII)
MAX_ROWS = 100
STATEMENT_TIMEOUT_MS = 2_000


@router.get("")
def quarantine(
    request: Request,
    reason: str | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 50,
) -> Response:
    """Return the newest rows, or those before the cursor of an earlier response."""
    if reason is not None and reason not in REASONS:
        raise invalid(f"reason must be one of {', '.join(sorted(REASONS))}.")
    cursor = None if before is None else _parsed(before)
    with _requests.slot(), request.app.state.run.access.session(Role.READ) as connection:
        connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
        rows = reader.newest(connection, RowFilter(reason, before=cursor), limit + 1)
    last = rows[limit - 1] if rows[limit:] else None
    return json_response(
        {
            "rows": [_row(record) for record in rows[:limit]],
            "next": f"{_us(last)}-{last.partition}-{last.offset}" if last else None,
        }
    )


def _row(record: QuarantinedRecord) -> dict[str, Any]:
    """Return a row as it is sent, with the sentence that explains it."""
    value = render(record.payload, MAX_LENGTH_IN_LIST)._asdict()
    cut = bool(value["cut"]) or record.cut
    why = explained(record.reason, record.payload)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "append_ms": _us(record) // 1_000,
        "reason": record.reason,
        "explanation": why.text,
        "hint": None if why.hint is None else why.hint._asdict(),
        **value,
        # The stored payload may be shorter than the record.
        "bytes": record.payload_bytes,
        "cut": cut,
        "category": record.category,
        "currency": record.currency,
        "cents": None if record.amount is None else str(int(record.amount.scaleb(2))),
        "lateness_ms": record.lateness_ms,
        "replays": record.replays,
    }


def _parsed(text: str) -> RowCursor:
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("before must be the `next` of an earlier response.")
    try:
        moment = EPOCH + timedelta(microseconds=int(match[1]))
    except OverflowError:
        raise invalid("before must be the `next` of an earlier response.") from None
    return RowCursor(moment, int(match[2]), int(match[3]))


def _us(record: QuarantinedRecord) -> int:
    return (record.append_time - EPOCH) // timedelta(microseconds=1)
