"""One run and one real browser for all tests of the live page; each test opens its own tab."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from spaf.bench.page.access import page_address
from spaf.bench.run.load import Load, offered
from spaf.bench.run.verdict import wait_until_done
from spaf.measure.browser import WITHOUT_FEATURES, runs_as_root
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.topic.producer import open_producer
from tests.support.commands import FullRun

# Limit of every wait, far above what a busy machine needs, seconds.
PATIENCE_S = 30.0
# Between two looks at the page, each of which costs the browser some milliseconds.
LOOK_S = 0.2
STEADY_RATE = 20.0
# Of axe-core's rules and findings.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    # Only of these are the nodes described, which takes most of the time.
    "resultTypes": ["violations"],
}
SERIOUS = ("serious", "critical")
# Runs before the scripts of the page.
WITNESS = """
  window.spafBlocked = [];
  document.addEventListener("securitypolicyviolation",
    (event) => window.spafBlocked.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@pytest.fixture(scope="package")
def run(chromium: Path, full_run: FullRun) -> Run:  # noqa: ARG001 - no run without a browser
    """Return the whole run: services, job, Locust and the page."""
    return Run.attach(full_run.settings)


@pytest.fixture(scope="package")
def address(run: Run) -> str:
    """Return where the page is."""
    return page_address(run)


@pytest.fixture(scope="package")
def browser(chromium: Path) -> Iterator[Browser]:
    """Yield the one browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[WITHOUT_FEATURES, *(["--no-sandbox"] if runs_as_root() else [])],
            timeout=PATIENCE_S * 1_000,
        )
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page in the browser, and the problems that it has reported."""

    page: Page
    context: BrowserContext
    # Parts of console messages that the test provokes.
    expected: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return the text of an element, by its `data-test`."""
        return self.page.locator(f'[data-test="{name}"]').first.inner_text()

    def number(self, name: str) -> int:
        """Return the whole number that an element shows; -1 while it shows none."""
        digits = re.sub(r"\D", "", self.text(name))
        return int(digits) if digits else -1

    def cents(self, name: str) -> int:
        """Return the amount that an element shows with two decimals, in cents."""
        return self.number(name)

    def seen(self, name: str, seconds: float = PATIENCE_S) -> None:
        """Wait until an element is visible."""
        self.page.locator(f'[data-test="{name}"]').first.wait_for(timeout=seconds * 1_000)

    def gone(self, name: str, seconds: float = PATIENCE_S) -> None:
        """Wait until an element is hidden."""
        found = self.page.locator(f'[data-test="{name}"]').first
        found.wait_for(state="hidden", timeout=seconds * 1_000)

    def live(self) -> None:
        """Wait until the page states that its data are live."""
        self.page.locator('body[data-live="live"]').wait_for(timeout=PATIENCE_S * 1_000)

    def faults(self) -> list[tuple[str, Any, str]]:
        """Return the serious accessibility faults that axe-core finds."""
        found = Axe().run(self.page, options=RULES).response["violations"]
        return [
            (one["id"], node["target"], node["failureSummary"])
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
        """Wait until a condition holds, while the events of the page are handled."""

        def holds() -> bool:
            self.page.evaluate("0")  # lets Playwright handle the events of the page
            return condition()

        return wait_until(holds, seconds, poll=LOOK_S)


@pytest.fixture
def open_tab(browser: Browser, address: str) -> Iterator[Callable[..., Tab]]:
    """Return a function that opens the page; the test fails if a tab has reported a problem."""
    tabs: list[Tab] = []

    def make(*, path: str = "/", **options: Any) -> Tab:
        context = browser.new_context(
            **{"locale": "en-US", "viewport": {"width": 1366, "height": 768}, **options}
        )
        context.add_init_script(WITNESS)
        tab = Tab(context.new_page(), context)
        tabs.append(tab)
        _witness(tab, address)
        tab.page.goto(address + path)
        tab.page.locator("html[lang]").wait_for(state="attached")
        return tab

    yield make
    for tab in tabs:
        with contextlib.suppress(Exception):
            tab.problems += tab.page.evaluate("window.spafBlocked")
        tab.context.close()
    problems = [problem for tab in tabs for problem in tab.problems]
    assert problems == []


@pytest.fixture
def tab(open_tab: Callable[..., Tab]) -> Tab:
    """Return the page in English on a laptop, connected."""
    tab = open_tab()
    tab.seen("produced")
    assert tab.until(lambda: tab.number("produced") >= 0)
    return tab


def _witness(tab: Tab, address: str) -> None:
    """Record each error of the console, each dialog and each request to another origin."""

    def allow(route: Route) -> None:
        url = route.request.url
        if url.startswith((f"{address}/", "data:")) or url == address:
            route.continue_()
        else:
            tab.problems.append(f"request to {url}")
            route.abort()

    tab.context.route("**/*", allow)
    tab.page.on("pageerror", lambda error: tab.problems.append(f"thrown: {error}"))

    def console(message: Any) -> None:
        unexpected = not any(part in message.text for part in tab.expected)
        if message.type in ("error", "warning") and unexpected:
            tab.problems.append(f"console: {message.text}")

    def dialog(one: Any) -> None:
        tab.problems.append(f"dialog: {one.message}")
        one.dismiss()

    tab.page.on("console", console)
    tab.page.on("dialog", dialog)


@pytest.fixture(scope="package")
def send(run: Run) -> Callable[..., None]:
    """Return a function that appends records, objects or bytes, and waits for the broker."""
    producer = open_producer(run.kafka, "spaf-test")

    def append(*values: Any, key: bytes | None = None, headers: Any = None) -> None:
        for value in values:
            record = value if isinstance(value, bytes) else msgspec.json.encode(value)
            producer.produce(run.topic, record, key=key, headers=headers)
        assert producer.flush(PATIENCE_S) == 0

    return append


@pytest.fixture
def load(run: Run) -> Iterator[Callable[[float], Load]]:
    """Return a function that starts sales at a rate; they stop with the test."""
    loads: list[Load] = []

    def start(rate: float) -> Load:
        loads.append(_selling(run, rate))
        return loads[-1]

    yield start
    for one in loads:
        one.stop()
        one.result()


@pytest.fixture(scope="module")
def steady_load(run: Run) -> Iterator[None]:
    """Sell at STEADY_RATE sales a second while the tests of a module run."""
    load = _selling(run, STEADY_RATE)
    yield
    load.stop()
    load.result()


def _selling(run: Run, rate: float) -> Load:
    """Return a load after its first sale: one that is stopped before it leaves no counts."""
    produced = sum(run.end_offsets().values())
    load = Load(run, offered(run), rate=rate, seconds=600)
    assert wait_until(lambda: load.done or sum(run.end_offsets().values()) > produced, PATIENCE_S)
    return load


@pytest.fixture
def pause(run: Run) -> Callable[[], None]:
    """Return a function that waits until every record of the topic is in the tables."""
    return lambda: wait_until_done(run, run.end_offsets())
