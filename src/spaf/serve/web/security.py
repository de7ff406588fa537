"""What every request must pass before a route sees it.

The page is for the person at this machine. A server on loopback can still be reached by every web
page that is open in this person's browser, and by a host name that resolves to 127.0.0.1 (DNS
rebinding). So a request must name this machine, or the proxy of the settings, as its Host and come
from this page's own origin (see `addresses.py`); one that changes something must also carry the
token. Other methods than GET, HEAD and POST are refused.

If the page has roles (see `roles.py`), a request must also come from a known person, and one that
changes something from an operator: a new route is closed unless it is listed here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spaf.serve.web.addresses import SETTING, PageAddresses
from spaf.serve.web.event_stream import FORWARDED_KEY
from spaf.serve.web.rate_limit import TokenBucket
from spaf.serve.web.responses import DEFECT, RequestRefusedError, invalid, send_refusal
from spaf.serve.web.roles import PageRole, Roles, set_user, user_of

log = logging.getLogger(__name__)

SAFE_METHODS = ("GET", "HEAD")
TOKEN_HEADER = b"x-spaf-token"
# A page that was loaded before the run folder was wiped holds another token.
OLD_TOKEN = "Reload the page: its token, the header x-spaf-token, is not that of this run."  # noqa: S105 - a sentence
# With roles everyone may get these: the page, which then asks for a token, its files, which hold
# nothing of the run, and the health check.
OPEN_PATHS = frozenset({"/", "/healthz"})
OPEN_FOLDER = "/static/"
LOGIN_PATH = "/api/login"
LOGOUT_PATH = "/api/logout"
CHALLENGE = {"www-authenticate": 'Bearer realm="spaf"'}
MAX_TARGET_BYTES = 2_048
MAX_BODY_BYTES = 64 * 2**10
# Reports of painted frames are longer than any other body.
MAX_BODY_BYTES_OF = {"/api/painted": 2**20}
# For the whole body to arrive from the same machine.
BODY_TIMEOUT_S = 10.0
ALLOWED_SITES = (b"same-origin", b"none")

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
    """Checks every request; adds the security headers to every response, refusals included."""

    def __init__(
        self, app: ASGIApp, addresses: PageAddresses, token: str, roles: Roles | None = None
    ) -> None:
        """Allow requests to these addresses, and changes by requests with the token.

        Args:
            app: behind this layer.
            addresses: at which the page is reached.
            token: that the page holds.
            roles: who may do what; without them everyone may do everything.

        """
        self._app = app
        self._addresses = addresses
        self._token = token.encode()
        self._roles = roles
        self._bucket = TokenBucket()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender = _Sender(send)
        scope = self._below_prefix(scope)
        try:
            receive = await self._checked(scope, receive)
            await self._app(scope, receive, sender)
        except RequestRefusedError as refusal:
            await send_refusal(sender, refusal)
        except Exception:
            log.exception("%s %r failed", scope["method"], scope["path"])
            if not sender.started:
                await send_refusal(sender, RequestRefusedError(500, DEFECT, code="defect"))

    def _below_prefix(self, scope: Scope) -> Scope:
        """Return the request without the proxy's prefix: some proxies remove it, others do not."""
        scope = {**scope, FORWARDED_KEY: self._addresses.is_forwarded(scope["headers"])}
        prefix = self._addresses.prefix
        if prefix and scope["path"].startswith(f"{prefix}/"):
            scope["path"] = scope["path"].removeprefix(prefix)
            scope["raw_path"] = scope["path"].encode()
        return scope

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """Check a request; return the channel from which its body is read.

        Raises:
            RequestRefusedError: it does not pass.

        """
        if not self._bucket.acquire():
            raise RequestRefusedError(
                429, "Too many requests at once; try again in a second.", code="too_many_requests"
            )
        headers = _Headers(scope)
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            raise invalid(f"The address is longer than {MAX_TARGET_BYTES:,} bytes.", 414)
        self._check_origin(headers, scope)
        self._check_role(scope)
        if scope["method"] in SAFE_METHODS:
            length = headers.get(b"content-length") or b"0"
            if length != b"0" or headers.get(b"transfer-encoding"):
                raise invalid(f"A {scope['method']} request has no body.", 413)
            return receive
        if scope["method"] != "POST":
            refusal = invalid("Only GET, HEAD and POST are supported.", 405)
            refusal.headers["allow"] = "GET, HEAD, POST"
            raise refusal
        self._check_token(headers, scope)
        return await _body(receive, headers, MAX_BODY_BYTES_OF.get(scope["path"], MAX_BODY_BYTES))

    def _check_origin(self, headers: _Headers, scope: Scope) -> None:
        host, addresses = headers.get(b"host"), self._addresses
        if not addresses.accepts_host(host):
            raise RequestRefusedError(
                421,
                f"This page answers to {addresses.names}, not to the name in this request; "
                f"{SETTING} names the address of a proxy.",
                code="host",
                names=addresses.names,
                setting=SETTING,
            )
        origin = headers.get(b"origin")
        if origin is not None and not addresses.accepts_origin(origin, host):
            raise _foreign(
                "Requests from other pages are refused: the Origin is not the address that this "
                f"request was sent to; {SETTING} names the address of a proxy."
            )
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in ALLOWED_SITES and not _is_link(headers, scope):
            raise _foreign("Requests from other pages are refused: see Sec-Fetch-Site.")

    def _check_role(self, scope: Scope) -> None:
        """Note who sends the request; refuse it if this person may not."""
        if self._roles is None:
            return
        path, is_read = scope["path"], scope["method"] in SAFE_METHODS
        is_open = is_read and (path in OPEN_PATHS or path.startswith(OPEN_FOLDER))
        is_open |= scope["method"] == "POST" and path in (LOGIN_PATH, LOGOUT_PATH)
        try:
            user = self._roles.user(scope)
        except RequestRefusedError:
            if not is_open:
                raise
            user = None
        set_user(scope, user)
        if user is None and not is_open:
            refusal = RequestRefusedError(401, "Log in first: this page has roles.", code="login")
            refusal.headers = dict(CHALLENGE)
            raise refusal
        if user is not None and not (is_read or is_open) and user.role < PageRole.OPERATOR:
            raise RequestRefusedError(
                403, "You are a viewer: only operators change something.", code="viewer"
            )

    def _check_token(self, headers: _Headers, scope: Scope) -> None:
        kind, _, parameter = (headers.get(b"content-type") or b"").partition(b";")
        allowed = (b"", b"charset=utf-8")
        if kind.strip().lower() != b"application/json" or parameter.strip().lower() not in allowed:
            raise invalid("The content-type must be application/json.", 415)
        user = user_of(scope)
        is_login = self._roles is not None and scope["path"] == LOGIN_PATH
        if is_login or (user is not None and user.by_bearer):
            return
        if not hmac.compare_digest(headers.get(TOKEN_HEADER) or b"", self._token):
            raise RequestRefusedError(403, OLD_TOKEN, code="old_token")


