"""Lines and tables that fit a terminal: nothing wraps, and what matters less leaves first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

# Between two columns, characters.
GAP = 2
# Of what may be cut so much stays, as long as a column can leave instead, characters.
LEAST = 8


@dataclass(frozen=True)
class Column:
    """A column of a table, and what becomes of it where there is no room."""

    name: str
    right: bool = False
    elastic: bool = False
    """Is cut, with an ellipsis; one of a table."""
    spare: int = 0
    """Leaves if that is not enough, the highest first; 0 stays."""


@dataclass(frozen=True)
class Sheet:
    """A table before it is known how wide it may be; its cells are printable."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def least(self) -> int:
        """Return the width with which no column has to leave, characters."""
        return sum(self._least(i) for i in self._all()) + self._gaps(len(self.columns))

    def most(self) -> int:
        """Return the width with which nothing is cut, characters."""
        return sum(self._longest(i) for i in self._all()) + self._gaps(len(self.columns))

    def fit(self, width: int) -> Group:
        """Return the table, as wide as that or less."""
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
        return Group(one_line(Text(self.title, style="bold")), made)

    def _all(self) -> range:
        return range(len(self.columns))

    def _kept(self, width: int) -> list[int]:
        """Return the columns for which there is room; those that may not leave are among them."""
        kept = list(self._all())
        leaving = sorted((i for i in kept if self.columns[i].spare), key=self._spare)
        while leaving and sum(map(self._least, kept)) + self._gaps(len(kept)) > width:
            kept.remove(leaving.pop())
        return kept

    def _spare(self, i: int) -> int:
        return self.columns[i].spare

    def _longest(self, i: int) -> int:
        return max(map(cell_len, (self.columns[i].name, *(row[i] for row in self.rows))))

    def _least(self, i: int) -> int:
        longest = self._longest(i)
        return min(longest, LEAST) if self.columns[i].elastic else longest

    @staticmethod
    def _gaps(columns: int) -> int:
        return GAP * (columns - 1)


def beside(left: Sheet, right: Sheet, width: int, gap: int = 3) -> Group | Table:
    """Return two tables beside each other, or below each other where they would lose columns."""
    room = width - gap - left.least() - right.least()
    if room < 0:
        return Group(left.fit(width), Text(), right.fit(width))
    wanted, other = left.most() - left.least(), right.most() - right.least()
    given = min(wanted, max(room // 2, room - other))
    both = Table.grid(padding=(0, gap, 0, 0))
    both.add_row(left.fit(left.least() + given), right.fit(right.least() + room - given))
    return both


def flow(parts: Iterable[str | Text], width: int, *, gap: int = 1, hang: int = 0) -> Text:
    """Return parts one after the other; a line ends between two of them, never within one.

    Lines after the first begin with `hang` blanks. A part that is longer than the width stays
    whole: who prints it folds or cuts it.
    """
    lines = [Text()]
    for part in parts:
        one = Text(part) if isinstance(part, str) else part
        if len(lines[-1]) and lines[-1].cell_len + gap + one.cell_len > width:
            lines.append(Text(" " * hang))
        elif len(lines[-1]):
            lines[-1].append(" " * gap)
        lines[-1].append_text(one)
    return Text("\n").join(lines)


def one_line(text: Text) -> Text:
    """Let what is too long of each line end with an ellipsis."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
