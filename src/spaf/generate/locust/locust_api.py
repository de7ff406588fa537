"""SPAF's part of Locust's page: what the load does, an anomaly now, and who may ask.

Locust allows the pages of every other site to use its own: it answers any Origin that it may. So a
browser is let in only if it shows this very page; and the anomaly is for programs alone, which send
no Origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response, request

from spaf.errors import LoadError
from spaf.generate.locust.protocol import (
    DESK_HEADER,
    INJECT_PATH,
    LOOK_PATH,
    WISHES,
    InjectionAccepted,
    LoadStatus,
)

if TYPE_CHECKING:
    from typing import Protocol

    class Seller(Protocol):
        """The session, as the desk needs it."""

        def look(self) -> LoadStatus:
            """Return what the load does now."""

        def wish(self, kind: str, category: str | None) -> InjectionAccepted:
            """Take a wish and say what will happen."""


# A wish is some 60 bytes.
LARGEST_BODY = 4_096
# Names under which this machine may be spoken to, without the port.
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


class InjectionBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `INJECT_PATH` takes."""

    kind: str
    category: str | None = None


def desk(seller: Seller) -> Blueprint:
    """Return the addresses, to be registered with Locust's page."""
    blueprint = Blueprint("spaf", __name__)

    @blueprint.before_app_request
    def only_ours() -> Response | None:
        """Keep the pages of other sites from Locust's own addresses, too."""
        foreign = _foreign()
        return _refusal(403, foreign) if foreign else None

    @blueprint.get(LOOK_PATH)
    def look() -> Response:
        return _answer(200, seller.look())

    @blueprint.post(INJECT_PATH)
    def inject() -> Response:
        refused = _refused()
        if refused:
            return _refusal(403, refused)
        try:
            wish = msgspec.json.decode(request.get_data(), type=InjectionBody)
        except (msgspec.DecodeError, RecursionError):
            return _refusal(400, 'The body must be {"kind": ..., "category": name or null}.')
        if wish.kind not in WISHES:
            return _refusal(400, f"kind must be one of {', '.join(WISHES)}.")
        try:
            return _answer(200, seller.wish(wish.kind, wish.category))
        except LoadError as error:
            return _refusal(409, error.line)

    return blueprint


def _foreign() -> str:
    """Return why the request comes from a page of another site, or nothing."""
    name = request.host.rpartition(":")[0] if ":" in request.host else request.host
    if name not in LOOPBACK_NAMES:
        return "Only this machine may ask this."
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return "A page of another site may not ask this."
    return ""


def _refused() -> str:
    """Return why the request is none of a program on this machine, or nothing."""
    if "Origin" in request.headers:
        return "A page in a browser may not ask this."
    if request.mimetype != "application/json" or DESK_HEADER not in request.headers:
        return f"It needs the header {DESK_HEADER} and JSON."
    if request.content_length is None or request.content_length > LARGEST_BODY:
        return "The body is too long."
    return ""


def _refusal(status: int, message: str) -> Response:
    return _answer(status, {"success": False, "message": message})


def _answer(status: int, what: object) -> Response:
    return Response(msgspec.json.encode(what), status, mimetype="application/json")
