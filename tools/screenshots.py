"""Make the README's pictures of the page, from real runs: `make screenshots`.

    python tools/screenshots.py [PART ...]

Sales come in at 100 a second, with anomalies; after a while the page is opened in headless Chromium
in both themes and languages. Then the page measures, and a run with roles shows what a viewer and
an operator see. The pictures are WebP, which Chromium writes itself.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from spaf import clock, settings
from spaf.bench.page.access import open_browser, page_address
from spaf.bench.run.load import stop_page
from spaf.cli.terminal.progress import StartProgress
from spaf.errors import BrowserError, SpafError
from spaf.generate.locust.client import LocustClient
from spaf.measure.browser import Browser, Tab, Viewport, find
from spaf.settings import Settings
from spaf.stack.process import wait_until
from spaf.stack.run import Run, running
from spaf.stack.service_names import LOCUST, SERVE

IMAGES = Path(__file__).parents[1] / "docs" / "images"
RATE = 100.0
# Enough for a minute's chart to be full and for anomalies to have come, seconds.
SELL_SECONDS = 100.0
# Interval of the anomalies on demand, in addition to those of the load, seconds.
INJECT_EVERY_S = 20.0
KINDS = ("price_x10", "surge", "price_div10", "bulk_quantity")
# A page that was just opened has had every kind of news and drawn it, seconds.
DRAWN_SECONDS = 6.0
MESSAGES = "document.querySelectorAll('#kafka .messages summary').length"
LOADED_TIMEOUT_S = 30.0
# The measurement of the picture: short, at three rates.
SWEEP = {"action": "start", "rates": [10, 100, 1000], "seconds": 6}
# Of the measurement: far above what it needs.
MEASURED_TIMEOUT_S = 240.0
VERDICT = "document.querySelector('[data-test=measure-verdict]')?.dataset.outcome ?? ''"
# The largest picture that a README should carry, and the qualities that are tried for it.
MAX_IMAGE_BYTES = 200_000
QUALITIES = (80, 70, 60, 50)


@dataclass(frozen=True)
class Picture:
    """One picture of the page."""

    name: str
    theme: str
    language: str
    # Which part of the page is at the top.
    part: str = "top"

    @property
    def viewport(self) -> Viewport:
        """What is seen of the page."""
        return DESKTOP if self.part in WHOLE else PANEL


DESKTOP = Viewport(1440, 1000)
# One section.
PANEL = Viewport(1200, 560)
WHOLE = ("top", "anomalies", "kafka")
ROLES = ("viewer", "operator")
PICTURES = (
    Picture("page-light-en", "light", "en-US"),
    Picture("page-dark-en", "dark", "en-US"),
    Picture("page-light-pt", "light", "pt-BR"),
    Picture("page-dark-pt", "dark", "pt-BR"),
    Picture("anomalies-light-en", "light", "en-US", part="anomalies"),
    Picture("anomalies-light-pt", "light", "pt-BR", part="anomalies"),
    Picture("kafka-dark-en", "dark", "en-US", part="kafka"),
    Picture("kafka-dark-pt", "dark", "pt-BR", part="kafka"),
    Picture("measure-light-en", "light", "en-US", part="measure"),
    Picture("measure-light-pt", "light", "pt-BR", part="measure"),
    Picture("viewer-light-en", "light", "en-US", part="viewer"),
    Picture("viewer-light-pt", "light", "pt-BR", part="viewer"),
    Picture("operator-light-en", "light", "en-US", part="operator"),
    Picture("operator-light-pt", "light", "pt-BR", part="operator"),
)


def main() -> int:
    """Make the pictures of the named parts, or of all."""
    parts = sys.argv[1:] or {picture.part for picture in PICTURES}
    try:
        chosen = settings.load()
        program = find(chosen.serve.browser)
        IMAGES.mkdir(exist_ok=True)
        if set(parts).difference(ROLES):
            with running(chosen, StartProgress()) as session:
                _open_page(session, program, parts)
        _roles(chosen, program, [role for role in ROLES if role in parts])
    except SpafError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _open_page(session: Run, program: Path, parts: Iterable[str]) -> None:
    """Take the pictures of the page that everyone may operate."""
    address = page_address(session)
    with open_browser(session, program) as browser:
        whole = [part for part in WHOLE if part in parts]
        if whole:
            _sell(session)
            _inject_now_and_then(browser, address)
            _take_all(browser, address, whole)
            stop_page(session, session.state().services[LOCUST].address)
        if "measure" in parts:
            _measure(browser, address)
            _take_all(browser, address, ["measure"])


def _measure(browser: Browser, address: str) -> None:
    """Let the page measure, and wait for its verdict."""
    print("measuring ...")
    tab = browser.open(address)
    clock.sleep(DRAWN_SECONDS)
    _post(tab, "/api/measure", SWEEP)
    if not wait_until(lambda: tab.value(VERDICT) != "", MEASURED_TIMEOUT_S):
        raise BrowserError("The measurement of the page has not ended.")
    if tab.value(VERDICT) != "valid":
        raise BrowserError("The measurement is not valid.", todo="End other programs, try again.")
    tab.close()


def _roles(chosen: Settings, program: Path, roles: Sequence[str]) -> None:
    """Take the pictures of each role, on a run that has both."""
    if not roles:
        return
    tokens = {role: secrets.token_urlsafe() for role in ROLES}
    with TemporaryDirectory(prefix="spaf-tokens-") as folder:
        files = {role: Path(folder, f"{role}.token") for role in ROLES}
        for role, file in files.items():
            file.touch(mode=0o600)
            file.write_text(tokens[role])
        changed = {f"{role}_token_file": file for role, file in files.items()}
        serve = chosen.serve.model_copy(update=changed)
        with running(chosen.model_copy(update={"serve": serve}), StartProgress()) as session:
            _sell(session)
            address = session.state().services[SERVE].address
            clock.sleep(DRAWN_SECONDS)
            with open_browser(session, program) as browser:
                for role in roles:
                    _take_all(browser, f"{address}/#token={tokens[role]}", [role])


def _sell(session: Run) -> None:
    services = session.state().services
    wait_until(lambda: session.state().services[LOCUST].state == "running", 30)
    with LocustClient(services[LOCUST].address) as locust:
        locust.start(RATE)


def _inject_now_and_then(browser: Browser, address: str) -> None:
    """Let sales come in, and press the page's own button for an anomaly now and then."""
    print(f"selling for {SELL_SECONDS:.0f} s ...")
    tab = browser.open(address)
    end = clock.monotonic() + SELL_SECONDS
    number = 0
    while clock.monotonic() < end:
        clock.sleep(INJECT_EVERY_S)
        _post(tab, "/api/inject", {"kind": KINDS[number % len(KINDS)], "category": None})
        number += 1
    tab.close()


