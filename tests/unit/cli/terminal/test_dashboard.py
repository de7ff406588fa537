"""The live view: no line is longer than a terminal of any width, and every text is escaped."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from spaf.cli.terminal.dashboard import (
    MAX_CATEGORIES,
    MAX_NEWEST,
    TALL_LINES,
    RunSnapshot,
    headline,
    kind_name,
    render,
)
from spaf.generate.anomalies.ground_truth import SALE_ALERTS, SECOND_ALERTS
from spaf.generate.shop.assortment import CATEGORIES as SHOP
from spaf.measure.quantiles import Quantiles
from spaf.sale.anomaly_kinds import NAMES

LONG = "gardening-tools-and-everything-else-that-nobody-needs-in-a-flat"
# It would clear the screen, move the cursor, turn the text around and end the line.
HOSTILE = "x\x1b[2J\x1b[1;1H\u202ey\nz\r\t[red]"
WIDE = "電子機器と家庭用品とその他すべて"
AT = datetime(2025, 11, 22, 8, 30, 1, 123_000, tzinfo=UTC)
TOTAL = {"records": 1_234_567, "accepted": 1_234_000, "duplicates": 60, "late": 500, "rejected": 67}


def sold(category: str, money: str = "1234.5") -> dict[str, Any]:
    """Return a row of sales, of a second or of several."""
    return {
        "window_start": AT.replace(microsecond=0),
        "category": category,
        "currency": "BRL",
        "sales_count": 1_234,
        "total_sales": Decimal(money),
    }


def unusual(kind: str, category: str, amount: str, expected: str) -> dict[str, Any]:
    """Return an anomaly, as the query gives one."""
    return {
        "detected_at": AT,
        "kind": kind,
        "category": category,
        "amount": Decimal(amount),
        "expected": Decimal(expected),
        "score": 12.3456789,
    }


SNAPSHOT = RunSnapshot(
    rate=1_000.4,
    wanted=1_000,
    total=TOTAL,
    deduplicated=False,
    delay=Quantiles(900, 0, 3.21, 5.0, 12.34, 45.6, 4.1),
    categories=[sold(name, "1234567.891") for name in SHOP],
    newest=[sold(name) for name in ("electronics", LONG, WIDE, HOSTILE, "home", "toys")],
    anomalies=[
        unusual("high_price", "electronics", "1234567.8", "1234.5"),
        unusual("bulk_quantity", LONG, "12.344", "1"),
        unusual("low_price", HOSTILE, "0.5", "49.9"),
        unusual("surge", WIDE, "1057", "123.456789"),
        unusual("drought", "toys", "0", "57.25"),
        unusual("a_kind_of_tomorrow", "toys", "1", "2"),
    ],
    addresses={
        "Page": "http://127.0.0.1:8080",
        "Locust": "http://127.0.0.1:8089",
        "Flink": "http://127.0.0.1:8081",
    },
)


def lines(snapshot: RunSnapshot, width: int, height: int = TALL_LINES) -> list[str]:
    """Return what a terminal of this size is sent."""
    return printed(render(snapshot, width, height), width)


def printed(picture: RenderableType, width: int, **how: Any) -> list[str]:
    """Return the lines that a console of this width makes of something."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(picture, **how)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.split("\n")]


def heads(found: list[str]) -> str:
    """Return the heads of the anomalies' columns."""
    return " ".join(found[found.index("anomalies") + 1].split())


@pytest.mark.parametrize("width", [10, 20, 40, 60, 79, 80, 81, 90, 100, 120, 160, 240])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    """Whatever the others have called their categories; and nothing moves the cursor."""
    found = lines(SNAPSHOT, width)
    assert max(map(cell_len, found)) <= width
    assert all(line.isprintable() for line in found)


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_from_80_characters_each_row_is_one_line_and_no_figure_is_cut(width: int) -> None:
    """Only names give way: the tables stand side_by_side each other, with all their columns."""
    found = lines(SNAPSHOT, width)
    top = next(i for i, line in enumerate(found) if line.startswith("last 10 s"))
    assert "newest rows of sales_summary" in found[top]
    columns = " ".join(found[top + 1].split())
    assert columns == "category sales money second category sales money"
    rows = found[top + 2 : top + 2 + MAX_CATEGORIES]
    assert all("1,234  BRL 1,234,567.89" in row for row in rows)
    assert all(re.search(r"08:30:01 .* 1,234  BRL 1,234\.50$", row) for row in rows[:MAX_NEWEST])
    assert found[top + 2 + MAX_CATEGORIES] == ""

    below = found.index("anomalies")
    assert heads(found) == "known at kind category seen expected score"
    figures = [" ".join(row.split()[-4:]) for row in found[below + 2 : below + 8]]
    assert figures[0].endswith("1,234,567.80 1,234.50 12.3")
    assert figures[1].endswith("12.34 1.00 12.3")
    assert figures[3].endswith("1,057 sales 123.5 12.3")
    assert figures[4].endswith("0 sales 57.2 12.3")
    assert found[below + 8] == ""
    assert any(line.endswith("end with Ctrl-C") for line in found[below + 9 :])


