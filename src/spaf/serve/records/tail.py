"""`GET /api/kafka/tail`: new records of a topic as server-sent events, a few a second at most.

Only the records that are sent are fetched: a topic of 10,000 records a second costs no more than
one of ten.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from spaf import clock
from spaf.errors import MissingError, SpafError
from spaf.serve.records.kafka_view import TopicQuery, message
from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.event_stream import HEADERS, PADDING, is_forwarded
from spaf.serve.web.responses import RequestRefusedError
from spaf.topic.record_reader import TopicTail

router = APIRouter(prefix="/api/kafka/tail")

# Each keeps a connection to Kafka.
tails = ConcurrencyLimit(4, "live tails")
# Ten records a second.
MAX_PER_STEP = 5
STEP_S = 0.5
# A forgotten page must not keep its slot.
MAX_DURATION_S = 900.0


@router.get("")
async def tail(request: Request, topic: TopicQuery) -> Response:
    """Follow a topic until the client disconnects."""
    tails.acquire()
    try:
        opened = await asyncio.to_thread(TopicTail, request.app.state.run.kafka, topic)
    except MissingError as error:
        tails.release()
        raise RequestRefusedError.of(error, 404) from None
    except BaseException:
        tails.release()
        raise
    padding = PADDING if is_forwarded(request.scope) else b""
    return _TailResponse(opened, request.app.state.closing, padding)


class _TailResponse(StreamingResponse):
    """Closes the tail however the response ends, also if it was never sent."""

    def __init__(self, opened: TopicTail, closing: asyncio.Event, padding: bytes) -> None:
        super().__init__(_events(opened, closing, padding), headers=HEADERS)
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # In a thread that nothing waits for: this task may be cancelled.
            asyncio.get_running_loop().run_in_executor(None, _close, self._opened)


async def _events(
    opened: TopicTail, closing: asyncio.Event, padding: bytes = b""
) -> AsyncIterator[bytes]:
    """Yield an event for each step with new records, and a comment for the others.

    When the process ends, the response ends at once, and the browser reconnects by itself; a step
    that waits for the broker is abandoned.
    """
    ends = clock.monotonic() + MAX_DURATION_S
    closed = asyncio.create_task(closing.wait())
    try:
        while clock.monotonic() < ends:
            step = asyncio.create_task(_step(opened))
            try:
                await asyncio.wait((step, closed), return_when=asyncio.FIRST_COMPLETED)
                if closed.done():
                    return
                yield step.result() + padding
            finally:
                step.cancel()
            await asyncio.wait((closed,), timeout=STEP_S)
        yield b"event: end\ndata: {}\n\n"
    finally:
        closed.cancel()


async def _step(opened: TopicTail) -> bytes:
    try:
        records, skipped = await asyncio.to_thread(opened.step, MAX_PER_STEP)
    except SpafError as error:
        body = msgspec.json.encode({"error": error.what, "todo": error.todo, "code": error.code})
        return b"event: problem\ndata: %b\n\n" % body
    if not records and not skipped:
        return b": nothing new\n\n"
    body = msgspec.json.encode(
        {"messages": [message(record) for record in records], "skipped": skipped}
    )
    return b"event: messages\ndata: %b\n\n" % body


def _close(opened: TopicTail) -> None:
    try:
        opened.close()
    finally:
        tails.release()
