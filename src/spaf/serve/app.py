"""The live page's web application: routes, collectors, and what becomes of an error."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from spaf.serve import controls
from spaf.serve.monitor import detection_metrics, operations
from spaf.serve.push import paint_reports
from spaf.serve.push.hub import Hub
from spaf.serve.push.stream import Stream
from spaf.serve.records import kafka_view, quarantine_view, records, tail
from spaf.serve.run_info import RunInfo
from spaf.serve.sales.history import HistoryRoutes
from spaf.serve.web.error_handlers import tell_mistakes
from spaf.serve.web.responses import answer
from spaf.serve.web.security import SecurityMiddleware
from spaf.serve.web.static_files import StaticFiles
from spaf.serve.wiring import PageServices

log = logging.getLogger(__name__)

Collector = Callable[[RunInfo, Hub], Awaitable[None]]
Work = Callable[[], Awaitable[None]]

# What is published beside the sales; each follows its subject for as long as the process lives.
COLLECTORS: tuple[Collector, ...] = (operations.follow, detection_metrics.follow)
# Routes under /api beside those of this module.
ROUTERS: tuple[APIRouter, ...] = (
    records.router,
    quarantine_view.router,
    tail.router,
    kafka_view.router,
    controls.router,
    paint_reports.router,
)
# Nobody is answered before everything has been read, so that the first chart of a day is there at
# once; a database that is away must not keep the page away for longer, seconds.
LOAD_S = 10.0
# Before a collector with a defect is tried again, seconds.
PAUSE_AFTER_DEFECT_S = 5.0


class Site:
    """The application behind its guard, and a way to end what never ends by itself."""

    def __init__(
        self, app: FastAPI, guard: SecurityMiddleware, static: StaticFiles, hub: Hub
    ) -> None:
        """Keep the parts."""
        self.app = app
        self.static = static
        self._guard = guard
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._guard(scope, receive, send)

    def close(self) -> None:
        """End every stream, and every live tail."""
        self._hub.close()
        self.app.state.closing.set()


def build(source: RunInfo, port: int, token: str) -> Site:
    """Return the application for one run.

    Args:
        source: what it shows.
        port: at which it is reached; requests that name another are refused.
        token: what a request that changes something must hold.

    """
    live = PageServices(source)
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(live),
    )
    app.state.source = source
    app.state.hub = live.hub
    # What follows something for its browser ends with it.
    app.state.closing = asyncio.Event()
    static = StaticFiles(token)
    _add_own_routes(app, static, Stream(live.hub))
    history = HistoryRoutes(
        source.rules.default_currency, live.rollup, live.feed, live.asker, live.hub
    )
    for router in (history.router(), *ROUTERS):
        app.include_router(router)
    tell_mistakes(app)
    return Site(app, SecurityMiddleware(app, port, token), static, live.hub)


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
    live: PageServices,
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    reader = live.reader
    own: list[Work] = [reader.follow, reader.tick, reader.settle, live.feed.publish]
    others: list[Work] = [functools.partial(follow, live.source, live.hub) for follow in COLLECTORS]

    @contextlib.asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_kept(work)) for work in (*own, *others)]
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


async def _kept(work: Work) -> None:
    """Keep a part going: a defect of one must not take the page away."""
    while True:
        try:
            await work()
        except Exception:
            log.exception(
                "A part of the page failed; it is tried again in %.0f s", PAUSE_AFTER_DEFECT_S
            )
        await asyncio.sleep(PAUSE_AFTER_DEFECT_S)