def test_a_long_name_ends_with_an_ellipsis() -> None:
    """It is as long as there is room, and the rest of its row is whole."""
    (row,) = [line for line in lines(SNAPSHOT, 100) if "bulk order" in line]
    assert re.search(r" gardening-tools-and-[a-z-]*… ", row)
    assert LONG in " ".join(lines(SNAPSHOT, 240))


def test_below_80_characters_columns_leave_and_figures_stay() -> None:
    """The tables stand below each other; the moment and the score are what is missed least."""
    found = lines(SNAPSHOT, 60)
    assert "newest rows of sales_summary" in found
    assert heads(found) == "kind category seen expected score"
    assert any("1,234,567.80  1,234.50   12.3" in line for line in found)
    assert heads(lines(SNAPSHOT, 54)) == "kind category seen expected"


def test_a_line_of_figures_breaks_between_two_of_them() -> None:
    """An address or a term of the equation is never in two halves."""
    found = lines(replace(SNAPSHOT, deduplicated=True, total={**TOTAL, "records": 10**12}), 80)
    assert found[0] == "SPAF   1,000 sales/s of 1,000   sale → PostgreSQL  p50 3.2 ms  p99 12.3 ms"
    assert found[1] == "1,000,000,000,000 records = 1,234,000 accepted + 60 duplicates + 500 late"
    assert found[2] == "+ 67 rejected"
    assert found[-3:-1] == [
        "Page http://127.0.0.1:8080   Locust http://127.0.0.1:8089",
        "Flink http://127.0.0.1:8081   end with Ctrl-C",
    ]


def test_more_categories_than_lines_are_counted() -> None:
    """A client may make as many as it likes; the anomalies stay on the screen."""
    many = replace(SNAPSHOT, categories=[sold(f"c{n}") for n in range(2_000)])
    found = lines(many, 80)
    assert found[3].startswith("last 10 s, 10 of 2,000 categories")
    assert any(line.split()[:1] == ["c9"] for line in found)
    assert not any(line.split()[:1] == ["c10"] for line in found)
    assert len(lines(many, 80, 24)) <= 24


def test_before_the_first_sale_there_are_heads_and_no_rows() -> None:
    """Nothing is known yet, and nothing breaks."""
    empty = RunSnapshot(0.0, 100, dict.fromkeys(TOTAL, 0), deduplicated=False, delay=None)
    found = lines(empty, 80)
    assert found[0] == "SPAF   0 sales/s of 100   sale → PostgreSQL  measuring"
    assert found[1] == "0 records = 0 accepted + 0 late + 0 rejected"
    assert "end with Ctrl-C" in found


def test_in_a_file_the_headline_is_one_line() -> None:
    """However long; a script may look for it."""
    (line, rest) = printed(headline(replace(SNAPSHOT, deduplicated=True)), 80, soft_wrap=True)
    assert rest == ""
    assert line == (
        "SPAF   1,000 sales/s of 1,000   1,234,567 records = 1,234,000 accepted + 60 duplicates "
        "+ 500 late + 67 rejected   sale → PostgreSQL  p50 3.2 ms  p99 12.3 ms"
    )


@pytest.mark.parametrize("kind", [*SALE_ALERTS, *SECOND_ALERTS])
def test_a_kind_has_the_name_that_the_page_gives_it(kind: str) -> None:
    """One word for one thing, on both screens."""
    assert kind_name(kind) == NAMES["en"][kind].lower()


def test_a_kind_without_a_text_is_shown_without_underscores() -> None:
    """And without what would move the cursor."""
    assert kind_name("a_new\x1bkind") == "a new\N{REPLACEMENT CHARACTER}kind"
