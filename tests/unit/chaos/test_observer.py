"""What is seen from outside: rows that are current or not, what status and page say."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from spaf import clock
from spaf.chaos.fault import Scene
from spaf.chaos.observer import (
    Moment,
    RunObserver,
    Said,
    first_said,
    note,
    page_texts,
)

MakeScene = Callable[..., Scene]


def observed(make_scene: MakeScene, *moments: tuple[float, bool]) -> RunObserver:
    """Return an observer that has seen rows at these times before now, seconds."""
    observer, now = RunObserver(make_scene().run), clock.monotonic()
    observer.rows.extend(Moment(now - ago, current) for ago, current in moments)
    return observer


def test_rows_are_current_since_the_last_time_they_were_not(make_scene: MakeScene) -> None:
    """A gap in the middle ends what was before it."""
    observer = observed(make_scene, (9, True), (6, False), (4, True), (2, True), (0, True))
    now = clock.monotonic()
    assert observer.current_since(0.0) == pytest.approx(now - 4, abs=0.5)
    assert observer.current_since(now - 3) == pytest.approx(now - 2, abs=0.5)
    assert observer.stood_still(now - 8) == pytest.approx(now - 6, abs=0.5)
    assert observer.stood_still(now - 5) == 0.0


def test_rows_that_could_not_be_read_are_not_current(make_scene: MakeScene) -> None:
    """A reader that hangs says nothing, and that is no good news."""
    assert observed(make_scene, (9, True), (5, True)).current_since(0.0) is None
    assert observed(make_scene, (1, True), (0, False)).current_since(0.0) is None
    assert observed(make_scene).current_since(0.0) is None


def test_a_step_back_is_counted_over_all_partitions(make_scene: MakeScene) -> None:
    """From the farthest that was shown, not from the last reading."""
    observer = observed(make_scene)
    began = clock.monotonic()
    for counted in ({0: 100, 1: 50}, {0: 90, 1: 50}, {0: 95, 1: 20}, {0: 120, 1: 60}):
        observer._counted(counted, began)
    assert observer.stepped_back(began) == 35
    assert observer.stepped_back(clock.monotonic()) == 0


def test_only_what_changes_is_noted() -> None:
    """The first complaint after a fault counts, not one that was there before."""
    said: deque[Said] = deque()
    for text in ("", "", "a", "a", ""):
        note(said, text)
    assert [complaint.text for complaint in said] == ["", "a", ""]
    assert first_said(said, 0.0) == said[1]
    assert first_said(said, clock.monotonic() + 1) is None


@pytest.fixture
def page() -> Iterator[str]:
    """Serve a stream as the page does; it ends after three events."""
    pipelines = [
        {"cause": None, "culprit": None},
        {"cause": {"what": "Kafka does not answer."}, "culprit": "kafka"},
    ]
    events = [("tick", {"now_ms": 1}), *(("pipeline", pipeline) for pipeline in pipelines)]

    class Stream(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            for kind, data in events:
                text = f"id: 1\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
                self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Stream)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_is_read_from_its_stream(page: str) -> None:
    """Its causes are noted; an event without one says that all is well."""
    assert list(page_texts(page)) == ["", "Kafka does not answer."]


def test_standing_still_is_the_longest_time_without_a_further_record(
    make_scene: MakeScene,
) -> None:
    """From the moment on, and up to now; what was counted again is no growth."""
    observer, now = observed(make_scene), clock.monotonic()
    observer.growth.extend([now - 20, now - 9, now - 8, now - 3, now - 2.5])
    assert observer.stood_at_most(now - 10) == pytest.approx(5, abs=0.5)
    assert observer.stood_at_most(now - 3) == pytest.approx(2.5, abs=0.5)
    before = len(observer.growth)
    for counted in ({0: 5}, {0: 5}, {0: 3}, {0: 4, 1: 1}):
        observer._counted(counted, now)
    assert len(observer.growth) - before == 2
