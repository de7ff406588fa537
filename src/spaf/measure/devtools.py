"""A small client of Chromium's DevTools protocol, over a pipe.

Playwright, which the tests use, would run its driver as another process on the processors that are
measured.
"""

from __future__ import annotations

import os
import select
from typing import Any

import msgspec

from spaf import clock
from spaf.errors import BrowserError

# Without an answer after this time Chromium hangs or has ended.
RESPONSE_TIMEOUT_S = 20.0
READ_BYTES = 1 << 16
MESSAGE_END = b"\0"


class DevTools:
    """Commands to a browser, their answers and its events; each message is JSON and a zero byte."""

    def __init__(self, commands: int, answers: int) -> None:
        """Take the two ends of the pipes; `close` closes them."""
        self._commands = commands
        self._answers = answers
        self._pipes = [commands, answers]
        self._read = bytearray()
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def close(self) -> None:
        """Close the pipes; a second call does nothing."""
        while self._pipes:
            os.close(self._pipes.pop())

    def call(self, method: str, session: str | None = None, /, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result.

        Raises:
            BrowserError: the browser refuses it, does not answer, or has ended.

        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        try:
            os.write(self._commands, msgspec.json.encode(message) + MESSAGE_END)
        except OSError:
            raise _no_answer(method) from None
        deadline = clock.monotonic() + RESPONSE_TIMEOUT_S
        while True:
            answer = self._next(deadline)
            if answer is None:
                raise _no_answer(method)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"Chromium refuses {method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            if "method" in answer:
                self._events.append(answer)

    def events(self, session: str, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Return the events of a tab since the last call, after waiting `seconds` for more.

        Only enabled domains send events; each is `{"method", "params", "sessionId"}`.
        """
        deadline = clock.monotonic() + seconds
        while (message := self._next(deadline)) is not None:
            if "method" in message:
                self._events.append(message)
        of_tab = [event for event in self._events if event.get("sessionId") == session]
        self._events = [event for event in self._events if event.get("sessionId") != session]
        return of_tab

    def _next(self, deadline: float) -> dict[str, Any] | None:
        """Return the next message, or None after the deadline or the end of the browser."""
        while (end := self._read.find(MESSAGE_END)) < 0:
            left = max(0.0, deadline - clock.monotonic())
            if not select.select([self._answers], [], [], left)[0]:
                return None
            read = os.read(self._answers, READ_BYTES)
            if not read:
                return None
            self._read += read
        message: dict[str, Any] = msgspec.json.decode(self._read[:end])
        del self._read[: end + 1]
        return message


def _no_answer(method: str) -> BrowserError:
    return BrowserError(
        f"Chromium does not answer {method}.",
        todo="See `spaf logs browser`; is the machine out of memory?",
    )
