"""The dashboard of the live view, rendered for any width; complete from 80 characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from spaf.cli.terminal.output import cell_text, equation
from spaf.cli.terminal.table_layout import (
    Column,
    FittedTable,
    side_by_side,
    truncate_lines,
    wrap_parts,
)
from spaf.measure.quantiles import Quantiles
from spaf.sale.anomaly_kinds import BY_NAME

# Window of the rate and of the categories, seconds.
WINDOW_S = 10
MAX_NEWEST = 6
MAX_ANOMALIES = 6
# Categories in a terminal of at least TALL_LINES lines, as many as the shop has; in a lower one as
# many as newest rows, which are next to them.
MAX_CATEGORIES = 10
TALL_LINES = 28
NAME = Text("SPAF", style="bold")
# Blanks between two figures of a line.
FIGURE_GAP = 3

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RunSnapshot:
    """The state of a run at one moment; rows are those of the tables."""

    rate: float
    """Sales a second."""
    wanted: float
    total: Row
    deduplicated: bool
    """Whether each transactionId counts once."""
    delay: Quantiles | None
    """From sale to table; None until it is measured."""
    categories: Sequence[Row] = ()
    newest: Sequence[Row] = ()
    anomalies: Sequence[Row] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Name of a page → its address."""


def headline(snapshot: RunSnapshot) -> Text:
    """Return rate, equation and latency in one long line, for a file."""
    parts = (NAME, Text(_speed(snapshot)), Text(" ".join(_equation(snapshot))), _delay(snapshot))
    return Text(" " * FIGURE_GAP).join(parts)


def render(snapshot: RunSnapshot, width: int, height: int) -> RenderableType:
    """Return the dashboard; no line is longer than the width."""
    links = [f"{name} {cell_text(address)}" for name, address in snapshot.addresses.items()]
    most = MAX_CATEGORIES if height >= TALL_LINES else MAX_NEWEST
    return Group(
        truncate_lines(
            wrap_parts([NAME, _speed(snapshot), _delay(snapshot)], width, gap=FIGURE_GAP)
        ),
        truncate_lines(wrap_parts(_equation(snapshot), width)),
        Text(),
        side_by_side(_categories(snapshot.categories, most), _newest(snapshot.newest), width),
        Text(),
        _anomalies(snapshot.anomalies).fit(width),
        Text(),
        truncate_lines(_dim(wrap_parts([*links, "end with Ctrl-C"], width, gap=FIGURE_GAP))),
    )


def _dim(text: Text) -> Text:
    text.stylize("dim")
    return text


def _speed(snapshot: RunSnapshot) -> str:
    return f"{snapshot.rate:,.0f} sales/s of {snapshot.wanted:,.0f}"


def _equation(snapshot: RunSnapshot) -> list[str]:
    total = snapshot.total
    return equation(
        total["records"],
        total["accepted"],
        total["duplicates"] if snapshot.deduplicated else None,
        total["late"],
        total["rejected"],
    )


def _delay(snapshot: RunSnapshot) -> Text:
    delay = snapshot.delay
    seen = "measuring" if delay is None else f"p50 {delay.p50:.1f} ms  p99 {delay.p99:.1f} ms"
    return Text.assemble(("sale → PostgreSQL  ", "dim"), (seen, "bold cyan"))


def _categories(rows: Sequence[Row], most: int) -> FittedTable:
    title = f"last {WINDOW_S} s"
    if len(rows) > most:
        title += f", {most} of {len(rows):,} categories"
    columns = (
        Column("category", elastic=True),
        Column("sales", right=True, drop_priority=1),
        Column("money", right=True),
    )
    return FittedTable(
        title,
        columns,
        [(cell_text(r["category"]), cell_text(r["sales_count"]), _money(r)) for r in rows[:most]],
    )


def _newest(rows: Sequence[Row]) -> FittedTable:
    columns = (
        Column("second"),
        Column("category", elastic=True),
        Column("sales", right=True, drop_priority=1),
        Column("money", right=True),
    )
    cells = [
        (
            f"{r['window_start']:%H:%M:%S}",
            cell_text(r["category"]),
            cell_text(r["sales_count"]),
            _money(r),
        )
        for r in rows
    ]
    return FittedTable("newest rows of sales_summary", columns, cells)


def _anomalies(rows: Sequence[Row]) -> FittedTable:
    columns = (
        Column("known at", drop_priority=2),
        Column("kind"),
        Column("category", elastic=True),
        Column("seen", right=True),
        Column("expected", right=True),
        Column("score", right=True, drop_priority=1),
    )
    cells = [
        (
            cell_text(r["detected_at"]),
            kind_name(r["kind"]),
            cell_text(r["category"]),
            *_figures(r),
            f"{r['score']:,.1f}",
        )
        for r in rows
    ]
    return FittedTable("anomalies", columns, cells)


def _money(row: Row) -> str:
    return f"{cell_text(row['currency'])} {row['total_sales']:,.2f}"


def _figures(row: Row) -> tuple[str, str]:
    """Return the observed and the expected value: a number of sales, or money."""
    kind = BY_NAME.get(row["kind"])
    if kind is not None and kind.unit == "sales":
        return f"{row['amount']:,.0f} sales", f"{row['expected']:,.1f}"
    scale = 100 if kind is not None and kind.unit == "cents" else 1
    return f"{row['amount'] / scale:,.2f}", f"{row['expected'] / scale:,.2f}"


def kind_name(kind: str) -> str:
    """Return the name of a kind of anomaly, as on the page; one that is unknown as in its row."""
    known = BY_NAME.get(kind)
    return cell_text(kind.replace("_", " ")) if known is None else known.words.en.lower()
