"""Texts of a record in Portuguese."""

from __future__ import annotations

import re

import pytest

from spaf.bench.peers import peer
from spaf.bench.peers.answers import Deviation
from spaf.bench.peers.live import BadRecords
from spaf.bench.peers.peers import OWN_SETTINGS
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.records import committed_records
from spaf.report.tables import TABLES
from spaf.report.translation import translated

SETTINGS = [
    *(one.settings for one in peer.peers().values()),
    OWN_SETTINGS.format("no mini-batches"),
    OWN_SETTINGS.format("mini-batches of 20 ms"),
]
DEVIATIONS = [
    Deviation(0, 0, 0),
    Deviation(1_234, 0, 0),
    Deviation(2, 1_000, 0),
    Deviation(2, 0, 7),
    Deviation(2, 3, 7),
]


@pytest.mark.parametrize("text", SETTINGS)
def test_the_settings_of_each_program_are_translated(text: str) -> None:
    """A changed text needs a changed translation."""
    assert translated(text, Language.en) == text
    assert translated(text, Language.pt) != text


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=str)
def test_what_a_program_does_is_translated(deviation: Deviation) -> None:
    """With a bad record, and after it was killed; whatever the numbers are."""
    assert translated(str(deviation), Language.pt) != str(deviation)
    for said in (None, 4, 5):
        text = BadRecords(deviation, "", 5).behaviour(said)
        shown = translated(text, Language.pt)
        assert shown != text
        assert not {"sales", "rows", "skipped", "counted", "exact"} & set(shown.split())


def test_numbers_are_those_of_the_language() -> None:
    """The separators are swapped, in a text within a text, too."""
    text = BadRecords(Deviation(2, 1_000, 7), "", 5).behaviour(None)
    assert text == "goes on wrongly: 1,000 sales lost, 7 counted twice"
    assert translated(text, Language.pt) == (
        "continua, com valores errados: 1.000 vendas perdidas, 7 contadas duas vezes"
    )


def test_the_committed_report_has_no_english_cell() -> None:
    """What programs do, how they are set, and what settings do."""
    figures = Figures(committed_records())
    shown = {
        cell
        for name in ("behaviour", "tuning")
        for row in TABLES[name](figures, Language.pt).rows
        for cell in row
    }
    english = {"the", "of", "and", "is", "within", "skipped", "each", "with", "by", "ours", "cores"}
    assert [cell for cell in shown if english & set(re.findall(r"[a-z]+", cell))] == []


def test_an_unknown_text_stays_as_it_is() -> None:
    """The error of a program is its own."""
    text = BadRecords(Deviation(0, 0, 0), "KeyError: 'price', line {3}", 5).behaviour(None)
    assert translated(text, Language.pt) == "para: KeyError: 'price', line {3}"
    assert translated("no wheel for this Python", Language.pt) == "no wheel for this Python"
    assert translated("", Language.pt) == ""
