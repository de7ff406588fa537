"""Everybody can use the page: by keyboard, by screen reader, on a phone, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Tabs = Callable[..., Any]
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1366, "height": 768}
PROJECTOR = {"width": 1920, "height": 1080}


@pytest.mark.parametrize("locale", ["en-US", "pt-BR"])
@pytest.mark.usefixtures("steady_load")
def test_axe_finds_no_serious_fault(open_tab: Tabs, locale: str) -> None:
    """Contrast, names, roles, order: with data on the page, in each theme and language."""
    tab = open_tab(color_scheme="light", locale=locale)
    tab.seen("produced")
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    tab.live()
    assert tab.faults() == []
    tab.page.emulate_media(color_scheme="dark")
    assert tab.faults() == []


@pytest.mark.usefixtures("steady_load")
def test_nothing_is_wider_than_a_phone(open_tab: Tabs) -> None:
    """No sideways scrolling on a small screen."""
    tab = open_tab(viewport=PHONE, is_mobile=True, has_touch=True)
    tab.seen("produced")
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    check_width(tab, PHONE)


@pytest.mark.usefixtures("steady_load")
def test_nothing_is_wider_than_a_laptop_or_projector(open_tab: Tabs) -> None:
    """Nor on a large one, and when the window gets another size."""
    tab = open_tab(viewport=LAPTOP)
    tab.seen("produced")
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    for size in (LAPTOP, PROJECTOR):
        tab.page.set_viewport_size(size)
        check_width(tab, size)


def check_width(tab: Any, size: dict[str, int]) -> None:
    """Check that the page has the width of the screen, and nothing beyond it."""
    assert tab.page.evaluate("innerWidth") == size["width"]
    wider = tab.page.evaluate(
        "[...document.querySelectorAll('body *')].filter(node => {"
        " const box = node.getBoundingClientRect();"
        " return box.width > 0 && box.right > innerWidth + 1 && !clipped(node); })"
        ".map(node => node.outerHTML.slice(0, 100));"
        "function clipped(node) { for (let up = node.parentElement; up; up = up.parentElement)"
        " if (getComputedStyle(up).overflowX !== 'visible') return true; return false; }"
    )
    assert wider == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_everything_can_be_reached_by_keyboard(tab: Any) -> None:
    """Tab goes through every control once, each shows that it has the focus, none is a trap."""
    page = tab.page
    reached: list[str] = []
    unseen: list[str] = []
    page.keyboard.press("Tab")
    skip = page.evaluate("document.activeElement.getAttribute('href')")
    assert skip is not None
    assert skip.startswith("#")
    for _ in range(400):
        name, seen, end = page.evaluate(
            "(() => { const node = document.activeElement;"
            " const style = getComputedStyle(node);"
            " const seen = style.outlineStyle !== 'none' || style.boxShadow !== 'none';"
            " return [node.outerHTML.slice(0, 120), seen, node === document.body]; })()"
        )
        if end or name in reached[:1]:
            break
        reached.append(name)
        if not seen:
            unseen.append(name)
        page.keyboard.press("Tab")
    controls = page.evaluate(
        "[...document.querySelectorAll('button, a[href], input, select, summary')]"
        ".filter(node => node.checkVisibility() && !node.disabled && node.tabIndex >= 0).length"
    )
    assert unseen == []
    assert len(reached) >= min(controls, 10)


def test_language_and_theme_are_switched_without_a_reload(tab: Any) -> None:
    """By their buttons; the page remembers both."""
    page = tab.page
    page.evaluate("window.spafSame = true")
    page.locator('[data-test="language-pt"]').first.click()
    assert tab.until(lambda: page.locator("html").get_attribute("lang") == "pt-BR")

    def background() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    before = background()
    # By itself, light, dark: two presses lead to the other one from wherever it stands.
    page.locator('[data-test="theme"]').first.click()
    if background() == before:
        page.locator('[data-test="theme"]').first.click()
    assert background() != before
    assert page.evaluate("window.spafSame") is True
    page.reload()
    tab.seen("produced")
    assert page.locator("html").get_attribute("lang") == "pt-BR"
