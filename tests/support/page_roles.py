"""Requests to the page's application, and the people of a page that has roles."""

from __future__ import annotations

from typing import Any

import httpx
from starlette.types import ASGIApp

from spaf.serve.web.roles import COOKIE, Roles

PORT = 8080
TOKEN = "the-right-token"  # noqa: S105 - it opens nothing
# The only address from which a name counts.
PROXY = "10.0.0.7"
HEADER = "X-Forwarded-User"
OPERATOR_NAME = "ana@example.com"
VIEWER_NAME = "rui@example.com"
# Of every answer.
HEADERS = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-resource-policy",
    "cross-origin-opener-policy",
    "cache-control",
)
PUBLIC = "https://sales.example/shop"
# Of each role, and of neither.
ROLE_TOKENS = {
    "viewer": "viewer-0123456789-0123456789",
    "operator": "operator-0123456789-0123456789",
    "stranger": "stranger-0123456789-0123456789",
}


def bearer(role: str) -> dict[str, str]:
    """Return the header with a token."""
    return {"authorization": f"Bearer {ROLE_TOKENS[role]}"}


def cookie(roles: Roles, role: str) -> dict[str, str]:
    """Return the header with the cookie that a login with this token has set."""
    accepted = roles.login(ROLE_TOKENS[role])
    assert accepted is not None
    return {"cookie": f"other=1; {COOKIE}={accepted[1]}"}


def named(name: str) -> dict[str, str]:
    """Return the header in which a proxy names a person."""
    return {HEADER: name}


def require_refusal(answer: httpx.Response, status: int) -> None:
    """Fail unless an answer has this status, one sentence, and the headers of every answer."""
    asked = f"{answer.request.method} {answer.request.url}"
    assert answer.status_code == status, asked
    if answer.request.method != "HEAD":
        assert list(answer.json()) == ["error", "code", "parameters"], asked
        assert answer.json()["error"].endswith("."), asked
    for name in HEADERS:
        assert name in answer.headers, (name, asked)
    assert not [name for name in answer.headers if name.startswith("access-control")], asked


async def send(
    site: ASGIApp, method: str, path: str, request: dict[str, Any], peer: str = "127.0.0.1"
) -> httpx.Response:
    """Send one request to an application, as from an address."""
    transport = httpx.ASGITransport(app=site, client=(peer, 50_000))
    base = f"http://127.0.0.1:{PORT}"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        return await client.request(method, path, **request)
