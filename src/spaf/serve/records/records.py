"""`GET /api/record`: one record of the topic, and its outcome by the contract."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from spaf.errors import MissingError
from spaf.quarantine.explain import LATE
from spaf.quarantine.reason_messages import explained
from spaf.sale import Late, Outcome, Rules, Sale, decode
from spaf.serve.records.payload import MAX_LENGTH, envelope, render
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import RequestRefusedError, json_response
from spaf.topic import record_reader
from spaf.topic.record_reader import ConsumedRecord

router = APIRouter(prefix="/api/record")

# Each opens a connection to Kafka.
_requests = ConcurrencyLimit(4, "requests for a record")

Partition = Annotated[int, Query(ge=0, lt=2**31)]
Offset = Annotated[int, Query(ge=0, lt=2**63)]


@router.get("")
def record(request: Request, partition: Partition, offset: Offset) -> Response:
    """Return one record of the topic of the sales."""
    run = request.app.state.run
    try:
        with _requests.slot():
            consumed = record_reader.record_at(run.kafka, run.topic, partition, offset)
    except MissingError as error:
        raise RequestRefusedError.of(error, 404) from None
    return json_response(_described(consumed, run.rules))


def _described(record: ConsumedRecord, rules: Rules) -> dict[str, Any]:
    """Return the record as it is sent, with every outcome: several if it is an array of sales."""
    value = render(record.value, MAX_LENGTH)
    outcomes = decode(record.value, record.append_ms, rules)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "append_ms": record.append_ms,
        **envelope(record),
        **value._asdict(),
        "outcomes": [_outcome(outcome, record) for outcome in outcomes],
    }


def _outcome(outcome: Outcome, record: ConsumedRecord) -> dict[str, Any]:
    if isinstance(outcome, Sale):
        return {"outcome": "accepted", **_sale(outcome)}
    reason = LATE if isinstance(outcome, Late) else str(outcome)
    why = explained(reason, record.value)
    common = {
        "explanation": why.text,
        "hint": None if why.hint is None else why.hint._asdict(),
    }
    if isinstance(outcome, Late):
        lateness = {"lateness_ms": record.append_ms - outcome.sale.event_ms}
        return {"outcome": LATE, **common, **lateness, **_sale(outcome.sale)}
    return {"outcome": "rejected", "reason": reason, **common}


def _sale(sale: Sale) -> dict[str, Any]:
    return {
        "category": sale.category,
        "currency": sale.currency,
        "unit_cents": str(sale.unit_cents),
        "quantity": sale.quantity,
        "cents": str(sale.cents),
        "event_ms": sale.event_ms,
        "product_id": sale.product_id,
        "transaction_id": sale.transaction_id,
        "intended_us": sale.intended_us,
        "sent_us": sale.sent_us,
    }