class _Headers:
    """The headers of a request; a single-valued header that is repeated is refused."""

    def __init__(self, scope: Scope) -> None:
        self._all: list[tuple[bytes, bytes]] = scope["headers"]

    def get(self, name: bytes) -> bytes | None:
        values = [value for key, value in self._all if key == name]
        if len(values) > 1:
            raise invalid(f"The header {name.decode()} is there more than once.")
        return values[0] if values else None


class _Sender:
    """Adds the headers that every response has, unless a route has given it another value."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            own = list(message.get("headers", []))
            named = {name for name, _ in own}
            missing = [pair for pair in (*ALWAYS, NO_STORE) if pair[0] not in named]
            message = {**message, "headers": [*own, *missing]}
        await self._send(message)


def _foreign(sentence: str) -> RequestRefusedError:
    return RequestRefusedError(403, sentence, code="foreign", setting=SETTING)


def _is_link(headers: _Headers, scope: Scope) -> bool:
    """Return whether the request follows a link to the page itself, which reveals nothing."""
    expected: Mapping[bytes, bytes] = {
        b"sec-fetch-mode": b"navigate",
        b"sec-fetch-dest": b"document",
    }
    return scope["path"] == "/" and all(headers.get(k) == v for k, v in expected.items())


async def _body(receive: Receive, headers: _Headers, limit: int) -> Receive:
    """Read a whole body; return a channel that yields it.

    Raises:
        RequestRefusedError: it is longer than `limit` bytes, or takes too long.

    """
    length = headers.get(b"content-length")
    too_long = RequestRefusedError(
        413, f"The body is longer than {limit:,} bytes.", code="too_long", limit=limit
    )
    if length is not None and (not length.isdigit() or int(length) > limit):
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    raise too_long
    except TimeoutError:
        raise invalid(f"The body did not arrive within {BODY_TIMEOUT_S:.0f} s.", 408) from None
    return _replay(bytes(body), receive)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a channel that yields the body once, and then what the client sends."""
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
