"""The page with roles in a real browser: the login, and what a viewer may not press."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spaf.errors import BrowserError
from spaf.measure.browser import Browser, Tab
from spaf.serve import app
from spaf.serve.app import build
from spaf.serve.run_info import RunInfo
from spaf.serve.web.page_options import RoleOptions
from spaf.serve.web.roles import Roles
from spaf.serve.web.server import Server
from spaf.stack.ports import any_free_port
from spaf.stack.process import wait_until
from tests.support.page_roles import ROLE_TOKENS, TOKEN

PATIENCE_S = 20.0
LOGIN = "!!document.getElementById('login-token')"


@pytest.fixture
def address(
    run_info: Callable[..., RunInfo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Serve the page of a run whose services are silent, with both tokens."""
    monkeypatch.setattr(app, "MAX_LOAD_S", 0.01)
    files = {role: tmp_path / role for role in ("viewer", "operator")}
    for role, file in files.items():
        file.write_text(ROLE_TOKENS[role])
    options = RoleOptions(
        viewer_token_file=str(files["viewer"]), operator_token_file=str(files["operator"])
    )
    port = any_free_port()
    site = build(run_info(runs=tmp_path), port, TOKEN, None, Roles(options))
    server = Server(site, port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert wait_until(lambda: server.started, PATIENCE_S, poll=0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(PATIENCE_S)


@pytest.fixture
def tab(chromium: Path, tmp_path: Path, address: str) -> Iterator[Tab]:
    """Open the page in a browser that has never been there."""
    with Browser(chromium, tmp_path / "runs", tmp_path / "browser.log") as browser:
        yield browser.open(address)


def becomes(tab: Tab, script: str) -> bool:
    """Wait until an expression is true; while a page loads it may have no value."""

    def is_true() -> bool:
        with contextlib.suppress(BrowserError):
            return bool(tab.value(script))
        return False

    return wait_until(is_true, PATIENCE_S)


def shows(tab: Tab, test: str, text: str) -> bool:
    """Wait until an element of the page has a text."""
    node = f"document.querySelector('[data-test={test}]')"
    return becomes(tab, f"{node}?.textContent.includes({json.dumps(text)})")


def disabled(tab: Tab, test: str) -> bool:
    """Return whether a button cannot be pressed."""
    return bool(tab.value(f"document.querySelector('[data-test={test}]').disabled"))


def enter(tab: Tab, token: str) -> None:
    """Type a token and press Enter."""
    tab.value(
        f"document.getElementById('login-token').value = {json.dumps(token)};"
        "document.querySelector('[data-test=login-enter]').click()"
    )


def test_a_viewer_logs_in_reads_and_leaves(tab: Tab, address: str) -> None:
    """By the form, then by a link with the token behind `#`, which leaves the address."""
    assert becomes(tab, LOGIN)
    enter(tab, ROLE_TOKENS["stranger"])
    assert shows(tab, "login-problem", "neither viewers nor operators")
    enter(tab, ROLE_TOKENS["viewer"])
    assert shows(tab, "user", "viewer")
    assert shows(tab, "controls-told", "only operators start")
    assert shows(tab, "measure-viewer", "only operators start")
    assert disabled(tab, "load-start")
    assert disabled(tab, "measure-toggle")
    tab.value("document.querySelector('[data-test=log-out]').click()")
    assert becomes(tab, LOGIN)
    tab.go(f"{address}/?x=1#token={ROLE_TOKENS['operator']}")
    assert shows(tab, "user", "operator")
    assert tab.value("location.href") == f"{address}/?x=1"
    assert becomes(tab, "document.querySelector('[data-test=measure-toggle]')?.disabled === false")
    assert tab.value("!!document.querySelector('[data-test=measure-viewer]')") is False
