"""The addresses at which the page is reached: this machine's own names, and that of a proxy.

A tunnel or a forwarder may have any port at its near end, so the port of this machine's names is
free. That admits no other page: no DNS server decides what `localhost` and the addresses of
loopback mean, and the Origin of a request must be the very address that it was sent to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
MAX_PORT = 65_535
DEFAULT_PORTS = {"http": 80, "https": 443}
SETTING = "SPAF_SERVE__PUBLIC_URL"
# Headers that a proxy adds to a request.
FORWARDED = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}
)
_HOST = re.compile(rf"({'|'.join(map(re.escape, OWN_NAMES))})(?::([0-9]{{1,5}}))?")


class PageAddresses:
    """The hosts and origins that a request may name."""

    def __init__(self, port: int, public_url: str | None = None) -> None:
        """Keep the page's own port, and the address by which a proxy publishes it, if any."""
        self._port = port
        parts = urlsplit(public_url or "")
        default = DEFAULT_PORTS.get(parts.scheme, 0)
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        at = parts.port or default
        self._public_host = "" if not name else name if at == default else f"{name}:{at}"
        self._public_hosts = {self._public_host, f"{name}:{at}"} if name else set()
        self._public_origin = f"{parts.scheme}://{self._public_host}"
        # Path of the page at the proxy, without the last slash.
        self.prefix = parts.path.rstrip("/")

    @property
    def names(self) -> str:
        """The allowed names, as a refusal lists them."""
        own = f"{', '.join(OWN_NAMES[:-1])} and {OWN_NAMES[-1]} (at any port)"
        return f"{own}, and {self._public_host}" if self._public_host else own

    def accepts_host(self, host: bytes | None) -> bool:
        """Return whether a Host is one of this machine's own names, or that of the proxy."""
        text = _text(host)
        own = _HOST.fullmatch(text)
        if own is None:
            return text in self._public_hosts
        return own[2] is None or 0 < int(own[2]) <= MAX_PORT

    def accepts_origin(self, origin: bytes, host: bytes | None) -> bool:
        """Return whether an Origin is the page itself, for a request with an accepted Host."""
        own = f"http://{_text(host)}" if _text(host) not in self._public_hosts else ""
        return str(origin, "latin-1") in {own, self._public_origin} - {""}

    def is_public_origin(self, origin: bytes) -> bool:
        """Return whether an Origin is the page at the proxy."""
        return str(origin, "latin-1") == self._public_origin

    def is_public(self, host: bytes | None) -> bool:
        """Return whether a Host is that of the proxy."""
        return _text(host) in self._public_hosts

    def is_forwarded(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Return whether a request may have come through a proxy or a forwarder."""
        by_name = dict(headers)
        own = _HOST.fullmatch(_text(by_name.get(b"host")))
        direct = own is not None and int(own[2] or DEFAULT_PORTS["http"]) == self._port
        return not direct or not FORWARDED.isdisjoint(by_name)


def _text(header: bytes | None) -> str:
    return str(header or b"", "latin-1").lower()
