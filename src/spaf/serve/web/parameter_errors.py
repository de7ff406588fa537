"""A parameter that FastAPI refuses is answered as every other error is."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from spaf.serve.web.responses import RequestRefusedError, json_response


def add_parameter_errors(app: FastAPI) -> None:
    """Register the handler of invalid parameters."""

    @app.exception_handler(RequestValidationError)
    async def invalid_parameter(_: Request, error: RequestValidationError) -> Response:
        name, problem = _first_problem(error)
        refusal = RequestRefusedError(400, f"{name}: {problem}.", code="parameter", name=name)
        return json_response(refusal.body() | {"parameter": name}, refusal.status)


def _first_problem(error: RequestValidationError) -> tuple[str, str]:
    """Return the name of the first invalid parameter, and what is allowed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return name, first["msg"].removeprefix("Value error, ")
