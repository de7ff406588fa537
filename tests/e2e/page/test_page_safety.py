"""Text of others stays text, wherever the page shows it; the page asks its own server only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spaf.stack.run import Run
from spaf.store.access import Role

# Each within the 64 characters of a category; the last turns the reading direction around.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "<svg/onload=alert(3)>",
    "\"><iframe srcdoc='<script>alert(4)</script>'>",
    "&lt;i&gt;<b>bold</b>`${alert(5)}`",
    "a\u202egnp.exe\u2066<u>\u2069",
)
# What of each is to be read on the page, where marks that turn the text around are made visible.
SEEN = (*HOSTILE[:-1], "gnp.exe")


def sale(text: str, **more: Any) -> dict[str, Any]:
    """Return a sale whose every text is hostile."""
    return {
        "productId": text,
        "productCategory": text,
        "productPrice": 1.25,
        "productQuantity": 1,
        "transactionId": text,
        "customerId": text,
        "productName": text,
        **more,
    }


def test_hostile_text_stays_text(run: Run, tab: Any, send: Callable[..., None]) -> None:
    """In rows, anomalies, quarantine and messages: shown as it was sent, never obeyed."""
    headers = [(text, text.encode()) for text in HOSTILE]
    send(*map(sale, HOSTILE), key=HOSTILE[0].encode(), headers=headers)
    # Refused for their price, so their bytes are shown in the quarantine.
    refused = (sale(text, productPrice="1.005") for text in HOSTILE)
    send(*refused, *map(str.encode, HOSTILE), key=HOSTILE[0].encode(), headers=headers)
    _report_anomalies(run)
    for text in SEEN:
        row = tab.page.locator('[data-test="row"]').filter(has_text=text)
        row.first.wait_for()
        anomaly = tab.page.locator('[data-test="anomaly"]').filter(has_text=text)
        anomaly.first.wait_for()
    _open_everything(tab)
    assert (
        tab.page.evaluate(
            "[...document.querySelectorAll('img, iframe, script, svg, b, u')].filter(node =>"
            " /alert|onerror|bold|gnp/.test(node.outerHTML)).map(node => node.outerHTML)"
        )
        == []
    )
    assert tab.page.evaluate("document.querySelectorAll('iframe').length") == 0
    # What else could go wrong (a dialog, an error, a report of the policy) fails the test's end.


def test_hostile_parameters_are_refused_with_a_sentence(tab: Any) -> None:
    """A wrong parameter gets 4xx and says which."""
    tab.expected.append("400")
    tab.expected.append("422")
    for path in (
        "/api/history?range=%3Cscript%3E",
        "/api/rows?limit=100000000",
        "/api/quarantine?limit=0",
        "/api/kafka/messages?topic=../../etc&partition=0&last=5",
    ):
        found = tab.page.evaluate(
            "async path => { const answer = await fetch(path);"
            " return [answer.status, (await answer.json()).error]; }",
            path,
        )
        assert 400 <= found[0] < 500, (path, found)
        assert len(found[1]) > 10, (path, found)
    tab.expected.append("404")


def _open_everything(tab: Any) -> None:
    """Have every part of the page that shows records show the hostile ones."""
    page = tab.page
    page.locator('[data-test="anomaly"]').first.click()
    page.keyboard.press("Escape")
    page.locator('[data-test="quarantine-row"]').first.wait_for(timeout=60_000)
    for text in (HOSTILE[0], HOSTILE[1]):
        row = page.locator('[data-test="quarantine-row"]').filter(has_text=text[:12])
        assert tab.until(lambda row=row: listed(tab, row))
    row.first.locator("summary").click()
    row.first.locator(".q-foot button").click()
    envelope = page.locator('[data-test="record-envelope"]')
    envelope.filter(has_text=HOSTILE[0]).wait_for()
    page.keyboard.press("Escape")


def listed(tab: Any, row: Any) -> bool:
    """Say whether a row of the quarantine is listed; if not, have the list read again."""
    if row.count() > 0:
        return True
    tab.page.locator('[data-test="quarantine-refresh"]').click()
    return False


def _report_anomalies(run: Run) -> None:
    """Write what the job would write if a hostile sale were an outlier."""
    with run.access.session(Role.SINK) as connection:
        for number, text in enumerate(HOSTILE):
            connection.execute(
                "INSERT INTO sale_anomaly (kafka_partition, kafka_offset, kind, transaction_id,"
                " category, amount, expected, score)"
                " VALUES (0, %s, 'high_price', %s, %s, 99.5, 1.5, 9)",
                (number, text, text),
            )
