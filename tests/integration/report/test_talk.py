"""The talk in a real browser: every slide fits, it needs no network, the PDF has all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spaf.measure.browser import Browser
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.pdf import SLIDE, print_slides
from spaf.report.renderer import Renderer
from spaf.report.slides import write_talk
from spaf.stack.process import wait_until
from tests.support.report_records import every_record

PATIENCE_S = 20.0
SLIDES = 22
READY = "Boolean(window.Reveal?.isReady())"
# Each slide in turn: the parts that reach out of it, or under its number at the bottom.
OUTSIDE = """
(() => {
  const found = [];
  for (let number = 0; number < Reveal.getTotalSlides(); number += 1) {
    Reveal.slide(number);
    const slide = Reveal.getCurrentSlide();
    const frame = slide.getBoundingClientRect();
    for (const part of slide.querySelectorAll(":scope > :not(aside), td, dd, li, svg text")) {
      const box = part.getBoundingClientRect();
      if (box.bottom > frame.bottom - 24 || box.right > frame.right - 24 || box.left < frame.left)
        found.push(`${slide.id}: ${part.tagName} ${part.textContent.trim().slice(0, 60)}`);
    }
  }
  return found;
})()
"""
REQUESTS = "performance.getEntriesByType('resource').map((entry) => entry.name)"


@pytest.fixture(scope="module")
def browser(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield a browser."""
    folder = tmp_path_factory.mktemp("talk-browser")
    with Browser(chromium, folder, folder / "browser.log") as started:
        yield started


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("measured", [True, False], ids=["measured", "gaps"])
def test_every_slide_fits(
    browser: Browser, tmp_path: Path, language: Language, *, measured: bool
) -> None:
    """No text is cut off, with figures or with gaps; no other host is asked."""
    figures = Figures(every_record() if measured else [])
    page = write_talk(Renderer(figures, language), tmp_path / "talk")
    tab = browser.open(page.as_uri(), SLIDE)
    assert wait_until(lambda: tab.value(READY) is True, PATIENCE_S)
    assert tab.value("Reveal.getTotalSlides()") == SLIDES
    assert tab.value(OUTSIDE) == []
    folder = page.parent.as_uri()
    assert [request for request in tab.value(REQUESTS) if not request.startswith(folder)] == []
    tab.close()


def test_the_pdf_has_a_page_a_slide(chromium: Path, tmp_path: Path) -> None:
    """For a projector without a browser, and for paper."""
    page = write_talk(Renderer(Figures(every_record()), Language.en), tmp_path / "talk")
    print_slides(page, tmp_path / "slides.pdf", chromium)
    content = (tmp_path / "slides.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") == SLIDES
