"""How many requests are answered: far more than pages send, far fewer than a flood."""

from __future__ import annotations

from spaf import clock

# A hundred pages that load at once, with all their files.
BURST_REQUESTS = 5_000.0
# Sustained after the burst.
REQUESTS_PER_S = 500.0


class TokenBucket:
    """A token bucket: tokens return with time, and each request takes one."""

    def __init__(self) -> None:
        """Start full."""
        self._tokens = BURST_REQUESTS
        self._at = clock.monotonic()

    def acquire(self) -> bool:
        """Take a token; return whether there was one."""
        now = clock.monotonic()
        self._tokens = min(BURST_REQUESTS, self._tokens + (now - self._at) * REQUESTS_PER_S)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
