"""The routes that SPAF adds to Locust's page (status and injection), and its access control.

Locust allows every Origin (CORS). So a request with an Origin is refused unless that is this page
itself; an injection is refused with any Origin, because only programs send it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response, request

from spaf import settings
from spaf.errors import LoadError
from spaf.generate.locust.protocol import (
    CSRF_HEADER,
    INJECT_PATH,
    INJECTABLE_KINDS,
    STATUS_PATH,
    InjectionAccepted,
    LoadStatus,
)

if TYPE_CHECKING:
    from typing import Protocol

    class LoadControl(Protocol):
        """The part of the load session that the routes use."""

        def status(self) -> LoadStatus:
            """Return the status of the load."""

        def inject(self, kind: str, category: str | None) -> InjectionAccepted:
            """Inject an anomaly."""


# A request takes some 60 bytes.
MAX_BODY_BYTES = 4_096
# Names of this machine in a Host header, without the port.
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def allowed_names() -> frozenset[str]:
    """Return the names of this machine, and those by which other hosts reach the service."""
    service = settings.load().service
    return LOOPBACK_NAMES | {name.lower() for name in (service.host, service.bind) if name}


class InjectionBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request to `INJECT_PATH`."""

    kind: str
    category: str | None = None


def locust_api(load: LoadControl) -> Blueprint:
    """Return the routes, to be registered with Locust's page."""
    blueprint = Blueprint("spaf", __name__)
    names = allowed_names()

    @blueprint.before_app_request
    def check_origin() -> Response | None:
        """Protect Locust's own routes too."""
        problem = _origin_problem(names)
        return _refusal(403, problem) if problem else None

    @blueprint.get(STATUS_PATH)
    def status() -> Response:
        return _response(200, load.status())

    @blueprint.post(INJECT_PATH)
    def inject() -> Response:
        problem = _injection_problem()
        if problem:
            return _refusal(403, problem)
        try:
            body = msgspec.json.decode(request.get_data(), type=InjectionBody)
        except (msgspec.DecodeError, RecursionError):
            return _refusal(400, 'The body must be {"kind": ..., "category": name or null}.')
        if body.kind not in INJECTABLE_KINDS:
            return _refusal(400, f"kind must be one of {', '.join(INJECTABLE_KINDS)}.")
        try:
            return _response(200, load.inject(body.kind, body.category))
        except LoadError as error:
            return _refusal(409, error.line, error.code, error.parameters)

    return blueprint


def _origin_problem(names: frozenset[str]) -> str:
    """Return why Host or Origin is refused; nothing if both are of this page."""
    name = request.host.rpartition(":")[0] if ":" in request.host else request.host
    if name not in names:
        return "Only this machine may use this page."
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return "A page of another site may not use this page."
    return ""


def _injection_problem() -> str:
    """Return why the request is refused; nothing if a program on this machine may have sent it."""
    if "Origin" in request.headers:
        return "A browser may not use this route."
    if request.mimetype != "application/json" or CSRF_HEADER not in request.headers:
        return f"The header {CSRF_HEADER} and a JSON body are required."
    if request.content_length is None or request.content_length > MAX_BODY_BYTES:
        return "The body is too long."
    return ""


def _refusal(
    status: int, message: str, code: str = "", parameters: dict[str, str | float] | None = None
) -> Response:
    refusal = {"success": False, "message": message, "code": code, "parameters": parameters or {}}
    return _response(status, refusal)


def _response(status: int, body: object) -> Response:
    return Response(msgspec.json.encode(body), status, mimetype="application/json")
