"""`/api/kafka`: what a Kafka UI is used for here. Reading only; every question is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from spaf.errors import MissingError
from spaf.serve.records.payload import IN_A_LIST, short, shown
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import RequestRefusedError, answer
from spaf.topic import cluster, record_reader
from spaf.topic.record_reader import ConsumedRecord

router = APIRouter(prefix="/api/kafka")

# Each opens a connection to Kafka, or asks it several times.
_looks = ConcurrencyLimit(4, "looks into Kafka")
# Of a key or a header no more is shown, bytes; and so many headers.
SHORT = 256
MOST_HEADERS = 32
MOST_MESSAGES = 100

# Kafka's own rule for the names of topics; groups may have any name.
Topic = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
TopicQuery = Annotated[str, Query(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Group = Annotated[str, Path(min_length=1, max_length=255)]
Number = Annotated[int | None, Query(ge=0, lt=2**31)]
Place = Annotated[int | None, Query(ge=0, lt=2**63)]
# Epoch milliseconds, to the year 9999.
Moment = Annotated[int | None, Query(ge=0, le=253_402_300_799_999)]
Count = Annotated[int, Query(ge=1, le=MOST_MESSAGES)]


@contextmanager
def asking() -> Iterator[None]:
    """Hold a place while Kafka is asked; what it does not have is a 404."""
    try:
        with _looks.one():
            yield
    except MissingError as error:
        raise RequestRefusedError(404, error.line) from None


@router.get("")
def overview(request: Request, contains: Annotated[str, Query(max_length=249)] = "") -> Response:
    """Return brokers, topics and groups; of the last two those whose name holds a text."""
    source = request.app.state.source
    with asking():
        found = cluster.overview(source.kafka, source.topic, source.group, contains)
    return answer(
        {
            "brokers": [one._asdict() for one in found.brokers],
            "topics": [one._asdict() for one in found.topics],
            "groups": [one._asdict() for one in found.groups],
            "topics_left_out": found.topics_left_out,
            "groups_left_out": found.groups_left_out,
        }
    )


@router.get("/topics/{name}")
def topic(request: Request, name: Topic) -> Response:
    """Return a topic's partitions and options."""
    with asking():
        partitions, options = cluster.describe_topic(request.app.state.source.kafka, name)
    return answer(
        {
            "name": name,
            "partitions": [one._asdict() for one in partitions],
            "config": [one._asdict() for one in options],
        }
    )


# A group may have any name, also one with slashes.
@router.get("/groups/{name:path}")
def group(request: Request, name: Group) -> Response:
    """Return a group's members, and how far it is in each partition."""
    source = request.app.state.source
    with asking():
        found = cluster.describe_group(source.kafka, name, source.topic)
    return answer(
        {
            "name": found.name,
            "state": found.state,
            "members": [one._asdict() for one in found.members],
            "partitions": [one._asdict() for one in found.partitions],
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
    last: Annotated[int | None, Query(ge=1, le=MOST_MESSAGES)] = None,
    limit: Count = 50,
) -> Response:
    """Return records from an offset, from a time, or the newest; oldest first."""
    if sum(one is not None for one in (offset, time_ms, last)) > 1:
        raise RequestRefusedError(400, "Name one of offset, time_ms and last, not several.")
    kafka = request.app.state.source.kafka
    with asking():
        held = record_reader.held_offsets(kafka, topic, partition)
        if offset is not None:
            if len(held) > 1:
                raise RequestRefusedError(
                    400, "partition: an offset needs one; the topic has several."
                )
            (number,) = held
            found = record_reader.from_offsets(kafka, topic, held, {number: offset}, limit)
        elif time_ms is not None:
            found = record_reader.from_time(kafka, topic, held, time_ms, limit)
        else:
            found = record_reader.newest(kafka, topic, held, last or limit)
    return answer(
        {
            "messages": [message(one) for one in found],
            # Of all partitions that were looked at together.
            "begin": sum(span.begin for span in held.values()),
            "end": sum(span.end for span in held.values()),
            "partitions": {str(part): span._asdict() for part, span in held.items()},
        }
    )


def message(seen: ConsumedRecord) -> dict[str, Any]:
    """Return one record of a list."""
    return {
        "partition": seen.partition,
        "offset": seen.offset,
        "append_ms": seen.append_ms,
        "key": short(seen.key, SHORT),
        "headers": [[name, short(value, SHORT)] for name, value in seen.headers[:MOST_HEADERS]],
        **shown(seen.value, IN_A_LIST)._asdict(),
    }
