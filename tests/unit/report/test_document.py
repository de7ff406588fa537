"""The report: every plot and figure of the records, gaps in place of what was not measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from spaf.errors import SettingsError
from spaf.report.document import write_report
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.plots import PLOTS
from spaf.report.tables import TABLES
from tests.support.report_records import every_record, record, with_sales

# In a report without records: the tables whose plot gives the reason already.
WITH_PLOT = {"peers", "tuning", "recovery"}
HEADING = re.compile(r'<h2 id="([^"]+)">')
# What a browser would fetch from elsewhere; in a drawing url(#name) is a part of it.
LOADED = re.compile(r"<(?:script|img|iframe)\b|@import|url\((?!#)")


class Written(NamedTuple):
    """A report, and what is missing in it."""

    page: str
    gaps: dict[str, str]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[Language, Written]:
    """Return the report of every record, the single sales among them, in each language."""
    folder = tmp_path_factory.mktemp("report")
    rates, *others = every_record()
    figures = Figures([with_sales(rates, folder), *others])
    return {
        language: Written(
            gaps=write_report(figures, language, folder / language).gaps,
            page=(folder / language).read_text(),
        )
        for language in Language
    }


@pytest.mark.parametrize("language", Language)
def test_the_report_holds_every_plot(reports: dict[Language, Written], language: Language) -> None:
    """Each with a sentence; and it loads nothing."""
    page, gaps = reports[language]
    assert gaps == {}
    assert page.count("<figcaption>") == len(PLOTS)
    assert page.count("<tbody>") == len(TABLES)
    assert LOADED.search(page) is None
    assert ("1.216,1" if language is Language.pt else "1,216.1") in page


def test_both_languages_have_the_same_sections(reports: dict[Language, Written]) -> None:
    """In the same order, each reached from the list of contents."""
    english, portuguese = (HEADING.findall(report.page) for report in reports.values())
    assert english == portuguese
    for report in reports.values():
        assert all(f'href="#{section}"' in report.page for section in english)


def test_a_goal_says_by_how_much_it_is_missed(reports: dict[Language, Written]) -> None:
    """The report itself says so."""
    missed = "<strong>missed by 1,206.1\N{NO-BREAK SPACE}ms</strong>"
    assert missed in reports[Language.en].page
    assert "<strong>não cumprida: 1.206,1" in reports[Language.pt].page


def test_data_and_records_are_linked(reports: dict[Language, Written]) -> None:
    """The files of each record, seen from the report; and the sum of all of them."""
    page = reports[Language.en].page
    assert '<a href="record.json">record.json</a> <a href="sales.npz">sales.npz</a>' in page
    assert re.search(r'<meta name="records" content="[0-9a-f]{12}">', page)


@pytest.mark.parametrize("language", Language)
def test_without_records_everything_is_a_gap(language: Language, tmp_path: Path) -> None:
    """No figure is zero, no plot is empty."""
    gaps = write_report(Figures([]), language, tmp_path / "report.html").gaps
    page = (tmp_path / "report.html").read_text()
    assert set(PLOTS) | set(TABLES) - {"goals"} <= gaps.keys()
    assert "<figcaption>" not in page
    # The table of goals is there: each goal says which command measures it.
    assert page.count("<tbody>") == 1
    assert ("não há resultado de <code>spaf chaos</code>" in page) == (language is Language.pt)
    boxes = set(re.findall(r'<figure id="([\w-]+)" class="missing">', page))
    assert {f"{name}-table" for name in WITH_PLOT} & boxes == set()


def test_an_invalid_record_is_listed_with_its_reason(tmp_path: Path) -> None:
    """Its figures are gaps, and its row says why."""
    disturbed = record("bench drain", {"events": 1}, reasons=("<another> program",))
    gaps = write_report(Figures([disturbed]), Language.en, tmp_path / "report.html").gaps
    assert "not valid" in gaps["drain.throughput"]
    assert "<td>&lt;another&gt; program</td>" in (tmp_path / "report.html").read_text()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the reason of the system."""
    with pytest.raises(SettingsError, match=r"report\.html cannot be written"):
        write_report(Figures([]), Language.en, tmp_path / "none" / "report.html")
