"""What every request must pass before anything else of the page sees it.

The page is for the person at this machine. A server on loopback is still reachable by every page
that this person's browser has open, and by names that somebody else points at 127.0.0.1; so each
request must name us as its host, come from our own page, and prove that it does before it may
change anything. Methods are refused unless they are known to be harmless.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spaf.serve.web.rate_limit import TokenBucket
from spaf.serve.web.responses import DEFECT, RequestRefusedError, refuse

SAFE = ("GET", "HEAD")
TOKEN_HEADER = b"x-spaf-token"
# A page that is older than the run folder holds another.
OLD_PAGE = "Reload the page: its token, the header x-spaf-token, is not that of this run."
LONGEST_TARGET = 2_048
MOST_BODY = 64 * 2**10
# Reports of what was painted are long; nothing else is.
MOST_BODY_OF = {"/api/painted": 2**20}
# For all of a body to arrive: it comes from the same machine, seconds.
BODY_S = 10.0
SITES = (b"same-origin", b"none")

log = logging.getLogger(__name__)

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "object-src 'none'; frame-ancestors 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}
NO_STORE = (b"cache-control", b"no-store")
ALWAYS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class SecurityMiddleware:
    """Wraps the app; adds the headers to every answer, its own refusals and defects included."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        """Allow the names of loopback at this port, and writing to whoever knows the token."""
        self._app = app
        self._token = token.encode()
        self._bucket = TokenBucket()
        names = ("127.0.0.1", "localhost", "[::1]")
        hosts = {f"{name}:{port}" for name in names} | ({*names} if port == 80 else set())  # noqa: PLR2004 - HTTP's own port
        self._hosts = {host.encode() for host in hosts}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender = _Sender(send)
        try:
            receive = await self._passed(scope, receive)
            await self._app(scope, receive, sender)
        except RequestRefusedError as refusal:
            await refuse(sender, refusal.status, refusal.sentence, refusal.headers)
        except Exception:
            log.exception("%s %r failed", scope["method"], scope["path"])
            if not sender.started:
                await refuse(sender, 500, DEFECT)

    async def _passed(self, scope: Scope, receive: Receive) -> Receive:
        """Check a request; return where its body is to be read.

        Raises:
            RefusedError: it does not pass.

        """
        if not self._bucket.take():
            raise RequestRefusedError(429, "Too many requests come at once; try again in a second.")
        headers = _Headers(scope)
        self._check_target(scope)
        self._check_place(headers, scope)
        if scope["method"] in SAFE:
            if (headers.get(b"content-length") or b"0") != b"0" or headers.get(
                b"transfer-encoding"
            ):
                raise RequestRefusedError(413, f"A {scope['method']} request has no body.")
            return receive
        if scope["method"] != "POST":
            raise RequestRefusedError(
                405, "Only GET, HEAD and POST are known here.", allow="GET, HEAD, POST"
            )
        self._check_right(headers)
        limit = MOST_BODY_OF.get(scope["path"], MOST_BODY)
        return await _body(receive, headers, limit)

    def _check_target(self, scope: Scope) -> None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            raise RequestRefusedError(414, f"The address is longer than {LONGEST_TARGET:,} bytes.")

    def _check_place(self, headers: _Headers, scope: Scope) -> None:
        host = headers.get(b"host")
        if host is None or host.lower() not in self._hosts:
            raise RequestRefusedError(
                421, "This page answers on this machine only, by its own address."
            )
        origin = headers.get(b"origin")
        if origin is not None and origin not in self._origins:
            raise RequestRefusedError(
                403, "Another page must not ask this one: its Origin is not ours."
            )
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in SITES and not _is_link(headers, scope):
            raise RequestRefusedError(
                403, "Another page must not ask this one: Sec-Fetch-Site says so."
            )

    def _check_right(self, headers: _Headers) -> None:
        kind, _, parameter = (headers.get(b"content-type") or b"").partition(b";")
        allowed = (b"", b"charset=utf-8")
        if kind.strip().lower() != b"application/json" or parameter.strip().lower() not in allowed:
            raise RequestRefusedError(415, "The content-type must be application/json.")
        if not hmac.compare_digest(headers.get(TOKEN_HEADER) or b"", self._token):
            raise RequestRefusedError(403, OLD_PAGE)


class _Headers:
    """The headers of a request; one that must be single and is not counts as refused."""

    def __init__(self, scope: Scope) -> None:
        self._all: list[tuple[bytes, bytes]] = scope["headers"]

    def get(self, name: bytes) -> bytes | None:
        found = [value for key, value in self._all if key == name]
        if len(found) > 1:
            raise RequestRefusedError(400, f"The header {name.decode()} is there more than once.")
        return found[0] if found else None


class _Sender:
    """Adds the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = [*message.get("headers", []), *ALWAYS]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(NO_STORE)
            message = {**message, "headers": headers}
        await self._send(message)


def _is_link(headers: _Headers, scope: Scope) -> bool:
    """Say whether a person has followed a link to the page itself, which shows nothing by that."""
    asked: Mapping[bytes, bytes] = {b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"document"}
    return scope["path"] == "/" and all(headers.get(k) == v for k, v in asked.items())


async def _body(receive: Receive, headers: _Headers, limit: int) -> Receive:
    """Read all of a body; return what hands it on.

    Raises:
        Refusal: it is too long or takes too long.

    """
    said = headers.get(b"content-length")
    too_long = RequestRefusedError(413, f"The body is longer than {limit:,} bytes.")
    if said is not None and (not said.isdigit() or int(said) > limit):
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    raise too_long
    except TimeoutError:
        raise RequestRefusedError(408, f"The body did not arrive within {BODY_S:.0f} s.") from None
    return _once(bytes(body), receive)


def _once(body: bytes, receive: Receive) -> Receive:
    given = False

    async def hand_on() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return hand_on
