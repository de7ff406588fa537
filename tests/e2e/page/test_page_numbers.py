"""What the page shows is what PostgreSQL holds, and a sale that is sent is on it soon."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from spaf.bench.run.load import Load
from spaf.stack.run import Run
from spaf.store.access import Role

Tabs = Callable[..., Any]
# Sales of a short load, enough for every category.
LOAD_S = 4.0
RATE = 60.0


def rows_of(session: Run, query: str) -> list[tuple[Any, ...]]:
    """Return what a query of our own finds in the tables."""
    with session.access.session(Role.READ) as connection:
        return connection.execute(query.encode()).fetchall()


def test_numbers_are_those_of_postgresql_at_a_pause(
    run: Run, open_tab: Tabs, load: Callable[[float], Load], pause: Callable[[], None]
) -> None:
    """After the load has ended: the accounts, today's money and every row on the page."""
    tab = open_tab(timezone_id="UTC")
    tab.seen("accepted")
    before = sum(run.end_offsets().values())
    headless = load(RATE)
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    assert tab.until(lambda: tab.number("produced") > before + RATE * LOAD_S)
    headless.stop()
    sent = headless.result()
    pause()
    assert sent.acked == sent.intended > 0
    produced = sum(run.end_offsets().values())
    (accepted, cents), *_ = rows_of(
        run,
        "SELECT sum(sales_count)::bigint, (sum(total_sales) FILTER (WHERE currency = 'BRL'"
        " AND window_start >= date_trunc('day', now())) * 100)::bigint FROM sales_summary",
    )
    assert tab.until(lambda: tab.number("produced") == produced), tab.text("produced")
    assert tab.until(lambda: tab.number("accepted") == accepted), tab.text("accepted")
    assert tab.until(lambda: tab.cents("today-BRL") == cents), (tab.text("today-BRL"), cents)
    assert tab.number("unaccounted") == 0
    late, rejected = tab.number("late"), tab.number("rejected")
    assert produced == accepted + late + rejected

    counts = {
        f"{second}|{category}|{currency}": count
        for second, category, currency, count in rows_of(
            run,
            "SELECT extract(epoch FROM window_start)::bigint, category, currency, sales_count"
            " FROM sales_summary",
        )
    }
    shown = tab.page.locator('[data-test="row"]').evaluate_all(
        "rows => rows.map(row => [row.dataset.key,"
        " row.querySelector('[data-test=\"row-count\"]').textContent])"
    )
    assert len(shown) >= 10
    found = {key: int(re.sub(r"\D", "", count)) for key, count in shown}
    assert found == {key: counts[key] for key in found}


def test_a_sale_of_four_fields_is_on_the_page_within_seconds(
    tab: Any, send: Callable[..., None]
) -> None:
    """The form that the brief's own generator sends: no time, no id."""
    category = f"sent-{uuid.uuid4().hex[:8]}"
    sale = {"productId": "p", "productCategory": category, "productPrice": 12.5}
    send({**sale, "productQuantity": 2})
    row = tab.page.locator(f'[data-test="row"][data-key*="|{category}|BRL"]')
    row.wait_for()
    assert "25" in row.inner_text()
    assert row.locator('[data-test="row-count"]').inner_text().strip() == "1"
    # A second of its own or not: more of the same are counted.
    send(*[{**sale, "productQuantity": 1}] * 3)

    def counted() -> bool:
        cells = row.locator('[data-test="row-count"]').all_inner_texts()
        return sum(int(cell) for cell in cells) == 4

    assert tab.until(counted)


def test_numbers_follow_the_language(open_tab: Tabs, load: Callable[[float], Load]) -> None:
    """Portuguese for a Portuguese browser, with its separators; the switch needs no reload."""
    load(RATE)
    tab = open_tab(locale="pt-BR")
    tab.seen("produced")
    assert tab.page.locator("html").get_attribute("lang") == "pt-BR"
    assert tab.until(lambda: re.search(r"R\$\s?\d[\d.]*,\d\d", tab.text("today-BRL")) is not None)
    tab.page.evaluate("window.spafSame = true")
    english = open_tab(locale="de-DE")
    english.seen("produced")
    assert english.page.locator("html").get_attribute("lang") == "en"
    assert tab.page.evaluate("window.spafSame") is True
