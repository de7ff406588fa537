"""What each viewer gets: everything once and in order, or the newest state; never an old event."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from spaf import clock
from spaf.serve.push import hub as module
from spaf.serve.push.hub import Hub, Viewer

Heard = list[tuple[str, str, Any]]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Begin at an odd moment."""
        self.now = 1_000.5

    def __call__(self) -> float:
        """Return the moment."""
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Hold the monotonic clock."""
    held = Clock()
    monkeypatch.setattr(clock, "monotonic", held)
    return held


@pytest.fixture
def state() -> dict[str, object]:
    """Return the state that snapshots show."""
    return {"made": 0}


@pytest.fixture
def hub(time: Clock, state: dict[str, Any]) -> Hub:
    """Return a hub that counts its snapshots."""
    del time

    def snapshot() -> dict[str, object]:
        state["made"] += 1
        return dict(state)

    return Hub("e", snapshot)


def heard(hub: Hub, viewer: Viewer) -> Heard:
    """Return what a viewer is sent now, as (id, kind, data)."""
    found: Heard = []
    for block in filter(None, hub.next(viewer).decode().split("\n\n")):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["id"], fields["event"], msgspec.json.decode(fields["data"])))
    return found


def kinds(found: Heard) -> list[str]:
    """Return the kinds of what was heard."""
    return [kind for _, kind, _ in found]


def test_who_joins_gets_the_state_and_then_what_happens(hub: Hub) -> None:
    """Each event once, in order, numbered."""
    hub.publish("tick", 1)
    viewer = hub.join(None)
    assert heard(hub, viewer) == [("e-1", "snapshot", {"made": 1})]
    hub.publish("rows", [1])
    hub.publish("tick", 2)
    assert heard(hub, viewer) == [("e-2", "rows", [1]), ("e-3", "tick", 2)]
    assert heard(hub, viewer) == []


def test_what_happens_before_the_snapshot_is_in_it(hub: Hub) -> None:
    """And is not sent after it: an old event would undo a part of the state."""
    viewer = hub.join(None)
    hub.publish("rows", [1])
    assert heard(hub, viewer) == [("e-1", "snapshot", {"made": 1})]


def test_one_snapshot_serves_all_who_join_together(hub: Hub) -> None:
    """A hundred browsers that come back at once cost one."""
    viewers = [hub.join(None) for _ in range(100)]
    assert {hub.next(viewer) for viewer in viewers} == {hub.next(hub.join(None))}
    hub.publish("tick", 1)
    assert heard(hub, hub.join(None)) == [("e-1", "snapshot", {"made": 2})]


def test_who_comes_back_gets_what_was_missed(hub: Hub) -> None:
    """By the id of the last event that was seen; nothing twice, nothing left out."""
    viewer = hub.join(None)
    heard(hub, viewer)
    hub.publish("rows", [1])
    ((last, _, _),) = heard(hub, viewer)
    hub.leave(viewer)
    hub.publish("rows", [2])
    hub.publish("rows", [3])
    again = hub.join(last)
    assert [data for _, _, data in heard(hub, again)] == [[2], [3]]
    hub.publish("rows", [4])
    assert [data for _, _, data in heard(hub, again)] == [[4]]


def test_who_has_missed_nothing_gets_nothing(hub: Hub) -> None:
    """Not even a snapshot."""
    viewer = hub.join(None)
    heard(hub, viewer)
    hub.publish("rows", [1])
    assert heard(hub, hub.join("e-1")) == []


@pytest.mark.parametrize(
    "last",
    [
        "",
        "e",
        "e-",
        "e-x",
        "e--1",
        "e-99",
        "other-1",
        "-1",
        "e-1e3",
        "e-\u0663",
        "e-" + "9" * 5_000,
    ],
)
def test_an_id_that_is_none_of_ours_means_a_snapshot(hub: Hub, last: str) -> None:
    """Of another process, of the future, or of no process."""
    hub.leave(hub.join(None))
    for n in range(3):
        hub.publish("rows", [n])
    assert kinds(heard(hub, hub.join(last))) == ["snapshot"]


def test_who_stays_away_too_long_gets_a_snapshot(hub: Hub, time: Clock) -> None:
    """The ring holds half a minute."""
    viewer = hub.join(None)
    hub.publish("rows", [1])
    time.now += module.RING_S - 1
    hub.publish("rows", [2])
    hub.leave(viewer)
    assert kinds(heard(hub, hub.join("e-1"))) == ["rows"]
    time.now += 2
    hub.publish("rows", [3])
    assert kinds(heard(hub, hub.join("e-1"))) == ["rows", "rows"]
    assert kinds(heard(hub, hub.join("e-0"))) == ["snapshot"]


def test_a_slow_viewer_gets_the_newest_state(hub: Hub) -> None:
    """Its queue is given up; the others lose nothing."""
    slow, quick = hub.join(None), hub.join(None)
    heard(hub, slow)
    heard(hub, quick)
    for n in range(module.MAX_QUEUED_EVENTS + 1):
        hub.publish("rows", [n])
        assert [data for _, _, data in heard(hub, quick)] == [[n]]
    assert kinds(heard(hub, slow)) == ["snapshot"]
    hub.publish("rows", ["new"])
    assert [data for _, _, data in heard(hub, slow)] == [["new"]]


def test_a_queue_is_bounded_in_bytes_too(hub: Hub) -> None:
    """Few events can be long ones."""
    viewer = hub.join(None)
    heard(hub, viewer)
    for _ in range(3):
        hub.publish("rows", "x" * (module.MAX_QUEUED_BYTES // 2))
    assert kinds(heard(hub, viewer)) == ["snapshot"]


def test_the_ring_is_bounded_in_bytes(hub: Hub) -> None:
    """A single event may be larger than all of it."""
    hub.leave(hub.join(None))
    hub.publish("rows", "x" * (module.RING_BYTES + 1))
    assert kinds(heard(hub, hub.join("e-0"))) == ["snapshot"]
    hub.publish("rows", [1])
    assert kinds(heard(hub, hub.join("e-1"))) == ["rows"]


def test_a_page_without_viewers_costs_nothing(hub: Hub, time: Clock) -> None:
    """Without a viewer nothing is written; one that joins then gets a snapshot."""
    time.now += module.RING_S + 1
    hub.publish("rows", object())  # what cannot be encoded would raise
    assert kinds(heard(hub, hub.join("e-1"))) == ["snapshot"]


def test_a_change_that_no_event_tells_begins_everybody_anew(hub: Hub) -> None:
    """Those who listen and those who come back."""
    viewer = hub.join(None)
    heard(hub, viewer)
    hub.publish("rows", [1])
    hub.refresh()
    assert kinds(heard(hub, viewer)) == ["snapshot"]
    assert kinds(heard(hub, hub.join("e-1"))) == ["snapshot"]


def test_what_is_old_is_not_shown_as_present(hub: Hub, time: Clock) -> None:
    """A collector that says nothing for seconds has nothing to say."""
    hub.publish("load", {"rate": 100})
    assert hub.fresh("load") == {"rate": 100}
    assert hub.fresh("score") is None
    time.now += module.FRESH_S
    assert hub.fresh("load") is None


def test_every_viewer_is_sent_the_same_bytes(hub: Hub) -> None:
    """Encoded once for all viewers."""
    viewers = [hub.join(None) for _ in range(3)]
    for viewer in viewers:
        hub.next(viewer)
    hub.publish("rows", [1])
    first, *others = [viewer._waiting[0] for viewer in viewers]
    assert all(other is first for other in others)


def test_closing_ends_every_stream(hub: Hub) -> None:
    """Each viewer is woken up."""
    viewer = hub.join(None)
    heard(hub, viewer)
    hub.close()
    assert viewer.ended
    assert viewer._some.is_set()
