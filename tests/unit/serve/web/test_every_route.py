"""Every route that there is: who may ask. Parameters: `tests/integration/serve/test_fuzz.py`."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

import httpx
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from spaf.serve.app import Site
from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.roles import COOKIE, Roles
from spaf.serve.web.security import SecurityMiddleware
from tests.support.page_roles import (
    OPERATOR_NAME,
    PORT,
    PROXY,
    ROLE_TOKENS,
    TOKEN,
    VIEWER_NAME,
    bearer,
    cookie,
    named,
    require_refusal,
    send,
)

Ask = Callable[..., httpx.Response]

KNOWN_METHODS = ("GET", "HEAD", "POST")
OTHER_METHODS = ("OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY", "PROPFIND")
# Requests that must be refused whatever the route is: changed headers, and the status.
FOREIGN: dict[str, tuple[dict[str, str], int]] = {
    "a name that points here": ({"host": "evil.example"}, 421),
    "another page's origin": ({"origin": "http://evil.example"}, 403),
    "a page without an origin": ({"origin": "null"}, 403),
    "another port of this machine": ({"origin": "http://127.0.0.1:8081"}, 403),
    "a page of another site": ({"sec-fetch-site": "cross-site"}, 403),
    "a page of the same site": ({"sec-fetch-site": "same-site"}, 403),
}
# The least that a route list without a fault has; an empty matrix would prove nothing.
MIN_ROUTES = 15
# Addresses without a route: the answer must not show which is which.
NO_ROUTES = ("/nowhere", "/static/none.js")


def paths(site: Site) -> list[str]:
    """Return the path of every route: those of the schema, and the plain ones; then NO_ROUTES."""
    plain = {route.path for route in site.app.routes if isinstance(route, Route)}
    routes = plain | set(site.app.openapi()["paths"])
    assert len(routes) >= MIN_ROUTES
    return [*sorted(re.sub(r"[{}]", "", path) for path in routes), *NO_ROUTES]


def test_no_route_answers_a_stranger(site: Site, ask: Ask, right: dict[str, str]) -> None:
    """By any method, with the token: a foreign host, origin or site is refused before the route."""
    for path, method in itertools.product(paths(site), KNOWN_METHODS + OTHER_METHODS):
        for changed, expected in FOREIGN.values():
            require_refusal(ask(method, path, {**right, **changed}), expected)


def test_no_route_changes_anything_without_the_token(
    site: Site, ask: Ask, right: dict[str, str]
) -> None:
    """A POST needs token and JSON; methods that browsers send for other reasons are refused."""
    for path in paths(site):
        bare = {name: value for name, value in right.items() if name != "x-spaf-token"}
        refused = [
            ("POST", bare, 403),
            ("POST", {**right, "x-spaf-token": "another"}, 403),
            ("POST", {**right, "content-type": "text/plain"}, 415),
            *((method, right, 405) for method in OTHER_METHODS),
        ]
        for method, headers, expected in refused:
            require_refusal(ask(method, path, headers), expected)


class Person(NamedTuple):
    """Headers of the requests of a person, and the statuses of a GET and of a POST."""

    headers: dict[str, str]
    get: int
    post: int
    peer: str = "127.0.0.1"


def people(roles: Roles) -> dict[str, Person]:
    """Return the people who may ask, by each way."""
    ana, rui = named(OPERATOR_NAME), named(VIEWER_NAME)
    return {
        "no name": Person({}, 401, 401),
        "a token of neither role": Person(bearer("stranger"), 401, 401),
        "the token in another scheme": Person(
            {"authorization": f"Basic {ROLE_TOKENS['operator']}"}, 401, 401
        ),
        "the token as the cookie": Person(
            {"cookie": f"{COOKIE}={ROLE_TOKENS['operator']}"}, 401, 401
        ),
        "the name of an operator, from this machine": Person(ana, 401, 401),
        "the same, from a neighbour of the proxy": Person(ana, 401, 401, "10.0.0.8"),
        "the name in another spelling": Person(named(OPERATOR_NAME.upper()), 200, 403, PROXY),
        "two names in one": Person(named(f"{VIEWER_NAME}, {OPERATOR_NAME}"), 200, 403, PROXY),
        "an empty name from the proxy": Person(named(""), 401, 401, PROXY),
        "a viewer by token": Person(bearer("viewer"), 200, 403),
        "a viewer by cookie": Person(cookie(roles, "viewer"), 200, 403),
        "a viewer by name": Person(rui, 200, 403, PROXY),
        "a viewer with the cookie of an operator": Person(
            rui | cookie(roles, "operator"), 200, 403, PROXY
        ),
        "an operator by token": Person(bearer("operator"), 200, 200),
        "an operator by cookie": Person(cookie(roles, "operator"), 200, 200),
        "an operator by name": Person(ana, 200, 200, PROXY),
        "the same over IPv6": Person(ana, 200, 200, "fd00::7"),
        "the same over IPv6 that carries IPv4": Person(ana, 200, 200, f"::ffff:{PROXY}"),
    }


# What everyone may get, and send: the login page, its files, the health.
OPEN = {
    *(("GET", path) for path in ("/", "/healthz", "/static/none.js")),
    *(("POST", path) for path in ("/api/login", "/api/logout")),
}


def test_every_route_asks_for_the_role(
    site_with_roles: Site, roles: Roles, right: dict[str, str]
) -> None:
    """An unknown person gets nothing, a viewer changes nothing, an operator may do all.

    The application after the guard answers everything: what is refused is the guard's.
    """
    routes = [*paths(site_with_roles), "/api/of/tomorrow"]
    assert {"/api/load", "/api/inject", "/api/measure", "/api/login", "/api/me"} <= set(routes)
    guarded = SecurityMiddleware(PlainTextResponse("yes"), PageAddresses(PORT), TOKEN, roles)

    async def wrong() -> list[tuple[str, str, str, int]]:
        answers = []
        for who, person in people(roles).items():
            for path, method in itertools.product(routes, KNOWN_METHODS):
                request = {"headers": {**right, **person.headers}}
                answer = await send(guarded, method, path, request, person.peer)
                kind = "POST" if method == "POST" else "GET"
                expected = person.post if kind == "POST" else person.get
                if answer.status_code != (200 if (kind, path) in OPEN else expected):
                    answers.append((who, method, path, answer.status_code))
        return answers

    assert asyncio.run(wrong()) == []
