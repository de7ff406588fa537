"""Every route that there is: who may ask. Parameters: `tests/integration/serve/test_fuzz.py`."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from starlette.routing import Route

from spaf.serve.app import Site

Ask = Callable[..., httpx.Response]

METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY")
READ_ONLY = ("GET", "HEAD")
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


def paths(site: Site) -> list[str]:
    """Return the path of every route: those of the schema, and the plain ones."""
    plain = {route.path for route in site.app.routes if isinstance(route, Route)}
    found = plain | set(site.app.openapi()["paths"])
    return sorted(re.sub(r"[{}]", "", path) for path in found)


def test_no_route_answers_a_stranger(site: Site, ask: Ask, right: dict[str, str]) -> None:
    """By any method, with the token: a foreign host, origin or site is refused before the route."""
    found = paths(site)
    assert len(found) >= MIN_ROUTES
    wrong = []
    for path in found:
        for method in METHODS:
            for who, (changed, expected) in FOREIGN.items():
                answer = ask(method, path, {**right, **changed})
                if answer.status_code != expected:
                    wrong.append((method, path, who, answer.status_code))
    assert wrong == []


def test_no_route_changes_anything_without_the_token(
    site: Site, ask: Ask, right: dict[str, str]
) -> None:
    """A POST needs token and JSON; methods that browsers send for other reasons are refused."""
    wrong = []
    for path in paths(site):
        bare = {name: value for name, value in right.items() if name != "x-spaf-token"}
        refused = [
            ("POST", bare, 403),
            ("POST", {**right, "x-spaf-token": "another"}, 403),
            ("POST", {**right, "content-type": "text/plain"}, 415),
            *((method, right, 405) for method in METHODS if method not in {*READ_ONLY, "POST"}),
        ]
        for method, headers, expected in refused:
            answer = ask(method, path, headers)
            if answer.status_code != expected:
                wrong.append((method, path, answer.status_code))
    assert wrong == []
