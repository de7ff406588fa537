"""The talk: the same slides in both languages, gaps in place of what was not measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spaf.errors import SettingsError
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.renderer import Renderer
from spaf.report.slides import DECK, write_talk
from tests.support.report_records import every_record

SLIDE = re.compile(r'<section id="([^"]+)" data-minutes="([^"]+)"')
# The plots of the deck, and its drawings.
PLOTS = {"latency", "sustained", "peers", "cost", "detection"}
DRAWINGS = 2
# Of an address that a browser loads by itself.
LOADED = re.compile(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)')


@pytest.fixture(scope="module")
def pages() -> dict[Language, str]:
    """Return the talk in each language."""
    return {one: Renderer(Figures(every_record()), one).page(DECK) for one in Language}


def test_both_languages_have_the_same_slides(pages: dict[Language, str]) -> None:
    """About twenty, in fifteen minutes, each with notes."""
    english, portuguese = (SLIDE.findall(page) for page in pages.values())
    assert english == portuguese
    assert 18 <= len(english) <= 22
    assert sum(float(minutes) for _, minutes in english) == 15
    assert all(page.count('<aside class="notes">') == len(english) for page in pages.values())


def test_with_every_record_nothing_is_missing_and_the_bytes_are_the_same(
    pages: dict[Language, str],
) -> None:
    """All figures and plots are there; no date and no random number is in a plot."""
    renderer = Renderer(Figures(every_record()), Language.en)
    page = renderer.page(DECK)
    assert renderer.gaps == {}
    assert page.count("<svg") == len(PLOTS) + DRAWINGS
    assert "1,216.1\N{NO-BREAK SPACE}ms" in page
    assert page == pages[Language.en]


@pytest.mark.parametrize("language", Language)
def test_what_was_not_measured_is_a_gap_with_its_reason(language: Language) -> None:
    """Never a zero, never an empty place."""
    renderer = Renderer(Figures([]), language)
    page = renderer.page(DECK)
    assert set(PLOTS) <= renderer.gaps.keys()
    assert page.count('class="missing"') == len(PLOTS)
    assert page.count("<code>spaf bench rates</code>") == 2


def test_text_of_a_record_stays_text(pages: dict[Language, str]) -> None:
    """The name of a processor is no markup."""
    assert all("A &lt;CPU&gt;" in page for page in pages.values())


def test_a_talk_loads_only_its_own_folder(tmp_path: Path) -> None:
    """It works without a network; a second time it is renewed."""
    renderer = Renderer(Figures([]), Language.pt)
    page = write_talk(renderer, tmp_path / "talk")
    assert write_talk(renderer, tmp_path / "talk") == page == tmp_path / "talk" / "slides-pt.html"
    loaded = {one for one in LOADED.findall(page.read_text()) if not one.startswith(("#", "data:"))}
    assert {"deck.css", "start.js", "reveal/reveal.js"} <= loaded
    assert [one for one in loaded if not (page.parent / one).is_file()] == []


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    """Nothing of the user is mixed with it or lost."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsError, match="holds no talk"):
        write_talk(Renderer(Figures([]), Language.en), tmp_path)
    with pytest.raises(SettingsError, match="is a file"):
        write_talk(Renderer(Figures([]), Language.en), tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
