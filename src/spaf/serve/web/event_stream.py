"""What every stream of server-sent events needs to pass a proxy: headers, and padding.

A proxy that collects an answer before it passes it on would hold the events back. nginx and its
kind obey the header; for the others each second ends with a comment that fills their buffer.
"""

from __future__ import annotations

from starlette.types import Scope

HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    # A proxy that compresses would collect the events, too.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}
# The buffer of a proxy has 4 or 8 KiB, and it may hold back one that is filled in part. With this
# each second, nothing that the page shows is older than that.
PADDING = b": %s\n\n" % (b" " * 16 * 2**10)
PADDING_S = 0.9
# Where the security middleware notes that a request may have come through a proxy.
FORWARDED_KEY = "spaf.forwarded"


def is_forwarded(scope: Scope) -> bool:
    """Return whether a stream needs padding."""
    return bool(scope.get(FORWARDED_KEY))
