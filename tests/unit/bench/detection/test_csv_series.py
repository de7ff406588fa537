"""CSV files of other people: understood where they can be, refused with the line where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf.bench.detection.csv_series import LEVEL, RATE, SALES, read_series
from spaf.errors import SettingsError


def written(folder: Path, text: str) -> Path:
    """Return a file with this text."""
    file = folder / "a.csv"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("timestamp,value\n2024-01-01 00:00:00,5\n2024-01-01 00:05:00,7\n", RATE),
        ("timestamp,value\n2024-01-01 00:00:00,5.5\n", LEVEL),
        ("Time Stamp,y\n1700000000,-1\n".replace("Time Stamp", "ds"), LEVEL),
        ("timestamp,productId,productPrice,productQuantity\n1700000000000,p,9.90,2\n", SALES),
        ("\ufeffevent_time,product_id,unit_price\n2024-01-01T00:00:00Z,p,9.90\n", SALES),
        ("label,value,timestamp\n0,3,1700000000\n", RATE),
    ],
)
def test_what_a_file_looks_like(tmp_path: Path, text: str, kind: str) -> None:
    """Columns in any order and spelling; the kind follows from columns and values."""
    series = read_series(written(tmp_path, text))
    assert series.kind == kind
    assert len(series.rows) == text.count("\n") - 1


def test_the_kind_can_be_said(tmp_path: Path) -> None:
    """Whole numbers may be a level."""
    file = written(tmp_path, "timestamp,value\n1,5\n\n2,6\n")
    assert read_series(file, LEVEL).kind == LEVEL
    assert [row.line for row in read_series(file).rows] == [2, 4]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", None, "the file is empty"),
        ("timestamp,value\n", None, "there is a header, but no row"),
        ("when,value\n1,2\n", None, "no column timestamp; there are when, value"),
        ("timestamp,amount_x\n1,2\n", None, "no column value; there are timestamp, amount_x"),
        ("timestamp,value\n1,2\n2,x\n", None, "line 3: 'x' is no number"),
        ("timestamp,value\n1,nan\n", None, "line 2: nan is no number to compare with"),
        ("timestamp,value\n1,\n", None, "line 2: '' is no number"),
        ("timestamp,value\n1,inf\n", None, "line 2: inf is no number"),
        ("timestamp,value\n1,2,3\n", None, "line 2: 3 cells, the header has 2"),
        ("timestamp,value\nyesterday,2\n", None, "line 2: 'yesterday' is no time stamp"),
        ("timestamp,value\n2,2\n1,2\n", None, "line 3: 1 is earlier than the line before"),
        ("timestamp,value\n1,2\n2,2.5\n", RATE, "line 3: 2.5 is no count"),
        ("timestamp,value\n1,-2\n", RATE, "line 2: -2 is no count"),
        ("timestamp,product,price\n1,p,9.999\n", None, "line 2: price 9.999 is not"),
        ("timestamp,product,price\n1,p,nan\n", None, "line 2: nan is no number"),
        ("timestamp,product,price,quantity\n1,p,9,0\n", None, "line 2: quantity 0 is not"),
        ("timestamp,value\n1,2\n", SALES, "no column productPrice"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, kind: str | None, message: str) -> None:
    """Each error names its line; no value is guessed."""
    with pytest.raises(SettingsError) as caught:
        read_series(written(tmp_path, text), kind)
    assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(SettingsError, match=r"nothing\.csv: cannot be read"):
        read_series(tmp_path / "nothing.csv")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file of something else is refused."""
    file = tmp_path / "a.csv"
    file.write_bytes(b"timestamp,value\n1,\xff\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_series(file)


def test_zones_and_units_are_compared_alike(tmp_path: Path) -> None:
    """Seconds, milliseconds and ISO with a zone are moments on one line."""
    rows = "1700000000\n1700000001000\n2023-11-14T23:13:22+01:00\n2023-11-14 22:13:23\n"
    text = "timestamp,value\n" + "".join(f"{line},1\n" for line in rows.split("\n")[:-1])
    assert len(read_series(written(tmp_path, text)).rows) == 4
