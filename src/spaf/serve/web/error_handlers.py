"""Every error is answered with one sentence in JSON, and a code that the page translates."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from spaf.errors import SpafError
from spaf.serve.web.responses import DEFECT, RequestRefusedError, json_response

# Sentences in place of Starlette's reason phrases.
SENTENCES = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "This address does not support this method.",
}


def add_error_handlers(app: Starlette) -> None:
    """Register the handlers of the errors that routes raise."""
    handlers: dict[type[Exception], Any] = {
        SpafError: _service_failed,
        HTTPException: _http_error,
        RequestRefusedError: _refused,
        Exception: _defect,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


async def _service_failed(_: Request, error: SpafError) -> Response:
    body = {"error": error.what, "todo": error.todo}
    return json_response(body | {"code": error.code, "parameters": error.parameters}, 503)


async def _http_error(request: Request, error: HTTPException) -> Response:
    sentence = SENTENCES.get(str(error.detail), str(error.detail))
    return await _refused(request, RequestRefusedError(error.status_code, sentence, code="invalid"))


async def _refused(_: Request, error: RequestRefusedError) -> Response:
    return json_response(error.body(), error.status)


async def _defect(request: Request, error: Exception) -> Response:
    del error  # raised again for the security middleware, which logs it
    return await _refused(request, RequestRefusedError(500, DEFECT, code="defect"))
