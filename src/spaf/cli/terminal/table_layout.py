"""Lines and tables that fit the width of a terminal without wrapping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

# Between two columns, characters.
GAP = 2
# An elastic column is not cut to less while another column can be dropped instead, characters.
MIN_ELASTIC_WIDTH = 8


@dataclass(frozen=True)
class Column:
    """A column of a table, and how it gives way in a narrow terminal."""

    name: str
    right: bool = False
    elastic: bool = False
    """Cut first, with an ellipsis; one column of a table."""
    drop_priority: int = 0
    """Dropped if that is not enough, the highest first; 0: never."""


@dataclass(frozen=True)
class FittedTable:
    """A table that is fitted to a width; its cells are printable."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def min_width(self) -> int:
        """Return the smallest width with all columns, characters."""
        return sum(self._min_width(i) for i in self._all()) + self._gaps(len(self.columns))

    def max_width(self) -> int:
        """Return the width at which nothing is cut, characters."""
        return sum(self._longest(i) for i in self._all()) + self._gaps(len(self.columns))

    def fit(self, width: int) -> Group:
        """Return the table in at most this width."""
        kept = self._kept(width)
        fixed = sum(self._longest(i) for i in kept if not self.columns[i].elastic)
        room = max(1, width - fixed - self._gaps(len(kept)))
        made = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
        for i in kept:
            column = self.columns[i]
            made.add_column(
                column.name,
                justify="right" if column.right else "left",
                no_wrap=True,
                overflow="ellipsis",
                width=min(room, self._longest(i)) if column.elastic else None,
            )
        for row in self.rows:
            made.add_row(*(Text(row[i]) for i in kept))
        return Group(truncate_lines(Text(self.title, style="bold")), made)

    def _all(self) -> range:
        return range(len(self.columns))

    def _kept(self, width: int) -> list[int]:
        """Return the columns that fit, and those that are never dropped."""
        kept = list(self._all())
        candidates = [i for i in kept if self.columns[i].drop_priority]
        candidates.sort(key=lambda i: self.columns[i].drop_priority)
        while candidates and sum(map(self._min_width, kept)) + self._gaps(len(kept)) > width:
            kept.remove(candidates.pop())
        return kept

    def _longest(self, i: int) -> int:
        return max(map(cell_len, (self.columns[i].name, *(row[i] for row in self.rows))))

    def _min_width(self, i: int) -> int:
        longest = self._longest(i)
        return min(longest, MIN_ELASTIC_WIDTH) if self.columns[i].elastic else longest

    @staticmethod
    def _gaps(columns: int) -> int:
        return GAP * (columns - 1)


def side_by_side(left: FittedTable, right: FittedTable, width: int, gap: int = 3) -> Group | Table:
    """Return two tables side by side, or one below the other where columns would be dropped."""
    room = width - gap - left.min_width() - right.min_width()
    if room < 0:
        return Group(left.fit(width), Text(), right.fit(width))
    left_need = left.max_width() - left.min_width()
    right_need = right.max_width() - right.min_width()
    left_share = min(left_need, max(room // 2, room - right_need))
    both = Table.grid(padding=(0, gap, 0, 0))
    both.add_row(
        left.fit(left.min_width() + left_share), right.fit(right.min_width() + room - left_share)
    )
    return both


def wrap_parts(parts: Iterable[str | Text], width: int, *, gap: int = 1, hang: int = 0) -> Text:
    """Join parts into lines that break only between parts.

    Lines after the first begin with `hang` blanks. A part that is longer than the width is not
    broken.
    """
    lines = [Text()]
    for part in parts:
        text = Text(part) if isinstance(part, str) else part
        if len(lines[-1]) and lines[-1].cell_len + gap + text.cell_len > width:
            lines.append(Text(" " * hang))
        elif len(lines[-1]):
            lines[-1].append(" " * gap)
        lines[-1].append_text(text)
    return Text("\n").join(lines)


def truncate_lines(text: Text) -> Text:
    """Truncate lines that are too long with an ellipsis instead of wrapping them."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
