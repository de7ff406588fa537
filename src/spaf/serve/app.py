"""The web application of the live page: routes, background tasks, middleware."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from spaf.serve import controls, measure
from spaf.serve.monitor import detection_metrics, operations
from spaf.serve.push import paint_reports
from spaf.serve.push.hub import Hub
from spaf.serve.push.stream import Stream
from spaf.serve.records import kafka_view, quarantine_view, records, tail
from spaf.serve.run_info import RunInfo
from spaf.serve.sales.history import HistoryRoutes
from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.error_handlers import add_error_handlers
from spaf.serve.web.page_routes import page_routes
from spaf.serve.web.parameter_errors import add_parameter_errors
from spaf.serve.web.responses import json_response
from spaf.serve.web.roles import Roles
from spaf.serve.web.security import SecurityMiddleware
from spaf.serve.wiring import PageServices

log = logging.getLogger(__name__)

Publisher = Callable[[RunInfo, Hub], Awaitable[None]]
Task = Callable[[], Awaitable[None]]

# What is published besides the sales; each runs for as long as the process does.
PUBLISHERS: tuple[Publisher, ...] = (operations.follow, detection_metrics.follow, measure.follow)
# Routes under /api besides those of this module.
ROUTERS: tuple[APIRouter, ...] = (
    records.router,
    quarantine_view.router,
    tail.router,
    kafka_view.router,
    controls.router,
    measure.router,
    paint_reports.router,
)
# Requests wait until the tables have been read, so that the first chart of a day is complete; if
# PostgreSQL is unreachable, they wait no longer than this.
MAX_LOAD_S = 10.0
RETRY_AFTER_DEFECT_S = 5.0
# Beyond level 5 the page gets less than 1 % smaller. Larger bodies are compressed in a thread, so
# that the event loop is not held up. The stream of events is never compressed: see Starlette.
COMPRESSION_LEVEL = 5
COMPRESS_IN_THREAD_BYTES = 16 * 2**10


class Site:
    """The application behind the security middleware, and a way to end its endless responses."""

    def __init__(self, app: FastAPI, guarded: SecurityMiddleware, hub: Hub) -> None:
        """Keep the parts."""
        self.app = app
        self._guarded = guarded
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        await self._guarded(scope, receive, send)

    def lifespan(self) -> contextlib.AbstractAsyncContextManager[Any]:
        """Run the background tasks for a block; uvicorn does so by itself for a whole site."""
        return self.app.router.lifespan_context(self.app)

    def close(self) -> None:
        """End every stream and every live tail."""
        self._hub.close()
        self.app.state.closing.set()


def build(
    run: RunInfo,
    port: int,
    token: str,
    public_url: str | None = None,
    roles: Roles | None = None,
) -> Site:
    """Return the application for one run.

    Args:
        run: what it shows.
        port: at which it listens.
        token: what a request that changes something must carry.
        public_url: where a proxy publishes it; requests to other names are refused.
        roles: who may do what; without them everyone may do everything.

    """
    services = PageServices(run)
    addresses = PageAddresses(port, public_url)
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(services),
    )
    app.state.run = run
    app.state.hub = services.hub
    # Set when the process ends: live tails end with it.
    app.state.closing = asyncio.Event()
    app.router.routes += [
        *page_routes(addresses, token, roles=roles),
        Route("/healthz", _healthy),
        Route("/api/stream", Stream(services.hub), methods=["GET"]),
    ]
    history = HistoryRoutes(
        run.rules.default_currency, services.rollup, services.feed, services.queries, services.hub
    )
    for router in (history.router(), *ROUTERS):
        app.include_router(router)
    add_error_handlers(app)
    add_parameter_errors(app)
    app.add_middleware(
        GZipMiddleware,
        compresslevel=COMPRESSION_LEVEL,
        thread_minimum_size=COMPRESS_IN_THREAD_BYTES,
    )
    return Site(app, SecurityMiddleware(app, addresses, token, roles), services.hub)


async def _healthy(_: Request) -> Response:
    return json_response({"ok": True})


def _lifespan(
    services: PageServices,
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    reader = services.reader
    publishers = (functools.partial(follow, services.run, services.hub) for follow in PUBLISHERS)
    running: list[Task] = [
        *(reader.follow, reader.tick, reader.reread),
        *(services.feed.publish, services.follow_thresholds),
    ]
    running += publishers

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_keep_running(task)) for task in running]
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.loaded.wait(), MAX_LOAD_S)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(services.run.sweep.close)
            await services.close()

    return lifespan


async def _keep_running(task: Task) -> None:
    """Run a task again after a defect, which must not end the page."""
    while True:
        try:
            await task()
        except Exception:
            log.exception("A part of the page failed; retry in %.0f s", RETRY_AFTER_DEFECT_S)
        await asyncio.sleep(RETRY_AFTER_DEFECT_S)
