"""`GET /api/kafka/tail`: what comes to a topic, as it comes; a few records a second, however many.

Only what is shown is fetched: a topic of 10,000 records a second costs no more than one of ten.
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
from spaf.serve.web.responses import RequestRefusedError
from spaf.topic.record_reader import TopicTail

router = APIRouter(prefix="/api/kafka/tail")

# Each keeps a connection to Kafka.
tails = ConcurrencyLimit(4, "live tails")
# At each step, and between two steps: ten a second.
MOST_AT_ONCE = 5
STEP_S = 0.5
# Somebody who has forgotten the page must not keep a place, seconds.
LONGEST_S = 900.0


@router.get("")
async def tail(request: Request, topic: TopicQuery) -> Response:
    """Follow a topic until the browser goes."""
    tails.take()
    try:
        opened = await asyncio.to_thread(TopicTail, request.app.state.source.kafka, topic)
    except MissingError as error:
        tails.give_back()
        raise RequestRefusedError(404, error.line) from None
    except BaseException:
        tails.give_back()
        raise
    return _Tailing(opened, request.app.state.closing)


class _Tailing(StreamingResponse):
    """Closes the tail however the answer ends, also one that was never begun."""

    def __init__(self, opened: TopicTail, closing: asyncio.Event) -> None:
        super().__init__(_events(opened, closing), media_type="text/event-stream")
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # In a thread, and not waited for: it asks the broker, and we may be cancelled already.
            asyncio.get_running_loop().run_in_executor(None, _close, self._opened)


async def _events(opened: TopicTail, closing: asyncio.Event) -> AsyncIterator[bytes]:
    """Yield an event for each step in which something came, and a comment for the others.

    When the page is closing, the answer ends at once, in good order: the browser comes back by
    itself. A step that waits for the broker then is not waited for.
    """
    ends = clock.monotonic() + LONGEST_S
    closed = asyncio.create_task(closing.wait())
    try:
        while clock.monotonic() < ends:
            step = asyncio.create_task(_step(opened))
            try:
                await asyncio.wait((step, closed), return_when=asyncio.FIRST_COMPLETED)
                if closed.done():
                    return
                yield step.result()
            finally:
                step.cancel()
            await asyncio.wait((closed,), timeout=STEP_S)
        yield b"event: end\ndata: {}\n\n"
    finally:
        closed.cancel()


async def _step(opened: TopicTail) -> bytes:
    try:
        found, skipped = await asyncio.to_thread(opened.step, MOST_AT_ONCE)
    except SpafError as error:
        body = msgspec.json.encode({"error": error.what, "todo": error.todo})
        return b"event: problem\ndata: %b\n\n" % body
    if not found and not skipped:
        return b": nothing new\n\n"
    body = msgspec.json.encode({"messages": [message(one) for one in found], "skipped": skipped})
    return b"event: messages\ndata: %b\n\n" % body


def _close(opened: TopicTail) -> None:
    try:
        opened.close()
    finally:
        tails.give_back()
