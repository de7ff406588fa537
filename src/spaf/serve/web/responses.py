"""Responses in JSON, and refusals: one English sentence, and a code that the page translates."""

from __future__ import annotations

import msgspec
from starlette.responses import Response
from starlette.types import Send

from spaf.errors import SpafError

JSON = "application/json"
DEFECT = "SPAF has a defect; `spaf logs serve` says more."


class RequestRefusedError(Exception):
    """A request that goes no further.

    Attributes:
        status: of HTTP.
        sentence: what is wrong, in English.
        code: names the sentence for the page's locales, `refused.CODE`.
        parameters: values in the sentence.
        headers: of the response, besides those that every response has.

    """

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        code: str,
        **parameters: str | float,
    ) -> None:
        """Keep what is answered."""
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.code = code
        self.parameters = parameters
        self.headers: dict[str, str] = {}

    @classmethod
    def of(cls, error: SpafError, status: int) -> RequestRefusedError:
        """Return the refusal of a request that failed with `error`."""
        return cls(status, error.line, code=error.code, **error.parameters)

    def body(self) -> dict[str, object]:
        """Return what is sent as JSON."""
        return {"error": self.sentence, "code": self.code, "parameters": self.parameters}


def invalid(sentence: str, status: int = 400) -> RequestRefusedError:
    """Return the refusal of a request of a form that the page never sends."""
    return RequestRefusedError(status, sentence, code="invalid")


def json_response(data: object, status: int = 200) -> Response:
    """Return data as JSON; msgspec encodes it, because FastAPI would inspect every value."""
    return Response(msgspec.json.encode(data), status, media_type=JSON)


async def send_refusal(send: Send, refusal: RequestRefusedError) -> None:
    """Answer a request that goes no further."""
    body = msgspec.json.encode(refusal.body())
    pairs = {"content-type": JSON, "content-length": str(len(body)), **refusal.headers}
    raw = [(name.encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
