"""The load is steered from the page, an anomaly is made, found, and shown down to its bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spaf.bench.run.load import Load
from spaf.generate.locust.client import LocustClient
from spaf.stack.run import Run
from spaf.stack.service_names import LOCUST

# Locust starts and stops its users within this, seconds.
STEER_S = 40.0
# From the press of the button to the alert on the page, seconds; sales need a moment of a past.
FOUND_S = 45.0


@pytest.fixture
def quiet(run: Run) -> Iterator[None]:
    """Leave Locust's page without a load, however the test ends."""
    yield
    with LocustClient(run.state().services[LOCUST].address) as locust:
        locust.stop()


def offsets_shown(tab: Any) -> list[int]:
    """Return the offsets of the messages that the page lists, in its order."""
    messages = tab.page.locator('[data-test="kafka-message"]')
    read = "all => all.map((each) => Number(each.dataset.key.split(':')[1]))"
    return list(messages.evaluate_all(read))


def is_inside(offset: int, offsets: list[int]) -> bool:
    """Say whether offsets go up, from before one to behind it."""
    return offsets == sorted(offsets) and offset in offsets[1:-1]


def opened(message: Any) -> bool:
    """Open a message unless it is open; say whether it was."""
    if message.locator(".q-open").is_visible():
        return True
    message.locator("summary").click()
    return False


def button(tab: Any, name: str) -> Any:
    """Return a control of the page."""
    return tab.page.locator(f'[data-test="{name}"]').first


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("quiet")
def test_the_load_is_steered_and_an_anomaly_made_and_found(tab: Any) -> None:
    """Start at 50, go to 100 in haste, inject, see it in the feed, open its record, stop."""
    button(tab, "rate-50").click()
    button(tab, "load-start").click()
    assert tab.until(lambda: 25 < tab.number("sales-per-second") < 80, STEER_S)
    # The next press comes before the answer to the last one.
    for rate in ("rate-10", "rate-1000", "rate-100"):
        button(tab, rate).click()
    assert tab.until(lambda: 80 < tab.number("sales-per-second") < 140, STEER_S), (
        tab.number("sales-per-second"),
        tab.text("controls-told"),
    )

    page = tab.page
    found = page.locator('[data-test="anomaly"][data-kind="high_price"]')
    before = found.count()
    button(tab, "inject-price_x100").click()
    assert tab.until(lambda: found.count() > before, FOUND_S)
    # Whatever the view of Kafka shows, also a group, it then shows the neighbours of the record.
    page.locator("#kafka").scroll_into_view_if_needed()
    groups = page.locator('#kafka .pick [data-name^="spaf"]')
    groups.last.click()
    found.first.click()
    dialog = page.locator('[data-test="record-dialog"]')
    dialog.wait_for()
    assert tab.until(lambda: "productPrice" in dialog.inner_text())
    place = dialog.locator(".sub").inner_text()
    button(tab, "record-browse").click()
    dialog.wait_for(state="hidden")
    offset = int(re.sub(r"\D", "", place.partition("offset")[2]))
    # Until the records around it come, the list holds those of the choice before.
    assert tab.until(lambda: is_inside(offset, offsets_shown(tab))), (offset, offsets_shown(tab))

    button(tab, "load-start").click()
    assert tab.until(lambda: tab.number("sales-per-second") == 0, STEER_S)


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en-US", "The rate must be from 0.1 to 200,000 sales per second."),
        ("pt-BR", "A taxa deve ser de 0,1 a 200.000 vendas por segundo."),
    ],
)
def test_a_rate_that_is_none_is_refused_with_a_sentence(
    open_tab: Callable[..., Any], locale: str, sentence: str
) -> None:
    """In the language of the page, next to the field."""
    tab = open_tab(locale=locale)
    tab.expected.append("400")
    own = button(tab, "rate-own")
    assert tab.until(own.is_enabled, STEER_S)
    own.fill("many")
    own.press("Enter")
    assert tab.until(lambda: tab.text("controls-told") == sentence), tab.text("controls-told")
    assert own.get_attribute("aria-invalid") == "true"


def test_the_sales_of_spaf_load_are_told(tab: Any, load: Callable[[float], Load]) -> None:
    """At the stage and in the panel, with their rate and what the buttons do meanwhile."""
    load(40)
    assert tab.until(lambda: "40 sales/s from spaf load" in tab.text("load-state"), STEER_S)
    assert "affect the sales of this page only" in tab.text("controls-told")
    assert tab.text("locust-also") == "spaf load sends 40 sales/s"
    assert tab.until(lambda: tab.number("locust-rate") > 20, STEER_S)


def test_messages_of_the_topic_are_browsed(tab: Any, send: Callable[..., None], run: Run) -> None:
    """The newest messages, pretty; key and headers; what is in Kafka is what is shown."""
    sale = {"productId": "browsed", "productCategory": "books", "productPrice": 3.5}
    send({**sale, "productQuantity": 4}, key=b"the-key", headers=[("origin", b"a test")])
    offset = sum(run.end_offsets().values()) - 1
    # The section asks the broker only while it is on the screen.
    tab.page.locator("#kafka").scroll_into_view_if_needed()
    button(tab, "kafka-tab-messages").click()
    assert tab.until(lambda: button(tab, "kafka-read").is_visible())
    button(tab, "kafka-way-last").click()
    button(tab, "kafka-read").click()
    message = tab.page.locator(f'[data-test="kafka-message"][data-key="0:{offset}"]')
    message.wait_for()
    # A second answer, to the choice of the tab, may draw the list anew and close the message.
    assert tab.until(lambda: opened(message))
    shown = message.inner_text()
    assert "the-key" in shown
    assert "a test" in shown
    text = re.search(r"\{.*\}", message.locator("pre").first.inner_text(), re.DOTALL)
    assert text is not None
    assert json.loads(text[0]) == {**sale, "productQuantity": 4}
    button(tab, "kafka-tab-partitions").click()
    assert tab.until(lambda: f"{offset + 1:,}" in tab.page.locator("#kafka").inner_text())
