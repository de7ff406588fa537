"""A real headless browser, with a small page of our own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from spaf.errors import BrowserError
from spaf.measure.browser import Browser, Viewport
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import wait_until

PAGE = b"""<!doctype html><html lang="en"><title>small</title><p id="frames">0</p><script>
let drawn = 0;
function draw() { document.getElementById("frames").textContent = ++drawn;
  requestAnimationFrame(draw); }
draw();
</script>"""


class Handler(BaseHTTPRequestHandler):
    """Serves the one page."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Yield the address of a small page."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{LOOPBACK}:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield a browser; it leaves neither a process nor a file behind."""
    parent = tmp_path_factory.mktemp("browser")
    folder = parent / "runs"
    with Browser(chromium, folder, parent / "browser.log") as one:
        family = [psutil.Process(one.pid), *psutil.Process(one.pid).children(recursive=True)]
        yield one
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert list(folder.iterdir()) == []


def test_a_tab_draws_and_answers(browser: Browser, site: str) -> None:
    """At the full rate of frames, without a window, and in the size that was asked for."""
    tab = browser.open(site, Viewport(800, 600))
    assert wait_until(
        lambda: tab.value("globalThis.document.readyState === 'complete' ? drawn : 0") > 30, 10
    )
    assert tab.value("[innerWidth, innerHeight]") == [800, 600]
    assert tab.value("new Promise(done => setTimeout(() => done(42), 5))") == 42
    assert 0 < tab.heap_mib() < 50
    with pytest.raises(BrowserError, match="nothing_of_this_name"):
        tab.value("nothing_of_this_name")
    tab.close()


def test_tabs_share_nothing(browser: Browser, site: str) -> None:
    """What one stores, the next does not find: each is a first visit."""
    first = browser.open(site)
    first.value("localStorage.setItem('seen', 'yes')")
    first.close()
    second = browser.open(site)
    assert second.value("localStorage.getItem('seen')") is None
    second.close()


def test_a_script_of_ours_runs_before_the_page(browser: Browser, site: str) -> None:
    """It sees the page come up."""
    tab = browser.tab()
    tab.run_first("window.early = document.querySelectorAll('p').length")
    tab.go(site)
    assert wait_until(lambda: tab.value("window.early") == 0, 10)
    tab.close()


def test_no_other_server_can_be_reached(browser: Browser, site: str) -> None:
    """No name resolves: whatever a page or the browser itself wants, it stays on this machine."""
    with pytest.raises(BrowserError, match="ERR_NAME_NOT_RESOLVED"):
        browser.open("http://example.org/")
    tab = browser.open(site)
    assert wait_until(lambda: tab.value("document.title") == "small", 10)
    tab.close()


def test_a_browser_may_be_ended_twice(chromium: Path, tmp_path: Path) -> None:
    """A program that no longer needs it ends it before its block does."""
    with Browser(chromium, tmp_path / "runs", tmp_path / "browser.log") as browser:
        browser.close()
        assert not psutil.pid_exists(browser.pid)
        browser.close()


def test_an_address_where_nothing_is(browser: Browser) -> None:
    """Said with the address."""
    with pytest.raises(BrowserError, match="cannot open http://127"):
        browser.open("http://127.0.0.1:9/")
