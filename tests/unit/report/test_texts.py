"""Marked figures in documents: a text shows what the records say, or a test fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.records import committed_records
from spaf.report.texts import documents, language_of, marked_figures, renewed
from tests.support.report_records import every_record

ROOT = Path(__file__).parents[3]
TEXT = "p99 is <!--=rate.100.p99-->9.9 ms<!--/--> here.\n"


def test_a_mark_is_renewed_from_the_records() -> None:
    """In place; a second time changes nothing."""
    figures = Figures(every_record())
    once = renewed(TEXT, figures, Language.pt)
    assert once == "p99 is <!--=rate.100.p99-->1.216,1 ms<!--/--> here.\n"
    assert renewed(once, figures, Language.pt) == once


def test_a_mark_without_a_record_is_refused() -> None:
    """A text cannot show what was not measured."""
    with pytest.raises(FigureError, match=r"rate\.100\.p99: There is no result"):
        renewed(TEXT, Figures([]), Language.en)


def test_what_a_text_shows_is_compared() -> None:
    """The mark, what stands there, what was measured."""
    (found,) = marked_figures(TEXT, Figures(every_record()), Language.en)
    assert found[:3] == ("rate.100.p99", "9.9 ms", "1,216.1 ms")


def test_documents_show_what_was_measured() -> None:
    """Every marked figure of every document is that of the reference."""
    figures = Figures(committed_records())
    wrong = [
        f"{document.relative_to(ROOT)}: {figure.name} shows {figure.shown}, "
        f"{figure.measured or figure.problem}"
        for document in documents(ROOT)
        for figure in marked_figures(document.read_text(), figures, language_of(document))
        if figure.shown != figure.measured
    ]
    assert wrong == []
