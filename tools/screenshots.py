"""Make the README's pictures of the page, from a real run: `make screenshots`.

Sales come in at 100 a second, with anomalies; after a while the page is opened in headless Chromium
in both themes and languages. The pictures are WebP, which Chromium writes itself.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path

from spaf import clock, settings
from spaf.bench.page.access import open_browser, page_address
from spaf.bench.run.load import stop_page
from spaf.cli.terminal.progress import StartProgress
from spaf.errors import LoadError, SpafError
from spaf.generate.locust.client import LocustClient
from spaf.measure.browser import Browser, Viewport, find
from spaf.stack.process import wait_until
from spaf.stack.run import Run, running
from spaf.stack.service_names import LOCUST

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


DESKTOP = Viewport(1440, 1000)
PICTURES = (
    Picture("page-light-en", "light", "en-US"),
    Picture("page-dark-en", "dark", "en-US"),
    Picture("page-light-pt", "light", "pt-BR"),
    Picture("page-dark-pt", "dark", "pt-BR"),
    Picture("anomalies-light-en", "light", "en-US", part="anomalies"),
    Picture("anomalies-light-pt", "light", "pt-BR", part="anomalies"),
    Picture("kafka-dark-en", "dark", "en-US", part="kafka"),
    Picture("kafka-dark-pt", "dark", "pt-BR", part="kafka"),
)
# Taken once a measurement has ended that the page's own button has started.
MEASURED_PICTURES = (
    Picture("measure-light-en", "light", "en-US", part="measure"),
    Picture("measure-light-pt", "light", "pt-BR", part="measure"),
)
MEASURE_TIMEOUT_S = 300.0


def main() -> int:
    """Run everything, and write the pictures."""
    try:
        chosen = settings.load()
        program = find(chosen.serve.browser)
        with running(chosen, StartProgress()) as session:
            _sell(session)
            with open_browser(session, program) as browser:
                IMAGES.mkdir(exist_ok=True)
                _inject_now_and_then(browser, page_address(session))
                for picture in PICTURES:
                    _take(browser, page_address(session), picture)
                stop_page(session, session.state().services[LOCUST].address)
                _measure(browser, page_address(session))
                for picture in MEASURED_PICTURES:
                    _take(browser, page_address(session), picture)
    except SpafError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


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
        tab.value(
            "fetch('/api/inject', {method: 'POST', headers: {'content-type': 'application/json',"
            " 'x-spaf-token': document.querySelector('meta[name=spaf-token]').content},"
            f" body: JSON.stringify({{kind: '{KINDS[number % len(KINDS)]}', category: null}})"
            "}).then(answer => answer.status)"
        )
        number += 1
    tab.close()


def _measure(browser: Browser, address: str) -> None:
    """Press the page's own button for a measurement, and wait for its end."""
    print("measuring ...")
    tab = browser.open(address)
    button = "document.querySelector('[data-test=measure-toggle]')"
    verdict = "document.querySelector('[data-test=measure-verdict]') !== null"
    wait_until(lambda: tab.value(f"{button}?.disabled === false"), LOADED_TIMEOUT_S)
    tab.value(f"{button}.click()")
    if not wait_until(lambda: tab.value(verdict), MEASURE_TIMEOUT_S, poll=1.0):
        raise LoadError("The measurement has not ended.", todo="See `spaf logs`.")
    tab.close()


def _take(browser: Browser, address: str, picture: Picture) -> None:
    tab = browser.tab(DESKTOP)
    tab.call("Emulation.setScrollbarsHidden", hidden=True)
    tab.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": picture.theme}],
    )
    agent = browser.devtools.call("Browser.getVersion")["userAgent"]
    tab.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=picture.language)
    tab.go(address)
    clock.sleep(DRAWN_SECONDS)
    show = f"document.getElementById('{picture.part}').scrollIntoView()"
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
