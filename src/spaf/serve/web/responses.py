"""Answers in JSON, and those that refuse: one sentence each."""

from __future__ import annotations

import msgspec
from starlette.responses import Response
from starlette.types import Send

JSON = "application/json"
DEFECT = "SPAF has a defect; `spaf logs serve` says more."


class RequestRefusedError(Exception):
    """A request that goes no further: the status and one sentence."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        """Keep what is answered."""
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers


def answer(data: object, status: int = 200) -> Response:
    """Return data as JSON; msgspec writes it, not FastAPI, which would look at every value."""
    return Response(msgspec.json.encode(data), status, media_type=JSON)


async def refuse(
    send: Send, status: int, sentence: str, headers: dict[str, str] | None = None
) -> None:
    """Answer a request that goes no further."""
    body = msgspec.json.encode({"error": sentence})
    pairs = {"content-type": JSON, "content-length": str(len(body)), **(headers or {})}
    raw = [(name.encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
