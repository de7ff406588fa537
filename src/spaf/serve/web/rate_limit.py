"""How many requests are answered: far more than pages ask, far fewer than a flood has."""

from __future__ import annotations

from spaf import clock

# A hundred pages that load at once, with all their files.
BURST = 5_000.0
# Afterwards, a second.
RATE = 500.0


class TokenBucket:
    """Tokens that come back with time; each request takes one."""

    def __init__(self) -> None:
        """Start full."""
        self._left = BURST
        self._at = clock.monotonic()

    def take(self) -> bool:
        """Take a token; say whether there was one."""
        now = clock.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
