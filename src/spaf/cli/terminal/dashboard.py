"""What the live view shows, drawn for a terminal of any width; from 80 characters all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from spaf.cli.terminal.output import equation, shown
from spaf.cli.terminal.table_layout import Column, Sheet, beside, flow, one_line
from spaf.measure.quantiles import Quantiles
from spaf.sale.anomaly_kinds import BY_NAME

# Rates and categories are those of the last seconds.
WINDOW_S = 10
NEWEST = 6
ANOMALIES = 6
# Categories that are shown, the shop's own among them, where the terminal has so many lines; in a
# lower one no more than newest rows, which stand beside them.
CATEGORIES = 10
TALL = 28
NAME = Text("SPAF", style="bold")
# Between two figures of a line, characters.
APART = 3

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scene:
    """What was found when the run was looked at; rows are those of the tables."""

    rate: float
    """Sales a second."""
    wanted: float
    total: Row
    deduplicated: bool
    """Whether each transactionId counts once."""
    delay: Quantiles | None
    """From sale to table; None while that is not known."""
    categories: Sequence[Row] = ()
    newest: Sequence[Row] = ()
    anomalies: Sequence[Row] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Name of a page → its address."""


def headline(scene: Scene) -> Text:
    """Return rate, equation and latency in one long line, for a file."""
    parts = (NAME, Text(_speed(scene)), Text(" ".join(_equation(scene))), _delay(scene))
    return Text(" " * APART).join(parts)


def draw(scene: Scene, width: int, height: int) -> RenderableType:
    """Return the picture; none of its lines is longer than the width."""
    links = [f"{name} {shown(address)}" for name, address in scene.addresses.items()]
    most = CATEGORIES if height >= TALL else NEWEST
    return Group(
        one_line(flow([NAME, _speed(scene), _delay(scene)], width, gap=APART)),
        one_line(flow(_equation(scene), width)),
        Text(),
        beside(_categories(scene.categories, most), _newest(scene.newest), width),
        Text(),
        _anomalies(scene.anomalies).fit(width),
        Text(),
        one_line(_dim(flow([*links, "end with Ctrl-C"], width, gap=APART))),
    )


def _dim(text: Text) -> Text:
    text.stylize("dim")
    return text


def _speed(scene: Scene) -> str:
    return f"{scene.rate:,.0f} sales/s of {scene.wanted:,.0f}"


def _equation(scene: Scene) -> list[str]:
    total = scene.total
    return equation(
        total["records"],
        total["accepted"],
        total["duplicates"] if scene.deduplicated else None,
        total["late"],
        total["rejected"],
    )


def _delay(scene: Scene) -> Text:
    delay = scene.delay
    seen = "measuring" if delay is None else f"p50 {delay.p50:.1f} ms  p99 {delay.p99:.1f} ms"
    return Text.assemble(("sale → PostgreSQL  ", "dim"), (seen, "bold cyan"))


def _categories(rows: Sequence[Row], most: int) -> Sheet:
    title = f"last {WINDOW_S} s"
    if len(rows) > most:
        title += f", {most} of {len(rows):,} categories"
    columns = (
        Column("category", elastic=True),
        Column("sales", right=True, spare=1),
        Column("money", right=True),
    )
    return Sheet(
        title,
        columns,
        [(shown(r["category"]), shown(r["sales_count"]), _money(r)) for r in rows[:most]],
    )


def _newest(rows: Sequence[Row]) -> Sheet:
    columns = (
        Column("second"),
        Column("category", elastic=True),
        Column("sales", right=True, spare=1),
        Column("money", right=True),
    )
    cells = [
        (
            f"{r['window_start']:%H:%M:%S}",
            shown(r["category"]),
            shown(r["sales_count"]),
            _money(r),
        )
        for r in rows
    ]
    return Sheet("newest rows of sales_summary", columns, cells)


def _anomalies(rows: Sequence[Row]) -> Sheet:
    columns = (
        Column("known at", spare=2),
        Column("kind"),
        Column("category", elastic=True),
        Column("seen", right=True),
        Column("expected", right=True),
        Column("score", right=True, spare=1),
    )
    cells = [
        (
            shown(r["detected_at"]),
            kind_name(r["kind"]),
            shown(r["category"]),
            *_figures(r),
            f"{r['score']:,.1f}",
        )
        for r in rows
    ]
    return Sheet("anomalies", columns, cells)


def _money(row: Row) -> str:
    return f"{shown(row['currency'])} {row['total_sales']:,.2f}"


def _figures(row: Row) -> tuple[str, str]:
    """Return what was seen and expected: sales of a few seconds, or money of one."""
    kind = BY_NAME.get(row["kind"])
    if kind is not None and kind.table.unit == "sales":
        return f"{row['amount']:,.0f} sales", f"{row['expected']:,.1f}"
    return f"{row['amount']:,.2f}", f"{row['expected']:,.2f}"


def kind_name(kind: str) -> str:
    """Return the name of a kind of anomaly, as on the page; one that is unknown as in its row."""
    known = BY_NAME.get(kind)
    return shown(kind.replace("_", " ")) if known is None else known.words.en.lower()
