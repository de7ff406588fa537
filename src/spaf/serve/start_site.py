"""The page from the first second of a run: the start stage by stage, then the whole page.

Until the run is up the process imports little and asks no service, because every processor is
needed by the start. Then it builds the whole page and hands every request over to it. The streams
end once; browsers connect again by themselves and get the snapshot of the whole page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from spaf import clock
from spaf.errors import SpafError, StackError
from spaf.serve.push.hub import Hub
from spaf.serve.push.stream import Stream
from spaf.serve.start_view import RUNNING, StartView
from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.error_handlers import add_error_handlers
from spaf.serve.web.page_routes import page_routes
from spaf.serve.web.roles import Roles
from spaf.serve.web.security import SecurityMiddleware

if TYPE_CHECKING:
    # Takes a third of a second of a processor: imported by `build` once the run is up.
    from spaf.serve.app import Site

log = logging.getLogger(__name__)

# Between two looks at the state of the run: a person sees no delay, and each takes microseconds.
POLL_S = 0.1
# A viewer gets the view this often even if nothing has changed: it takes silence for a fault.
REPEAT_S = 1.0
RETRY_S = 1.0
STARTING = "SPAF is starting; only the page itself and its stream answer before the job runs."
TODO = "Follow the start on the page or with `spaf status`."


class StartSite:
    """The application: of the start first, of the whole page from then on."""

    def __init__(
        self,
        view: Callable[[], StartView],
        build: Callable[[], Site],
        addresses: PageAddresses,
        token: str,
        roles: Roles | None = None,
    ) -> None:
        """Prepare the page of the start.

        Args:
            view: returns the present state of the start within microseconds.
            build: returns the whole page, once the run is up; called in a thread.
            addresses: at which the page is reached.
            token: that a request needs to change something.
            roles: who may do what; without them everyone may do everything.

        """
        self._view, self._build = view, build
        self._hub = Hub(f"start-{clock.now_ms():x}", self._message, kind="start")
        app = Starlette(
            routes=[
                *page_routes(addresses, token, live="starting", roles=roles),
                Route("/healthz", _not_yet),
                Route("/api/stream", Stream(self._hub), methods=["GET"]),
                Route("/api/{rest:path}", _not_yet, methods=["GET", "POST"]),
            ]
        )
        add_error_handlers(app)
        self._guarded = SecurityMiddleware(app, addresses, token, roles)
        self._site: Site | None = None
        self._up = asyncio.Event()
        self._closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the beginning and the end of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._site is not None:
            await self._site(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    def close(self) -> None:
        """End every stream, with the last state of the start in it."""
        if self._site is not None:
            self._site.close()
            return
        self._hub.publish("start", self._message())
        self._hub.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        publishing = asyncio.create_task(self._publish_start())
        completing = asyncio.create_task(self._complete())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._closing.set()
        publishing.cancel()
        if self._site is None:
            completing.cancel()
        await asyncio.gather(publishing, completing, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    def _message(self) -> dict[str, object]:
        return {"now_ms": clock.now_ms(), "start": self._view()}

    async def _publish_start(self) -> None:
        """Publish each change, and the same again each second, until the page is complete."""
        published: StartView | None = None
        at = 0.0
        while self._site is None:
            view = self._view()
            if view.phase == RUNNING:
                self._up.set()
            due = view != published or clock.monotonic() - at >= REPEAT_S
            if self._hub.viewers and due:
                self._hub.publish("start", self._message())
                published, at = view, clock.monotonic()
            await asyncio.sleep(POLL_S)

    async def _complete(self) -> None:
        """Build the whole page once the run is up, and let it answer until the process ends."""
        await self._up.wait()
        site = None
        while site is None:
            try:
                site = await asyncio.to_thread(self._build)
            except SpafError as error:
                log.warning("the page is not complete yet: %s", error)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("the page cannot be completed; retry in %.0f s", RETRY_S)
                await asyncio.sleep(RETRY_S)
        async with site.lifespan():
            self._site = site
            self._hub.close()
            await self._closing.wait()


async def _not_yet(_: Request) -> Response:
    raise StackError(STARTING, todo=TODO, code="starting")
