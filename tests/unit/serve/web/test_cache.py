"""An answer is made once for all who ask within a second."""

from __future__ import annotations

import asyncio

import pytest

from spaf import clock
from spaf.serve.web import cache as module
from spaf.serve.web.cache import Cache


class Maker:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        """Begin with none."""
        self.made = 0

    async def __call__(self) -> object:
        """Make an answer."""
        self.made += 1
        await asyncio.sleep(0)
        return {"n": self.made}


def test_who_asks_at_the_same_time_gets_the_same() -> None:
    """A hundred pages cost one query."""
    make, cache = Maker(), Cache()

    async def ask() -> set[bytes]:
        return set(await asyncio.gather(*[cache.get(1, make) for _ in range(100)]))

    assert asyncio.run(ask()) == {b'{"n":1}'}
    assert make.made == 1


def test_an_answer_is_fresh_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is made anew; another question has another answer."""
    now, make, cache = [5.0], Maker(), Cache()
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])

    async def ask() -> list[int]:
        found = []
        for key, after in ((1, 0.0), (1, 0.9), (2, 0.0), (1, 0.2)):
            now[0] += after
            await cache.get(key, make)
            found.append(make.made)
        return found

    assert asyncio.run(ask()) == [1, 1, 2, 3]


def test_a_failure_is_not_kept() -> None:
    """The next who asks may be luckier."""
    cache, tries = Cache(), []

    async def make() -> object:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once")
        return 2

    async def ask() -> bytes:
        with pytest.raises(ValueError, match="once"):
            await cache.get(1, make)
        return await cache.get(1, make)

    assert asyncio.run(ask()) == b"2"


def test_only_so_many_are_kept() -> None:
    """A client that asks for ever new ranges does not fill the memory."""
    cache = Cache()

    async def ask() -> None:
        for n in range(3 * module.MAX_RESPONSES):
            await cache.get(n, Maker())

    asyncio.run(ask())
    assert len(cache._kept) == module.MAX_RESPONSES
