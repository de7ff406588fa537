"""`/api/kafka`: topics, groups and messages; read-only, and every request is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from spaf.errors import MissingError
from spaf.serve.records.payload import MAX_LENGTH_IN_LIST, envelope, render
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import RequestRefusedError, json_response
from spaf.topic import cluster, record_reader
from spaf.topic.record_reader import ConsumedRecord

router = APIRouter(prefix="/api/kafka")

# Each opens a connection to Kafka, or sends it several requests.
_requests = ConcurrencyLimit(4, "requests to Kafka")
MAX_MESSAGES = 100

# Kafka's own rule for the names of topics; groups may have any name.
Topic = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
TopicQuery = Annotated[str, Query(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Group = Annotated[str, Path(min_length=1, max_length=255)]
Number = Annotated[int | None, Query(ge=0, lt=2**31)]
Place = Annotated[int | None, Query(ge=0, lt=2**63)]
# Epoch milliseconds, to the year 9999.
Moment = Annotated[int | None, Query(ge=0, le=253_402_300_799_999)]
Count = Annotated[int, Query(ge=1, le=MAX_MESSAGES)]


@contextmanager
def kafka_request() -> Iterator[None]:
    """Hold a slot during requests to Kafka; what Kafka does not have becomes a 404."""
    try:
        with _requests.slot():
            yield
    except MissingError as error:
        raise RequestRefusedError.of(error, 404) from None


@router.get("")
def overview(request: Request, contains: Annotated[str, Query(max_length=249)] = "") -> Response:
    """Return brokers, topics and groups; of the last two those whose name contains a text."""
    run = request.app.state.run
    with kafka_request():
        group = run.job().group or run.group
        overview = cluster.overview(run.kafka, run.topic, group, contains)
    return json_response(
        {
            "brokers": [row._asdict() for row in overview.brokers],
            "topics": [row._asdict() for row in overview.topics],
            "groups": [row._asdict() for row in overview.groups],
            "topics_left_out": overview.topics_left_out,
            "groups_left_out": overview.groups_left_out,
        }
    )


@router.get("/topics/{name}")
def topic(request: Request, name: Topic) -> Response:
    """Return a topic's partitions and options."""
    with kafka_request():
        partitions, options = cluster.describe_topic(request.app.state.run.kafka, name)
    return json_response(
        {
            "name": name,
            "partitions": [row._asdict() for row in partitions],
            "config": [row._asdict() for row in options],
        }
    )


# A group may have any name, also one with slashes.
@router.get("/groups/{name:path}")
def group(request: Request, name: Group) -> Response:
    """Return a group's members, and how far it is in each partition."""
    run = request.app.state.run
    with kafka_request():
        described = cluster.describe_group(run.kafka, name, run.topic)
    return json_response(
        {
            "name": described.name,
            "state": described.state,
            "members": [row._asdict() for row in described.members],
            "partitions": [row._asdict() for row in described.partitions],
        }
    )


@router.get("/messages")
def messages(  # noqa: PLR0913 - one for each parameter of the address
    request: Request,
    *,
    topic: TopicQuery,
    partition: Number = None,
    offset: Place = None,
    time_ms: Moment = None,
    last: Annotated[int | None, Query(ge=1, le=MAX_MESSAGES)] = None,
    limit: Count = 50,
) -> Response:
    """Return records from an offset, from a time, or the newest; oldest first."""
    if sum(position is not None for position in (offset, time_ms, last)) > 1:
        raise RequestRefusedError(
            400, "Name one of offset, time_ms and last, not several.", code="invalid"
        )
    kafka = request.app.state.run.kafka
    with kafka_request():
        held = record_reader.held_offsets(kafka, topic, partition)
        if offset is not None:
            if len(held) > 1:
                raise RequestRefusedError(
                    400,
                    "partition: an offset needs one; the topic has several.",
                    code="partition_required",
                )
            (number,) = held
            slice_ = record_reader.from_offsets(kafka, topic, held, {number: offset}, limit)
        elif time_ms is not None:
            slice_ = record_reader.from_time(kafka, topic, held, time_ms, limit)
        else:
            slice_ = record_reader.newest(kafka, topic, held, last or limit)
    return json_response(
        {
            "messages": [message(record) for record in slice_],
            # Of all partitions of the response together.
            "begin": sum(span.begin for span in held.values()),
            "end": sum(span.end for span in held.values()),
            "partitions": {str(part): span._asdict() for part, span in held.items()},
        }
    )


def message(record: ConsumedRecord) -> dict[str, Any]:
    """Return one record of a list as it is sent."""
    return {
        "partition": record.partition,
        "offset": record.offset,
        "append_ms": record.append_ms,
        **envelope(record),
        **render(record.value, MAX_LENGTH_IN_LIST)._asdict(),
    }
