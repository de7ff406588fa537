"""The body of a request that changes something, as JSON of a known form."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from spaf.serve.web.responses import invalid

T = TypeVar("T")


def decoded(body: bytes, kind: type[T], form: str) -> T:
    """Return the object that a body holds.

    Args:
        body: of the request.
        kind: of the object.
        form: what the refusal says that a body must be.

    Raises:
        RequestRefusedError: the body is not of this form.

    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise invalid(f"The body must be {form}: {error}.") from None
