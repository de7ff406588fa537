"""Every error is answered by a sentence in JSON, whoever made the mistake."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from spaf.errors import SpafError
from spaf.serve.web.responses import DEFECT, RequestRefusedError, answer

# What Starlette says in two words.
SENTENCES = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "This address is not asked that way.",
}


def tell_mistakes(app: FastAPI) -> None:
    """Add what answers the errors of the routes."""

    @app.exception_handler(SpafError)
    async def neighbour(_: Request, error: SpafError) -> Response:
        return answer({"error": error.what, "todo": error.todo}, 503)

    @app.exception_handler(RequestValidationError)
    async def parameter(_: Request, error: RequestValidationError) -> Response:
        name, wrong = _told(error)
        # The page says in its own language what this parameter must be.
        return answer({"error": f"{name}: {wrong}.", "parameter": name}, 400)

    @app.exception_handler(HTTPException)
    async def known(_: Request, error: HTTPException) -> Response:
        sentence = SENTENCES.get(str(error.detail), str(error.detail))
        return answer({"error": sentence}, error.status_code)

    @app.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> Response:
        del error  # it goes on to the guard, which writes it down
        return answer({"error": DEFECT}, 500)

    @app.exception_handler(RequestRefusedError)
    async def refused(_: Request, error: RequestRefusedError) -> Response:
        return answer({"error": error.sentence}, error.status)


def _told(error: RequestValidationError) -> tuple[str, str]:
    """Return which parameter is wrong, and what is allowed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return name, first["msg"].removeprefix("Value error, ")
