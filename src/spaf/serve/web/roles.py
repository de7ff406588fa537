"""Who uses the page: viewers read, operators change something too.

Without roles everyone who reaches the page is an operator: it is on loopback then. With roles a
request needs one of two things:

- the name of a person, in the header of a proxy that has asked for it. The header counts only in
  connections from the addresses of that proxy, because every other client could send it as well;
- the token of a role: as `Authorization: Bearer`, or once to `POST /api/login`, which sets a
  cookie.

The cookie holds a digest that only the token gives, so there are no sessions to store: it outlives
a restart, and another token ends it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from starlette.types import Scope

from spaf.errors import SettingsError
from spaf.serve.web.page_options import RoleOptions
from spaf.serve.web.responses import RequestRefusedError

# `openssl rand -base64 24` prints 32. With this many random characters guessing is hopeless at any
# rate of requests, so logins need no limit of their own.
MIN_TOKEN_LENGTH = 24
MAX_TOKEN_LENGTH = 1_024
# Longer names are no names; the page shows them.
MAX_NAME_LENGTH = 200
COOKIE = "spaf-session"
# Only digests for this purpose are in the cookie.
_PURPOSE = b"spaf page session"
# Where the security middleware notes who sends a request.
_USER_KEY = "spaf.user"
# What a header can carry.
_TOKEN = re.compile(r"[!-~]+")
HOW_TO_MAKE = "Make one with `openssl rand -base64 24`."


class PageRole(IntEnum):
    """What a person may do; each includes the one before."""

    VIEWER = 1
    OPERATOR = 2

    @property
    def label(self) -> str:
        """The name that the page and its API use."""
        return self.name.lower()


class PageUser(NamedTuple):
    """Who sends a request.

    Attributes:
        role: what this person may do.
        name: that the proxy has named; empty for a token.
        by_bearer: whether the request itself carries the token of the role. No other page can send
            that, so it needs no token of the page.

    """

    role: PageRole
    name: str = ""
    by_bearer: bool = False


class Roles:
    """Recognises the person who sends a request."""

    def __init__(self, options: RoleOptions) -> None:
        """Read the tokens.

        Raises:
            SettingsError: a file cannot be read, or does not hold a token.

        """
        header = options.identity_header
        self._header = (header or "").lower()
        self._proxies = tuple(map(ipaddress.ip_network, options.trusted_proxies))
        self._operators = frozenset(options.operators)
        files = {
            PageRole.VIEWER: options.viewer_token_file,
            PageRole.OPERATOR: options.operator_token_file,
        }
        tokens = {role: _token(role, Path(file)) for role, file in files.items() if file}
        if len(set(tokens.values())) < len(tokens):
            raise SettingsError(
                "serve.viewer_token_file and serve.operator_token_file hold the same token: "
                "every viewer would be an operator.",
                todo=HOW_TO_MAKE,
            )
        self._sessions = {role: _session(token) for role, token in tokens.items()}

    @property
    def have_tokens(self) -> bool:
        """Whether a person can log in with a token."""
        return bool(self._sessions)

    def user(self, scope: Scope) -> PageUser | None:
        """Return the user who sends a request; None for an unknown one.

        Raises:
            RequestRefusedError: a name comes from an address that is none of the proxy.

        """
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        named = [_name(value) for key, value in headers if key == self._header.encode()]
        bearers = _bearers(headers)
        role = self._role(bearers or _cookies(headers))
        if named and self._trusts(scope):
            # The proxy's word is final: a cookie of another person may be left in the browser.
            if len(named) > 1:
                return None
            if named[0]:
                is_operator = named[0] in self._operators
                return PageUser(PageRole.OPERATOR if is_operator else PageRole.VIEWER, named[0])
        elif named and role is None:
            raise RequestRefusedError(
                401,
                f"The header {self._header} comes from {_peer(scope)}, which is not in "
                "serve.trusted_proxies.",
                code="untrusted_proxy",
                address=_peer(scope),
            )
        return None if role is None else PageUser(role, by_bearer=bool(bearers))

    def login(self, token: str) -> tuple[PageUser, str] | None:
        """Return who has this token, and the value of the cookie; None if it is no token."""
        if not 0 < len(token) <= MAX_TOKEN_LENGTH:
            return None
        session = _session(token.encode("utf-8", "surrogatepass"))
        role = self._role([session])
        return None if role is None else (PageUser(role), session)

    def _role(self, sessions: Iterable[str]) -> PageRole | None:
        """Return the highest role that one of the digests gives; each takes the same time."""
        highest: PageRole | None = None
        for session in sessions:
            for role, expected in self._sessions.items():
                is_equal = hmac.compare_digest(session.encode(), expected.encode())
                if is_equal and (highest is None or role > highest):
                    highest = role
        return highest

    def _trusts(self, scope: Scope) -> bool:
        try:
            address: Any = ipaddress.ip_address(_peer(scope))
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._proxies)


def set_user(scope: Scope, user: PageUser | None) -> None:
    """Note who sends a request."""
    scope[_USER_KEY] = user


def user_of(scope: Scope) -> PageUser | None:
    """Return the user who sends a request; None without roles, and for an unknown one."""
    user: PageUser | None = scope.get(_USER_KEY)
    return user


def _token(role: PageRole, file: Path) -> bytes:
    """Return the token in a file.

    Raises:
        SettingsError: the file cannot be read, or does not hold a token.

    """
    where = f"serve.{role.label}_token_file = {file}"
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in ASCII"
        raise SettingsError(f"{where}: {reason}.", todo="Correct the setting.") from None
    if not MIN_TOKEN_LENGTH <= len(text) <= MAX_TOKEN_LENGTH or not _TOKEN.fullmatch(text):
        raise SettingsError(
            f"{where}: a token has {MIN_TOKEN_LENGTH} to {MAX_TOKEN_LENGTH:,} characters without "
            "blanks.",
            todo=HOW_TO_MAKE,
        )
    return text.encode()


def _session(token: bytes) -> str:
    return hmac.new(token, _PURPOSE, hashlib.sha256).hexdigest()


def _bearers(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the digests of the bearer tokens of a request."""
    values = (value.partition(b" ") for key, value in headers if key == b"authorization")
    return [_session(token.strip()) for kind, _, token in values if kind.lower() == b"bearer"]


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the digests in the cookies of a request; other programs of this host have others."""
    parts = (part for key, value in headers if key == b"cookie" for part in value.split(b";"))
    pairs = (part.strip().partition(b"=") for part in parts)
    return [str(value, "latin-1") for name, _, value in pairs if name == COOKIE.encode()]


def _name(value: bytes) -> str:
    """Return the name in a header; empty if it is none."""
    try:
        name = value.decode().strip()
    except UnicodeDecodeError:
        name = str(value, "latin-1").strip()
    return name if name.isprintable() and len(name) <= MAX_NAME_LENGTH else ""


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
