"""Headers as the client gives them, or a placeholder where it gives none."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from spaf.topic.record_reader import UNREADABLE_HEADERS, headers_of


class Consumed:
    """A message with these headers."""

    def __init__(self, headers: list[tuple[str, bytes | None]] | None) -> None:
        """Keep them."""
        self._headers = headers

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """Return them, as confluent_kafka does."""
        return self._headers


class Broken(Consumed):
    """A message of which one header has a name that is not UTF-8."""

    def headers(self) -> NoReturn:
        """Fail, as confluent_kafka does."""
        b"\xff".decode()
        raise AssertionError


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Consumed(None), ()),
        (Consumed([]), ()),
        (
            Consumed([("a", None), ("a", b""), ("", b"\xff")]),
            (("a", None), ("a", b""), ("", b"\xff")),
        ),
        (Broken(None), UNREADABLE_HEADERS),
    ],
)
def test_headers_keep_order_repeats_and_nulls(message: Any, expected: object) -> None:
    """A name that is no UTF-8 hides the headers, and not the record."""
    assert headers_of(message) == expected
