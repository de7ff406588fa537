"""A probe: answers, errors, and a neighbour that never answers."""

from __future__ import annotations

import asyncio
import threading

import pytest

from spaf import clock
from spaf.errors import StoreError, TopicError
from spaf.serve.monitor import probe as probe_module
from spaf.serve.monitor.probe import Probe


def test_answers_and_errors() -> None:
    """The newest answer stays when a later question fails, but it is not fresh then."""
    answers: list[int | Exception] = [1, StoreError("away"), ValueError("odd"), 2]

    def ask() -> int:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def poll_twice() -> list[tuple[int | None, bool, str | None]]:
        probe = Probe("test", ask)
        seen = [(probe.value, probe.fresh, probe.error)]
        for _ in range(4):
            await probe.poll(5.0)
            seen.append((probe.value, probe.fresh, probe.error))
        probe.close()
        return seen

    assert asyncio.run(poll_twice()) == [
        (None, False, None),
        (1, True, None),
        (1, False, "away"),
        (1, False, "ValueError: odd"),
        (2, True, None),
    ]


def test_a_server_that_hangs_delays_no_other_probe() -> None:
    """A look ends with its patience, the question is not asked twice, and the answer is taken."""
    go, asked = threading.Event(), 0

    def ask() -> str:
        nonlocal asked
        asked += 1
        go.wait(30)
        return "late"

    async def poll_twice() -> None:
        probe = Probe("test", ask)
        began = clock.monotonic()
        for _ in range(3):
            await probe.poll(0.02)
        assert 0.06 <= clock.monotonic() - began < 5
        assert probe.silent_s >= 0.06
        assert not probe.fresh
        go.set()
        await probe.poll(10.0)
        assert (asked, probe.value, probe.silent_s, probe.fresh) == (1, "late", 0.0, True)
        probe.close()

    asyncio.run(poll_twice())


def test_an_answer_after_the_end_is_lost_in_silence() -> None:
    """The loop may be gone when a neighbour answers at last."""
    go, done = threading.Event(), threading.Event()

    def ask() -> None:
        go.wait(30)

    async def poll_twice() -> Probe[None]:
        probe = Probe("test", ask, done.set)
        await probe.poll(0.01)
        return probe

    probe = asyncio.run(poll_twice())
    go.set()
    probe.close()
    assert probe.join(10)
    assert done.is_set(), "what the question uses was not closed"


@pytest.mark.parametrize(("timeout_s", "silent"), [(0.0, True), (9.0, False)])
def test_a_call_that_times_out_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, timeout_s: float, *, silent: bool
) -> None:
    """The silence goes on in the next call; an error that comes at once ends it."""
    monkeypatch.setattr(probe_module, "MIN_TIMEOUT_S", timeout_s)

    def ask() -> str:
        raise TopicError("no broker answers")

    async def poll_twice() -> None:
        probe = Probe("test", ask)
        for _ in range(2):
            await probe.poll(10.0)
        assert probe.error == "no broker answers"
        assert (probe.silent_s > 0.0) is silent
        probe.close()

    asyncio.run(poll_twice())
