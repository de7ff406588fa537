"""What the verbs of the quarantine take and print."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from spaf import clock
from spaf.cli import app
from spaf.cli.quarantine import listing, single
from spaf.errors import NotUpError, SettingsError
from spaf.quarantine.reader import QuarantinedRecord
from spaf.store.queries import QuarantineTotals

MOMENT = datetime(2025, 11, 22, 10, 30, tzinfo=UTC)


def kept(payload: bytes | None, reason: str = "price", **more: object) -> QuarantinedRecord:
    """Return a record."""
    return QuarantinedRecord(0, 7, MOMENT, reason, payload, len(payload or b""), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("words", [["0", "123"], ["0:123"]])
def test_a_record_is_named_by_its_place(words: list[str]) -> None:
    """As the list prints it, or in two words."""
    assert single._position(words) == (0, 123)


@pytest.mark.parametrize("words", [["0"], ["a:b"], ["0", "1", "2"], ["-1:5"], ["0:1:2"], ["²:1"]])
def test_what_names_no_record_is_told(words: list[str]) -> None:
    """With an example of what does."""
    with pytest.raises(SettingsError) as failure:
        single._position(words)
    assert "0:1234" in failure.value.todo


def test_since_is_a_duration_or_a_time() -> None:
    """A time without a zone is UTC."""
    now = datetime.fromtimestamp(clock.now_ms() / 1_000, UTC)
    ten_minutes = listing._moment("10m")
    assert abs(now - timedelta(minutes=10) - ten_minutes) < timedelta(seconds=10)
    assert listing._moment("2025-11-22T10:30") == MOMENT
    assert listing._moment("2025-11-22T12:30+02:00") == MOMENT
    with pytest.raises(SettingsError, match="--since tomorrow"):
        listing._moment("tomorrow")


def test_a_reason_that_there_is_none_of_is_told() -> None:
    """With those that there are."""
    with pytest.raises(SettingsError) as failure:
        listing._row_filter("prices", None)
    assert "price, quantity" in failure.value.todo


@pytest.mark.parametrize("payload", [None, b"", b"x", b"\x1b[2J", b"\xff\x00", "é".encode()])
def test_a_line_of_an_export_holds_the_bytes(payload: bytes | None) -> None:
    """As text where it is text, else in base64; no value differs from an empty one."""
    file = io.StringIO()
    assert listing._write_lines([kept(payload)] * 2, file) == 2
    first, second = (json.loads(line) for line in file.getvalue().splitlines())
    assert first == second
    if payload == b"\xff\x00":
        assert first["payload_base64"] == "/wA="
    else:
        assert first["payload"] == (None if payload is None else payload.decode())
    assert (first["partition"], first["offset"], first["reason"]) == (0, 7, "price")


@given(st.binary())
def test_a_spreadsheet_finds_no_formula(payload: bytes) -> None:
    """No cell begins with what a spreadsheet would calculate, whatever the record is."""
    file = io.StringIO()
    amount = Decimal("3.75")
    listing._write_csv(
        [kept(payload, "late", category="=1+1", currency="BRL", amount=amount, lateness_ms=1)], file
    )
    head, row = csv.reader(io.StringIO(file.getvalue()))
    assert len(head) == len(row)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row)
    assert row[head.index("amount")] == "3.75"
    assert bytes.fromhex(row[-1].removeprefix("\\x")) == payload


def test_bytes_that_are_no_text_are_a_hex_dump() -> None:
    """Sixteen a line, with their ASCII characters."""
    assert single._payload(b"\xffa\x1b" + b"b" * 14) == [
        "000000  ff 61 1b 62 62 62 62 62 62 62 62 62 62 62 62 62  .a.bbbbbbbbbbbbb",
        "000010  62                                               b",
    ]


def test_a_long_record_is_not_poured_out() -> None:
    """How many are left is printed, and where they are."""
    first, more = single._payload(b"x" * 5_000)
    assert len(first) == 4_096
    assert "904 more bytes" in more


def test_what_must_be_said_is_said() -> None:
    """Waiting, sampled, not all kept; nothing if there is nothing."""
    assert listing.notes(QuarantineTotals(5, 5, 0, 0)) == []
    assert listing.notes(QuarantineTotals(9, 5, 0, 0)) == ["5 of 9 records kept, the newest"]
    waiting, sampled = listing.notes(QuarantineTotals(9, 5, 1_234, 3))
    assert waiting == "1,234 more records waiting to be explained"
    assert sampled.startswith("sampled:")


def test_late_sales_have_a_line_for_each_currency() -> None:
    """With their money, or the word that it is not known."""
    line = listing.late_line({"currency": "BRL", "sales": 1_200, "amount": Decimal("9.5")})
    assert line == "late: 1,200 sales, BRL 9.50"
    line = listing.late_line({"currency": None, "sales": 7, "amount": None})
    assert line == "late: 7 more sales not read, so without their money"


@pytest.mark.parametrize(
    ("name", "format_"),
    [("q.csv", "csv"), ("Q.CSV", "csv"), ("q.jsonl", "jsonl"), ("q", "jsonl"), ("-", "jsonl")],
)
def test_an_export_has_the_format_of_its_file_name(name: str, format_: str) -> None:
    """An ending that stands for no format, and standard output, mean JSON lines."""
    assert listing._format_of(Path(name)) == format_
    assert listing._format_of(None) == "jsonl"


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["q.csv"], "partition,offset,"),
        (["q.csv", "--format", "jsonl"], '{"partition":0,"offset":7,'),
        (["q.txt", "--format", "csv"], "partition,offset,"),
    ],
)
def test_an_option_decides_over_the_file_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], first: str
) -> None:
    """The file holds what `--format` says, where it is given; one record is not "1 records"."""

    class OneRecord:
        """A run whose quarantine holds one record."""

        access = property(lambda self: self)

        @contextlib.contextmanager
        def session(self, _role: object) -> Iterator[None]:
            yield None

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("spaf.stack.run.Run.attach", lambda _settings: OneRecord())
    monkeypatch.setattr("spaf.quarantine.reader.every", lambda *_: [kept(b"x")])
    result = CliRunner().invoke(app, ["quarantine", "export", *arguments])
    assert result.exit_code == 0, result.output
    assert Path(arguments[0]).read_text(encoding="utf-8").startswith(first)
    assert f"1 record in {arguments[0]}" in result.stderr


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    "line", ["list", "show 0:1", "show 0 1", "export", "replay 0:1 --set a=1 --now"]
)
def test_without_a_run_each_says_so(line: str) -> None:
    """There is nothing to ask."""
    result = CliRunner().invoke(app, ["quarantine", *line.split()])
    assert isinstance(result.exception, NotUpError)


@pytest.mark.usefixtures("bare")
def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(SettingsError, match="cannot be read"):
        single._read(tmp_path / "none")
