"""The one way in which long work reports how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A callback that shows progress to a person."""

    def __call__(self, doing: str, done: int = 0, total: int | None = None, /) -> None:
        """Show what is being done, and how much of it is done, where its total is known."""


def no_progress(_doing: str, _done: int = 0, _total: int | None = None, /) -> None:
    """Show nothing."""
