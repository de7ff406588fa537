"""The few words of Chromium's DevTools protocol that measuring needs, over a pipe.

Not Playwright, which the tests use: its driver is a second program on the processors that are
being measured.
"""

from __future__ import annotations

import os
import select
from typing import Any

import msgspec

from spaf import clock
from spaf.errors import BrowserError

# An answer that takes longer will not come: Chromium hangs or has ended, seconds.
RESPONSE_TIMEOUT_S = 20.0
READ_BYTES = 1 << 16
END = b"\0"


class DevTools:
    """Commands to a browser and what it tells of itself; one message is JSON with a zero byte."""

    def __init__(self, commands: int, answers: int) -> None:
        """Take over the two ends of the pipes."""
        self._commands = commands
        self._answers = answers
        self._pipes = [commands, answers]
        self._read = bytearray()
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def close(self) -> None:
        """Let go of the pipes; a second time does nothing."""
        while self._pipes:
            os.close(self._pipes.pop())

    def call(self, method: str, session: str | None = None, /, **parameters: Any) -> dict[str, Any]:
        """Give a command and return its answer.

        Raises:
            BrowserError: it refuses, does not answer, or has ended.

        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        try:
            os.write(self._commands, msgspec.json.encode(message) + END)
        except OSError:
            raise _gone(method) from None
        deadline = clock.monotonic() + RESPONSE_TIMEOUT_S
        while True:
            found = self._next(deadline)
            if found is None:
                raise _gone(method)
            if found.get("id") == self._number:
                if "error" in found:
                    raise BrowserError(f"Chromium refuses {method}: {found['error']['message']}")
                result: dict[str, Any] = found["result"]
                return result
            if "method" in found:
                self._events.append(found)

    def events(self, session: str, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Return what a tab has told since the last call, waiting so long for more.

        Only of the domains that were enabled; each is `{"method", "params", "sessionId"}`.
        """
        deadline = clock.monotonic() + seconds
        while (found := self._next(deadline)) is not None:
            if "method" in found:
                self._events.append(found)
        told = [event for event in self._events if event.get("sessionId") == session]
        self._events = [event for event in self._events if event.get("sessionId") != session]
        return told

    def _next(self, deadline: float) -> dict[str, Any] | None:
        """Return the next message, or None if there is none in time or the browser has ended."""
        while (end := self._read.find(END)) < 0:
            left = max(0.0, deadline - clock.monotonic())
            if not select.select([self._answers], [], [], left)[0]:
                return None
            read = os.read(self._answers, READ_BYTES)
            if not read:
                return None
            self._read += read
        message = bytes(self._read[:end])
        del self._read[: end + 1]
        found: dict[str, Any] = msgspec.json.decode(message)
        return found


def _gone(method: str) -> BrowserError:
    return BrowserError(
        f"Chromium does not answer to {method}.",
        todo="`spaf logs browser` has its last words; is the machine out of memory?",
    )
