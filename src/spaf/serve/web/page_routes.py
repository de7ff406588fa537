"""The routes of the page itself: index.html, its files, and the login of a page with roles."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.login_routes import login_routes
from spaf.serve.web.roles import Roles, user_of
from spaf.serve.web.security import CHALLENGE
from spaf.serve.web.static_files import LOGIN_PAGE, PAGE, PageFiles, page_html, with_user


def page_routes(
    addresses: PageAddresses, token: str, live: str = "connecting", roles: Roles | None = None
) -> list[BaseRoute]:
    """Return the routes.

    Args:
        addresses: at which the page is reached.
        token: that a request needs to change something.
        live: what the page shows before the first event: `connecting`, or `starting`.
        roles: who may do what; without them everyone may do everything.

    """
    # By whether the request names the proxy. The second is not relative: a proxy may serve the page
    # at its prefix without the last slash.
    roots = {False: "", True: f"{addresses.prefix}/"}
    pages = {public: page_html(PAGE, token, root, live=live) for public, root in roots.items()}
    logins: dict[bool, bytes] = {}
    if roles is not None:
        way = "token" if roles.have_tokens else "proxy"
        logins = {at: page_html(LOGIN_PAGE, "", root, way=way) for at, root in roots.items()}

    async def page(request: Request) -> Response:
        is_public = addresses.is_public(request.headers.get("host", "").encode())
        user = user_of(request.scope)
        if logins and user is None:
            return HTMLResponse(logins[is_public], 401, headers=CHALLENGE)
        return HTMLResponse(with_user(pages[is_public], user))

    login = [] if roles is None else login_routes(addresses, roles)
    return [Route("/", page), Mount("/static", PageFiles()), *login]
