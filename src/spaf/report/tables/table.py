"""A table of the report: its columns, its rows, and the HTML of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from spaf.report.language import Language, Words, number, word

# Of a cell whose value was not measured.
NO_VALUE = "\N{EN DASH}"
TABLE = Markup(
    '<div class="scroll"><table class="{}">\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n'
    "</table></div>"
)
HEADING = Markup("<th{}>{}</th>")
CELL = Markup("<td{}{}>{}</td>")
ROW = Markup("<tr>{}</tr>")
NUMBER = Markup(' class="number"')
SPAN = Markup(' colspan="{}"')


class ReportColumn(NamedTuple):
    """A column: its heading, and whether it holds numbers."""

    words: Words
    numeric: bool = True


class ReportTable(NamedTuple):
    """Rows of text; the last cell of a shorter row reaches to the end."""

    columns: Sequence[ReportColumn]
    rows: Sequence[Sequence[str]]
    kind: str = ""
    """Classes of the style sheet: small (many columns), long (many rows), whole (on one page)."""

    def html(self, language: Language) -> Markup:
        """Return the table as HTML; texts are escaped."""
        headings = Markup().join(
            HEADING.format(NUMBER if column.numeric else "", word(column.words, language))
            for column in self.columns
        )
        rows = Markup("\n").join(ROW.format(self._cells(row)) for row in self.rows)
        return TABLE.format(self.kind, headings, rows)

    def _cells(self, row: Sequence[str]) -> Markup:
        missing = len(self.columns) - len(row)
        cells = []
        for at, text in enumerate(row):
            spans = missing > 0 and at == len(row) - 1
            span = SPAN.format(missing + 1) if spans else ""
            numeric = NUMBER if self.columns[at].numeric and not spans else ""
            cells.append(CELL.format(numeric, span, text))
        return Markup().join(cells)


def measured(value: float | None, digits: int, language: Language, unit: str = "") -> str:
    """Return a number with its unit, or the sign of a missing one."""
    return NO_VALUE if value is None else number(value, digits, language, unit)
