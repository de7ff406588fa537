"""The routes of the page itself: index.html and the files that it names."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.static_files import PageFiles, page_html


def page_routes(addresses: PageAddresses, token: str, live: str = "connecting") -> list[BaseRoute]:
    """Return the routes.

    Args:
        addresses: at which the page is reached.
        token: that a request needs to change something.
        live: what the page shows before the first event: `connecting`, or `starting`.

    """
    html = page_html(token, live=live)
    # Not relative: a proxy may serve the page at its prefix without the last slash.
    public_html = page_html(token, f"{addresses.prefix}/", live=live)

    async def page(request: Request) -> Response:
        host = request.headers.get("host", "").encode()
        return HTMLResponse(public_html if addresses.is_public(host) else html)

    return [Route("/", page), Mount("/static", PageFiles())]
