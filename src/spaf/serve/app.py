"""The live page's web application: routes, collectors, and what becomes of an error."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from spaf.errors import SpafError
from spaf.serve import (
    controls,
    kafka_view,
    operations,
    quarantine_view,
    records,
    score,
    tail,
)
from spaf.serve.answers import RefusedError, answer
from spaf.serve.guard import Guard
from spaf.serve.history import History
from spaf.serve.hub import Hub
from spaf.serve.live import Live
from spaf.serve.source import Source
from spaf.serve.static_files import StaticFiles
from spaf.serve.stream import Stream

Collector = Callable[[Source, Hub], Awaitable[None]]
Work = Callable[[], Awaitable[None]]

# What is published beside the sales; each follows its subject for as long as the process lives.
COLLECTORS: tuple[Collector, ...] = (operations.follow, score.follow)
# Routes under /api beside those of this module.
ROUTERS: tuple[APIRouter, ...] = (
    records.router,
    quarantine_view.router,
    tail.router,
    kafka_view.router,
    controls.router,
)


def build(source: Source, port: int, token: str, log: Callable[[str], None]) -> ASGIApp:
    """Return the application for one run.

    Args:
        source: what it shows.
        port: at which it is reached; requests that name another are refused.
        token: what a request that changes something must hold.
        log: takes a line.

    """
    live = Live(source, log)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan(live, log))
    app.state.source = source
    app.state.hub = live.hub
    _add_own_routes(app, StaticFiles(token), Stream(live.hub))
    history = History(source.rules.default_currency, live.rollup, live.feed, live.asker, live.hub)
    for router in (history.router(), *ROUTERS):
        app.include_router(router)
    _add_errors(app)
    return Guard(app, port, token, log)


def _add_own_routes(app: FastAPI, static: StaticFiles, stream: Stream) -> None:
    async def page(request: Request) -> Response:
        return static.page(request)

    async def file(request: Request) -> Response:
        return static.named(request, request.path_params["name"])

    async def healthy(_: Request) -> Response:
        return answer({"ok": True})

    app.router.routes += [
        Route("/", page),
        Route("/static/{name:path}", file),
        Route("/healthz", healthy),
        Route("/api/stream", stream, methods=["GET"]),
    ]


def _lifespan(
    live: Live, log: Callable[[str], None]
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    reader = live.reader
    own: list[Work] = [reader.follow, reader.tick, reader.settle, live.feed.publish]
    others: list[Work] = [functools.partial(follow, live.source, live.hub) for follow in COLLECTORS]

    @contextlib.asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_kept(work, log)) for work in (*own, *others)]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.loaded.wait(), LOAD_S)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await live.close()

    return running


# Nobody is answered before everything has been read, so that the first chart of a day is there at
# once; a database that is away must not keep the page away for longer, seconds.
LOAD_S = 10.0
# What Starlette says in two words.
SENTENCES = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "This address is not asked that way.",
}
# Before a collector with a defect is tried again, seconds.
PAUSE_AFTER_DEFECT_S = 5.0


async def _kept(work: Work, log: Callable[[str], None]) -> None:
    """Keep a part going: a defect of one must not take the page away."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - told, and tried again
            log(traceback.format_exc())
        await asyncio.sleep(PAUSE_AFTER_DEFECT_S)


def _add_errors(app: FastAPI) -> None:
    """Have every error answered by a sentence in JSON."""

    @app.exception_handler(SpafError)
    async def neighbour(_: Request, error: SpafError) -> Response:
        return answer({"error": error.what, "todo": error.todo}, 503)

    @app.exception_handler(RequestValidationError)
    async def parameter(_: Request, error: RequestValidationError) -> Response:
        return answer({"error": _told(error)}, 400)

    @app.exception_handler(HTTPException)
    async def known(_: Request, error: HTTPException) -> Response:
        sentence = SENTENCES.get(str(error.detail), str(error.detail))
        return answer({"error": sentence}, error.status_code)

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        return answer({"error": error.sentence}, error.status)


def _told(error: RequestValidationError) -> str:
    """Return one sentence: which parameter, and what is allowed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return f"{name}: {first['msg'].removeprefix('Value error, ')}."
