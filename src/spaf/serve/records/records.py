"""`GET /api/record`: one record as it lies in Kafka, and what the contract says of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from spaf.errors import MissingError
from spaf.quarantine.explain import LATE
from spaf.quarantine.reason_messages import sentence
from spaf.sale import Late, Outcome, Rules, Sale, decode
from spaf.serve.records.payload import ALONE, shown
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import RequestRefusedError, answer
from spaf.topic import record_reader
from spaf.topic.record_reader import ConsumedRecord

router = APIRouter(prefix="/api/record")

# Each opens a connection to Kafka.
_looks = ConcurrencyLimit(4, "looks at a record")

Partition = Annotated[int, Query(ge=0, lt=2**31)]
Offset = Annotated[int, Query(ge=0, lt=2**63)]


@router.get("")
def record(request: Request, partition: Partition, offset: Offset) -> Response:
    """Return one record of the topic of the sales."""
    source = request.app.state.source
    try:
        with _looks.one():
            seen = record_reader.record_at(source.kafka, source.topic, partition, offset)
    except MissingError as error:
        raise RequestRefusedError(404, error.line) from None
    return answer(told(seen, source.rules))


def told(seen: ConsumedRecord, rules: Rules) -> dict[str, Any]:
    """Return the record, its bytes, and every outcome: several if it is an array of sales."""
    value = shown(seen.value, ALONE)
    outcomes = decode(seen.value, seen.append_ms, rules)
    return {
        "partition": seen.partition,
        "offset": seen.offset,
        "append_ms": seen.append_ms,
        **value._asdict(),
        "outcomes": [_outcome(one, seen) for one in outcomes],
    }


def _outcome(outcome: Outcome, seen: ConsumedRecord) -> dict[str, Any]:
    if isinstance(outcome, Sale):
        return {"outcome": "accepted", **_sale(outcome)}
    if isinstance(outcome, Late):
        late = {
            "outcome": LATE,
            "explanation": sentence(LATE, seen.value),
            "lateness_ms": seen.append_ms - outcome.sale.event_ms,
        }
        return late | _sale(outcome.sale)
    explanation = sentence(outcome, seen.value)
    return {"outcome": "rejected", "reason": str(outcome), "explanation": explanation}


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
