"""`POST /api/login`, `POST /api/logout` and `GET /api/me`: the routes of a page that has roles.

The token of a role comes in a body, never in an address, which programs write down. A link may have
it behind `#`, which no browser sends; the login page posts it.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.request_body import decoded
from spaf.serve.web.responses import RequestRefusedError, json_response
from spaf.serve.web.roles import COOKIE, PageUser, Roles, user_of
from spaf.serve.web.security import LOGIN_PATH, LOGOUT_PATH


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """The token of a role."""

    token: str


def login_routes(addresses: PageAddresses, roles: Roles) -> list[BaseRoute]:
    """Return the routes.

    Args:
        addresses: at which the page is reached.
        roles: that it has.

    """

    async def log_in(request: Request) -> Response:
        token = decoded(await request.body(), Login, '{"token": ...}').token
        accepted = roles.login(token.strip())
        if accepted is None:
            raise RequestRefusedError(403, "This is the token of neither role.", code="wrong_token")
        user, session = accepted
        response = json_response(_described(user))
        # Until the browser closes: it has no date.
        response.headers["set-cookie"] = f"{COOKIE}={session}; {_attributes(request, addresses)}"
        return response

    async def log_out(request: Request) -> Response:
        response = json_response({"ok": True})
        attributes = _attributes(request, addresses)
        response.headers["set-cookie"] = f"{COOKIE}=; Max-Age=0; {attributes}"
        return response

    return [
        Route(LOGIN_PATH, log_in, methods=["POST"]),
        Route(LOGOUT_PATH, log_out, methods=["POST"]),
        Route("/api/me", _me, methods=["GET"]),
    ]


async def _me(request: Request) -> Response:
    user = user_of(request.scope)
    return json_response(None if user is None else _described(user))


def _described(user: PageUser) -> dict[str, str]:
    return {"role": user.role.label, "name": user.name}


def _attributes(request: Request, addresses: PageAddresses) -> str:
    """Return the attributes of the cookie: for the address at which the browser sees the page."""
    origin = request.headers.get("origin", "")
    path = f"{addresses.prefix}/" if addresses.is_public_origin(origin.encode()) else "/"
    secure = "; Secure" if origin.startswith("https://") else ""
    return f"Path={path}; HttpOnly; SameSite=Strict{secure}"
