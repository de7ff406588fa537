"""Figures in documents: a mark names each, so that a text cannot show what the records do not say.

In Markdown a marked figure is `<!--=rate.100.p99-->7.9 ms<!--/-->`: a reader sees the number only.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.language import NO_BREAK_SPACE, Language

MARK = re.compile(r"<!--=(?P<name>[^\s>]+)-->(?P<shown>.*?)<!--/-->", re.DOTALL)
PORTUGUESE = ".pt-BR"


class MarkedFigure(NamedTuple):
    """A figure in a text, and what the records say of it."""

    name: str
    shown: str
    measured: str
    """As the text should show it; empty if no valid record has it."""
    problem: str = ""
    """Why no record has it."""


def documents(root: Path) -> list[Path]:
    """Return the documents of a checkout, which may show figures."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def language_of(file: Path) -> Language:
    """Return the language of a document, by its name."""
    return Language.pt if file.stem.endswith(PORTUGUESE) else Language.en


def marked_figures(text: str, figures: Figures, language: Language) -> list[MarkedFigure]:
    """Return every marked figure of a text."""
    return [
        MarkedFigure(mark["name"], mark["shown"], *_measured(mark["name"], figures, language))
        for mark in MARK.finditer(text)
    ]


def renewed(text: str, figures: Figures, language: Language) -> str:
    """Return the text with each marked figure as it was measured.

    Raises:
        FigureError: no valid record has one of them.

    """

    def renew(mark: re.Match[str]) -> str:
        measured, problem = _measured(mark["name"], figures, language)
        if problem:
            raise FigureError(f"{mark['name']}: {problem}")
        return f"<!--={mark['name']}-->{measured}<!--/-->"

    return MARK.sub(renew, text)


def _measured(name: str, figures: Figures, language: Language) -> tuple[str, str]:
    try:
        text = figures.figure(name).text(language)
    except FigureError as error:
        return "", error.what
    # A text in Markdown is edited by hand, and an editor does not show which blank it is.
    return text.replace(NO_BREAK_SPACE, " "), ""
