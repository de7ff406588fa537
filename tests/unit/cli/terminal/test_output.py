"""What the verbs read and print with."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from spaf.cli.terminal import output
from spaf.cli.terminal.output import (
    cell_text,
    counted,
    duration,
    equation,
    print_error,
    print_json,
    rate,
    table,
)
from spaf.errors import SettingsError, SpafError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("60s", 60), ("5m", 300), ("1.5h", 5400), (" 1s ", 1), ("0.1", 0.1)],
)
def test_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    """Seconds, minutes, hours; without a unit, seconds."""
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "5 m", "5d", "m", "1e3", "nan", "inf", ".5"])
def test_what_is_no_duration_is_told_with_examples(text: str) -> None:
    """The flag, the value, and what would be right."""
    with pytest.raises(SettingsError) as caught:
        duration(text)
    assert caught.value.what == f"--for {text}: not a duration."
    assert "60s" in caught.value.todo


@pytest.mark.parametrize("value", [0.1, 1, 200_000])
def test_rate_within_its_bounds_is_itself(value: float) -> None:
    """The bounds included."""
    assert rate(value) == value


@pytest.mark.parametrize("value", [0, -1, 0.09, 200_001, float("nan"), float("inf")])
def test_rate_beyond_its_bounds_is_told_with_them(value: float) -> None:
    """No generator can be asked for it."""
    with pytest.raises(SettingsError, match=rf"^--rate {value:g}: .*0\.1 to 200,000"):
        rate(value)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (1234.5, "1,234.50"),
        (Decimal("1234567.8"), "1,234,567.80"),
        (datetime(2025, 11, 22, 8, 30, 1, 123999, tzinfo=UTC), "08:30:01.123"),
        ("livros é 書", "livros é 書"),
        ("[bold]", "[bold]"),
    ],
)
def test_cell_is_shown_as_a_person_reads_it(cell: Any, text: str) -> None:
    """Numbers with thousands, times to the millisecond, text as it is."""
    assert cell_text(cell) == text


@pytest.mark.parametrize("control", ["\x1b", "\n", "\r", "\t", "\x00", "\x07", "\x9b", "\u202e"])
def test_control_character_of_a_text_becomes_visible(control: str) -> None:
    """A category of a hostile client cannot move the cursor or turn the text around."""
    assert cell_text(f"a{control}b") == "a\N{REPLACEMENT CHARACTER}b"


@given(st.text())
def test_shown_text_is_printable_and_as_long(text: str) -> None:
    """Nothing is swallowed, so that what is wrong can be seen."""
    assert cell_text(text).isprintable()
    assert len(cell_text(text)) == len(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 records"), (1, "1 record"), (2, "2 records"), (1234, "1,234 records")],
)
def test_a_noun_is_singular_after_one_only(number: int, text: str) -> None:
    """In every message that counts something."""
    assert counted(number, "record") == text


def test_one_record_is_singular_in_the_equation() -> None:
    """What is an adjective there stays as it is."""
    assert " ".join(equation(1, 0, 1, 0, 0)) == (
        "1 record = 0 accepted + 1 duplicate + 0 late + 0 rejected"
    )


def printed(value: Any) -> str:
    """Return what a console makes of a value."""
    console = Console(file=io.StringIO(), width=100)
    console.print(value)
    found: str = console.file.getvalue()  # type: ignore[attr-defined]
    return found


def test_table_reads_no_markup_in_its_cells() -> None:
    """A category named like a tag is cell_text as it is called."""
    assert "[red]x[/red]" in printed(table("", ["category"], [("[red]x[/red]",)]))


def test_numbers_of_a_table_stand_to_the_right() -> None:
    """So that their digits stand below each other."""
    made = table("t", ["name", "n", "money"], [("a", 1, Decimal(1)), ("b", 1000, Decimal(2))])
    assert [column.justify for column in made.columns] == ["left", "right", "right"]


def test_table_without_rows_has_its_head() -> None:
    """An empty answer is still an answer."""
    assert "category" in printed(table("", ["category", "n"], []))


def test_json_is_one_value_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts read it; money stays exact."""
    print_json({"money": Decimal("0.10"), "text": "[bold]é", "none": None})
    found = capsys.readouterr()
    assert json.loads(found.out) == {"money": "0.10", "text": "[bold]é", "none": None}
    assert found.err == ""


def test_complaint_goes_to_standard_error_without_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened, then what to do, as they are."""
    assert output.err.stderr
    console = Console(file=io.StringIO(), width=100)
    monkeypatch.setattr(output, "err", console)
    print_error(SpafError("It [red]broke.", todo="Mend it."))
    assert console.file.getvalue() == "It [red]broke.\nMend it.\n"  # type: ignore[attr-defined]


def test_complaint_moves_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message may hold what a service has said; its lines stay lines."""
    console = Console(file=io.StringIO(), width=100)
    monkeypatch.setattr(output, "err", console)
    print_error(SpafError("a\x1b[2J\nb", todo="c\x9bd"))
    hidden = "\N{REPLACEMENT CHARACTER}"
    assert console.file.getvalue() == f"a{hidden}[2J\nb\nc{hidden}d\n"  # type: ignore[attr-defined]