def _post(tab: Tab, path: str, body: object) -> None:
    """Send a change as the page does, with its token."""
    tab.value(
        f"fetch('{path}', {{method: 'POST', headers: {{'content-type': 'application/json',"
        " 'x-spaf-token': document.querySelector('meta[name=spaf-token]').content},"
        f" body: JSON.stringify({json.dumps(body)})}}).then(answer => answer.status)"
    )


def _take_all(browser: Browser, address: str, parts: Iterable[str]) -> None:
    for picture in PICTURES:
        if picture.part in parts:
            _take(browser, address, picture)


def _take(browser: Browser, address: str, picture: Picture) -> None:
    tab = browser.tab(picture.viewport)
    tab.call("Emulation.setScrollbarsHidden", hidden=True)
    tab.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": picture.theme}],
    )
    agent = browser.devtools.call("Browser.getVersion")["userAgent"]
    tab.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=picture.language)
    tab.go(address)
    clock.sleep(DRAWN_SECONDS)
    section = "controls" if picture.part in ROLES else picture.part
    show = f"document.getElementById('{section}').scrollIntoView()"
    tab.value(show)
    # The topics and messages are read once they come into sight; then the page is longer.
    if picture.part == "kafka":
        wait_until(lambda: tab.value(MESSAGES) > 0, LOADED_TIMEOUT_S)
        tab.value(show)
    clock.sleep(1)
    for quality in QUALITIES:
        taken = tab.call("Page.captureScreenshot", format="webp", quality=quality)
        image = base64.b64decode(taken["data"])
        if len(image) <= MAX_IMAGE_BYTES:
            break
    file = IMAGES / f"{picture.name}.webp"
    file.write_bytes(image)
    print(f"{file.relative_to(IMAGES.parents[1])}: {len(image) / 1000:.0f} kB, quality {quality}")
    tab.close()


if __name__ == "__main__":
    sys.exit(main())
