"""Times of other programs: the instant that was meant, or none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from spaf.bench.detection.reading.read_options import DateOrder
from spaf.bench.detection.reading.times import (
    EPOCH,
    TimeColumn,
    TimeReader,
    clock_of_hour,
    is_clock,
    named_zone,
)
from spaf.errors import SettingsError


def column(*texts: str, day_first: bool = False, order: DateOrder | None = None) -> TimeColumn:
    """Return what the reader makes of a column."""
    return TimeReader(order, None, prefer_day_first=day_first).read(texts)


def moments(*texts: str, day_first: bool = False) -> list[str]:
    """Return the instants of a column as text; empty for none."""
    return [
        "" if instant is None else f"{EPOCH + timedelta(microseconds=instant):%Y-%m-%d %H:%M:%S.%f}"
        for instant in column(*texts, day_first=day_first).instants
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-10-01 00:00:00 UTC", "2019-10-01"),
        ("2019-10-01T00:00:00Z", "2019-10-01"),
        ("2019-10-01 00:00:00.123456789Z", "2019-10-01 00:00:00.123456"),
        ("2024-01-02 00:00:00-03", "2024-01-02 03:00"),
        ("2024-01-02 00:00:00 +0300", "2024-01-01 21:00"),
        ("2024-01-02 00:00:00,5", "2024-01-02 00:00:00.5"),
        ("2024-01-02 24:00", "2024-01-03"),
        ("2024-1-2 3:04", "2024-01-02 03:04"),
        ("2024/01/02 03:04:05", "2024-01-02 03:04:05"),
        ("2024-01-02 03:04:05 PM", "2024-01-02 15:04:05"),
        ("2024-01-02 03:04 p.m.", "2024-01-02 15:04"),
        ("2024-01-02 10:00 BRT", "2024-01-02 13:00"),
        ("20240102T030405Z", "2024-01-02 03:04:05"),
        ("2024-W05", "2024-01-29"),
        ("2024-01", "2024-01-01"),
        ("01/2024", "2024-01-01"),
        ("2024Q3", "2024-07-01"),
        ("2024-Q3", "2024-07-01"),
        ("T3/2024", "2024-07-01"),
        ("3\u00ba trimestre 2024", "2024-07-01"),
        ("2024M02", "2024-02-01"),
        ("01-JAN-24 10.30.00.000000 AM", "2024-01-01 10:30"),
        ("2024-01-02T00:00-03:00[America/Sao_Paulo]", "2024-01-02 03:00"),
        ("Jan  2 2024 12:00AM", "2024-01-02"),
        ("02jan2024", "2024-01-02"),
        ("20190101 170000", "2019-01-01 17:00"),
        ("jan/24", "2024-01-01"),
        ("Fev-2024", "2024-02-01"),
        ("mar\u00e7o de 2024", "2024-03-01"),
        ("1-Jan-24", "2024-01-01"),
        ("2 de janeiro de 2024 \u00e0s 10:30", "2024-01-02 10:30"),
        ("ter\u00e7a-feira, 2 de janeiro de 2024", "2024-01-02"),
        ("Jan 2, 2024 3:04\u202fPM", "2024-01-02 15:04"),
        ("Jan 2, 2024 @ 00:00:00.000", "2024-01-02"),
        ("Mon, 01 Jan 2024 00:00:00 +0000", "2024-01-01"),
        ("Mon Jan 01 2024 00:00:00 GMT-0300 (Brasilia Standard Time)", "2024-01-01 03:00"),
        ("13/01/2024 8:26", "2024-01-13 08:26"),
        ("1/13/24, 8:26:01 PM", "2024-01-13 20:26:01"),
        ("31.12.99", "1999-12-31"),
        ("1704067200", "2024-01-01"),
        ("1704067200.5", "2024-01-01 00:00:00.5"),
        ("1704067200123", "2024-01-01 00:00:00.123"),
        ("1704067200123456", "2024-01-01 00:00:00.123456"),
        ("1704067200123456789", "2024-01-01 00:00:00.123456"),
        ("1.7040672E+12", "2024-01-01"),
        ("20240102", "2024-01-02"),
        ("202402", "2024-02-01"),
        ("20240102030405", "2024-01-02 03:04:05"),
        ("2024.02", "2024-02-01"),
        ("45293,25", "2024-01-02 06:00"),
        ("2024", "2024-01-01"),
        ("7", "1970-01-01 00:00:07"),
    ],
)
def test_one_time(text: str, expected: str) -> None:
    """The instant in UTC."""
    moment = datetime.fromisoformat(expected)
    assert moments(text) == [f"{moment:%Y-%m-%d %H:%M:%S.%f}"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "Total", "Fonte: BCB", "10:30", "2024-01-02 10:00 XYZ", "0000-00-00", "31/02/2024"),
        *("2024-13-01", "abc", "12 apples", "32/13/2024"),
    ],
)
def test_no_time(text: str) -> None:
    """A text without a date, or with one that no calendar has, is no time."""
    assert column(text, "2024-01-01").instants[0] is None


@pytest.mark.parametrize(
    ("texts", "day_first", "form", "ambiguous", "first"),
    [
        (("02/01/2024", "13/01/2024"), False, "day first", False, "2024-01-02"),
        (("01/02/2024", "01/13/2024"), True, "month first", False, "2024-01-02"),
        (("01/02/2024", "02/02/2024"), True, "day first", True, "2024-02-01"),
        (("01/02/2024", "02/02/2024"), False, "day first", True, "2024-02-01"),
        (("1/2/2024", "1/3/2024", "1/4/2024"), False, "month first", True, "2024-01-02"),
        (("01/11/2023", "01/12/2023", "01/01/2024"), False, "day first", True, "2023-11-01"),
        (("12/1/2023", "1/1/2024", "2/1/2024"), True, "month first", True, "2023-12-01"),
        (("24/01/02", "24/01/15", "24/01/31"), True, "year first", True, "2024-01-02"),
        (("05/05/2024",), False, "month first", False, "2024-05-05"),
    ],
)
def test_the_order_is_that_of_the_whole_column(
    texts: tuple[str, ...], *, day_first: bool, form: str, ambiguous: bool, first: str
) -> None:
    """The order that fits all dates; of two the one with even steps; of those the usual one."""
    found = column(*texts, day_first=day_first)
    assert (found.form, found.ambiguous) == (form, ambiguous)
    assert moments(*texts, day_first=day_first)[0][:10] == first


def test_the_order_can_be_said() -> None:
    """Then nothing is ambiguous, and a date that does not fit is no time."""
    found = column("01/02/2024", "13/02/2024", order=DateOrder.mdy)
    assert not found.ambiguous
    assert found.instants[1] is None


def test_zones() -> None:
    """A name of the IANA database or an offset; texts that name a zone keep theirs."""
    local = TimeReader(None, "America/Sao_Paulo", prefer_day_first=True)
    mixed = local.read(["2024-01-02 00:00", "2024-01-02 00:00 UTC"])
    assert mixed.instants[0] is not None
    assert mixed.instants[1] is not None
    assert (mixed.instants[0] - mixed.instants[1]) / 3_600e6 == 3
    assert named_zone("-03:00").utcoffset(None) == timedelta(hours=-3)
    for name in ("Mars/Base", "/etc/passwd", "", "../UTC"):
        with pytest.raises(SettingsError, match="there is no such zone"):
            named_zone(name)


def test_hours() -> None:
    """Times of day of programs that write date and hour apart."""
    assert is_clock("7:05")
    assert is_clock("10h30")
    assert not is_clock("2024-01-01 10:00")
    hours = ["7", "07h", "0730", "0700 UTC", "24", "10:30", "25", "x"]
    assert [clock_of_hour(hour) for hour in hours] == [
        *("07:00", "07:00", "07:30", "07:00", "24:00", "10:30", None, None)
    ]
