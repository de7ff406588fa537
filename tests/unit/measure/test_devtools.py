"""Messages to a browser and back, over real pipes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from spaf.errors import BrowserError
from spaf.measure import devtools
from spaf.measure.devtools import DevTools


class Peer:
    """The other end of the pipes, where Chromium would be."""

    def __init__(self) -> None:
        """Make the pipes."""
        self.commands, ours = os.pipe()
        answers, self.answers = os.pipe()
        self.devtools = DevTools(ours, answers)

    def send(self, *messages: Any) -> None:
        """Send messages, each ended by a zero byte."""
        for message in messages:
            os.write(self.answers, msgspec.json.encode(message) + b"\0")

    def asked(self) -> list[dict[str, Any]]:
        """Return what was sent to the browser."""
        return [msgspec.json.decode(m) for m in os.read(self.commands, 65_536).split(b"\0")[:-1]]

    def end(self) -> None:
        """Go away, as a browser does that has ended."""
        os.close(self.answers)
        self.answers = -1


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Yield the other end."""
    one = Peer()
    yield one
    one.devtools.close()
    os.close(one.commands)
    if one.answers >= 0:
        os.close(one.answers)


def event(session: str, number: int) -> dict[str, Any]:
    """Return something that a tab tells."""
    return {"method": "Page.seen", "sessionId": session, "params": {"n": number}}


def test_a_command_gets_its_own_answer(peer: Peer) -> None:
    """Answers to others and events in between are not taken for it."""
    peer.send(event("a", 1), {"id": 1, "result": {"one": 1}}, {"id": 2, "result": {"two": 2}})
    assert peer.devtools.call("First.thing", "a", x=5) == {"one": 1}
    assert peer.devtools.call("Second.thing") == {"two": 2}
    assert peer.asked() == [
        {"id": 1, "method": "First.thing", "params": {"x": 5}, "sessionId": "a"},
        {"id": 2, "method": "Second.thing", "params": {}},
    ]


def test_events_are_kept_for_their_tab(peer: Peer) -> None:
    """Each is returned once, in order, and only for its own tab."""
    peer.send(event("a", 1), event("b", 2), event("a", 3))
    assert [event_["params"]["n"] for event_ in peer.devtools.events("a")] == [1, 3]
    assert peer.devtools.events("a") == []
    assert [event_["params"]["n"] for event_ in peer.devtools.events("b")] == [2]


def test_a_message_may_come_in_pieces(peer: Peer) -> None:
    """A pipe knows no messages."""
    whole = msgspec.json.encode(event("a", 7)) + b"\0"
    os.write(peer.answers, whole[:9])
    assert peer.devtools.events("a") == []
    os.write(peer.answers, whole[9:])
    assert [event_["params"]["n"] for event_ in peer.devtools.events("a")] == [7]


def test_a_refusal_says_why(peer: Peer) -> None:
    """The browser's own words."""
    peer.send({"id": 1, "error": {"code": -1, "message": "no such thing"}})
    with pytest.raises(BrowserError, match=r"refuses Odd\.thing: no such thing"):
        peer.devtools.call("Odd.thing")


def test_a_browser_that_has_ended_is_named(peer: Peer) -> None:
    """At once, not after the patience for an answer."""
    peer.end()
    with pytest.raises(BrowserError, match="does not answer"):
        peer.devtools.call("Any.thing")


def test_a_browser_that_hangs_is_not_waited_for_for_ever(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patience is a constant of the module."""
    monkeypatch.setattr(devtools, "RESPONSE_TIMEOUT_S", 0.02)
    with pytest.raises(BrowserError, match="does not answer"):
        peer.devtools.call("Any.thing")


def test_letting_go_twice_is_letting_go_once(peer: Peer) -> None:
    """A measurement ends the browser before its block does; other files must not be closed."""
    peer.devtools.close()
    other = os.pipe()
    peer.devtools.close()
    for end in other:
        os.close(end)
