"""Rows on their way: at once after a pause, together when there are many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from spaf import clock
from spaf.serve.push.row_batcher import INTERVAL_PER_VIEWER_S, MIN_INTERVAL_S, RowBatcher
from spaf.serve.sales.rollup import Rollup, SecondRow

NOW = 1_763_800_020


class Ear:
    """A hub that remembers what was published."""

    viewers = 1

    def __init__(self) -> None:
        """Begin with nothing."""
        self.heard: list[Any] = []

    def publish(self, kind: str, data: Any) -> None:
        """Remember."""
        assert kind == "rows"
        self.heard.append(data)


class Loop:
    """A loop whose timers the test fires."""

    def __init__(self) -> None:
        """Begin without any."""
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, what: Callable[[], None]) -> object:
        """Remember a timer."""
        self.timers.append((delay, what))
        return object()


def row(category: str, sales: int) -> SecondRow:
    """Return a row of the present second."""
    return SecondRow(NOW, category, "BRL", sales, sales, sales * 100, 5)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Hold the clock and the loop; the list's only element is the moment."""
    now = [1_000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    """Put a loop of ours in place."""
    found = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: found)
    return found


def test_the_first_row_goes_at_once_and_the_next_wait(moment: list[float], loop: Loop) -> None:
    """What waits is the newest of each row, with the sums of the moment at which it goes."""
    ear, rollup = Ear(), Rollup()
    pushes = RowBatcher(ear, rollup)  # type: ignore[arg-type]
    send(pushes, rollup, row("books", 1))
    assert len(ear.heard) == 1
    moment[0] += 0.001
    for one in (row("books", 2), row("toys", 1), row("books", 3)):
        send(pushes, rollup, one)
    assert len(ear.heard) == 1
    ((delay, ring),) = loop.timers
    assert delay == pytest.approx(MIN_INTERVAL_S - 0.001)
    ring()
    assert ear.heard[1] == {
        "rows": [(NOW, "books", "BRL", 3, 3, "300", 5), (NOW, "toys", "BRL", 1, 1, "100", 5)],
        "sums": {"BRL": (4, 4, "400")},
    }
    moment[0] += 1
    send(pushes, rollup, row("toys", 2))
    assert len(ear.heard) == 3


def test_many_viewers_make_the_pause_longer(moment: list[float], loop: Loop) -> None:
    """Each push costs for each of them."""
    ear, rollup = Ear(), Rollup()
    ear.viewers = 100
    pushes = RowBatcher(ear, rollup)  # type: ignore[arg-type]
    send(pushes, rollup, row("books", 1))
    moment[0] += 0.001
    send(pushes, rollup, row("books", 2))
    assert loop.timers[0][0] == pytest.approx(100 * INTERVAL_PER_VIEWER_S - 0.001)


def test_nothing_is_sent_where_nothing_has_changed(moment: list[float], loop: Loop) -> None:
    """A notice of something else wakes us up, too."""
    ear = Ear()
    RowBatcher(ear, Rollup()).flush()  # type: ignore[arg-type]
    assert (ear.heard, loop.timers, moment) == ([], [], [1_000.0])


def send(pushes: RowBatcher, rollup: Rollup, one: SecondRow) -> None:
    """Take a row in, as the reader does."""
    rollup.apply(one)
    pushes.add([one])
    pushes.flush()
