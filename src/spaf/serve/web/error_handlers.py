"""Every error is answered with one sentence in JSON, and a code that the page translates."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
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


def add_error_handlers(app: FastAPI) -> None:
    """Register the handlers of the errors that routes raise."""

    @app.exception_handler(SpafError)
    async def service_failed(_: Request, error: SpafError) -> Response:
        body = {"error": error.what, "todo": error.todo}
        return json_response(body | {"code": error.code, "parameters": error.parameters}, 503)

    @app.exception_handler(RequestValidationError)
    async def invalid_parameter(_: Request, error: RequestValidationError) -> Response:
        name, problem = _first_problem(error)
        refusal = RequestRefusedError(400, f"{name}: {problem}.", code="parameter", name=name)
        return json_response(refusal.body() | {"parameter": name}, refusal.status)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> Response:
        sentence = SENTENCES.get(str(error.detail), str(error.detail))
        return await refused(_, RequestRefusedError(error.status_code, sentence, code="invalid"))

    @app.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> Response:
        del error  # raised again for the security middleware, which logs it
        return await refused(_, RequestRefusedError(500, DEFECT, code="defect"))

    @app.exception_handler(RequestRefusedError)
    async def refused(_: Request, error: RequestRefusedError) -> Response:
        return json_response(error.body(), error.status)


def _first_problem(error: RequestValidationError) -> tuple[str, str]:
    """Return the name of the first invalid parameter, and what is allowed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return name, first["msg"].removeprefix("Value error, ")
