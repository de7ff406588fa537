"""The page while the run starts, on a real socket, and its change into the whole page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from spaf.errors import NotUpError
from spaf.serve import app, start_site
from spaf.serve.app import Site, build
from spaf.serve.run_info import RunInfo
from spaf.serve.start_site import StartSite
from spaf.serve.start_view import StageState, StartStage, StartView
from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.server import Server
from spaf.stack.ports import any_free_port
from spaf.stack.process import wait_until

PATIENCE_S = 20.0
TOKEN = "the-right-token"  # noqa: S105 - it opens nothing
KAFKA = StartStage(name="kafka", state=StageState.STARTING, since_ms=1)


class Starting:
    """A run that starts, and the server of its page."""

    def __init__(self, source: RunInfo) -> None:
        """Begin."""
        self.view = StartView(phase="starting", began_ms=0, stages=[KAFKA])
        self.builds = 0
        self.failures: list[Exception] = []
        self._source = source
        self.port = any_free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        site = StartSite(lambda: self.view, self._build, PageAddresses(self.port), TOKEN)
        self.server = Server(site, self.port)

    def _build(self) -> Site:
        self.builds += 1
        if self.failures:
            raise self.failures.pop()
        return build(self._source, self.port, TOKEN)

    def get(self, path: str) -> httpx.Response:
        """Send one request."""
        return httpx.get(f"{self.address}{path}")

    @contextmanager
    def events(self) -> Iterator[Iterator[tuple[str, Any]]]:
        """Open a stream and yield its events."""
        with httpx.stream("GET", f"{self.address}/api/stream", timeout=PATIENCE_S) as answer:
            yield read(answer.iter_lines())


def read(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield kind and data of each event."""
    kind = ""
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


@pytest.fixture
def starting(source: RunInfo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starting]:
    """Serve the page of a run that starts."""
    monkeypatch.setattr(app, "MAX_LOAD_S", 0.01)
    monkeypatch.setattr(start_site, "POLL_S", 0.01)
    monkeypatch.setattr(start_site, "RETRY_S", 0.01)
    made = Starting(source)
    thread = threading.Thread(target=made.server.run, daemon=True)
    thread.start()
    assert wait_until(lambda: made.server.started, PATIENCE_S, poll=0.01)
    yield made
    made.server.should_exit = True
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_page_is_there_at_once(starting: Starting) -> None:
    """With its files, its policy and the mark that the run starts."""
    page = starting.get("/")
    assert page.status_code == 200
    assert '<body data-live="starting">' in page.text
    assert TOKEN in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert starting.get("/static/js/main.js").status_code == 200
    assert starting.get("/static/nothing.js").json()["error"] == "There is nothing at this address."


@pytest.mark.parametrize("path", ["/healthz", "/api/rows", "/api/history?range=1m", "/api/nothing"])
def test_everything_else_is_refused_in_a_sentence(starting: Starting, path: str) -> None:
    """With what to do; nothing is asked of services that are not there."""
    answer = starting.get(path)
    assert answer.status_code == 503
    body = answer.json()
    assert body["error"].startswith("SPAF is starting")
    assert (body["code"], "spaf status" in body["todo"]) == ("starting", True)
    assert starting.builds == 0


def test_changes_need_the_token_as_ever(starting: Starting) -> None:
    """The guard of the page is there from its first second on."""
    address = f"{starting.address}/api/load"
    headers = {"content-type": "application/json"}
    assert httpx.post(address, headers=headers, json={}).status_code == 403
    headers["x-spaf-token"] = TOKEN
    assert httpx.post(address, headers=headers, json={}).status_code == 503
    assert httpx.get(starting.address, headers={"host": "evil.example"}).status_code == 421


def test_stream_holds_each_change(starting: Starting) -> None:
    """The state at once, then what has changed."""
    with starting.events() as events:
        kind, data = next(events)
        assert (kind, data["start"]["phase"]) == ("start", "starting")
        assert data["start"]["stages"][0]["name"] == "kafka"
        ready = StartStage(name="kafka", state=StageState.READY, since_ms=1, ready_ms=2)
        starting.view = StartView(phase="starting", began_ms=0, stages=[ready])
        assert any(event["start"]["stages"][0]["ready_ms"] == 2 for _, event in events)


def test_once_the_run_is_up_the_whole_page_answers(starting: Starting) -> None:
    """Open streams end, and what connects again gets the snapshot; no reload is needed."""
    with starting.events() as events:
        next(events)
        starting.view = StartView(phase="running", began_ms=0, stages=[])
        assert {kind for kind, _ in events} <= {"start"}
    with starting.events() as events:
        assert next(events)[0] == "snapshot"
    assert starting.get("/healthz").json() == {"ok": True}
    assert '<body data-live="connecting">' in starting.get("/").text


def test_page_that_cannot_be_completed_is_tried_again(starting: Starting) -> None:
    """A run that has just ended, or a defect."""
    starting.failures = [ZeroDivisionError("a defect"), NotUpError("Nothing runs.")]
    starting.view = StartView(phase="running", began_ms=0, stages=[])
    assert wait_until(lambda: starting.get("/healthz").status_code == 200, PATIENCE_S)
    assert starting.builds == 3


def test_stream_ends_with_the_cause(starting: Starting) -> None:
    """The process is ended soon after a failure, and the page has to show why."""
    with starting.events() as events:
        next(events)
        starting.view = StartView(
            phase="failed", began_ms=0, stages=[KAFKA], message="kafka: ended while starting"
        )
        starting.server.should_exit = True
        messages = [data["start"]["message"] for _, data in events]
    assert messages[-1] == "kafka: ended while starting"
