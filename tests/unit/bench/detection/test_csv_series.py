"""Files of other programs: read with the right values, and every assumption and row reported."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaf.bench.detection.csv_series import LEVEL, RATE, SALES, CsvSeries, read_series
from spaf.bench.detection.reading.read_options import DateOrder, DecimalSign, ReadOptions
from spaf.errors import SettingsError
from tests.support.csv_exports import PLANTED, exports
from tests.support.scale import scaled

EXPORTS = exports()


def read(folder: Path, content: str | bytes, **options: object) -> CsvSeries:
    """Return the series of a file with this content."""
    file = folder / "a.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_series(file, msgspec.convert(options, ReadOptions))


def times(series: CsvSeries) -> list[str]:
    """Return the times of all rows in UTC."""
    return [str(datetime.fromtimestamp(row.epoch_us / 1e6, UTC))[:19] for row in series.rows]


@pytest.mark.parametrize("name", EXPORTS)
def test_exports(tmp_path: Path, name: str) -> None:
    """First time, first value, the planted row, the kind, and how many rows were dropped."""
    export = EXPORTS[name]
    series = read(tmp_path, export.content)
    first = series.rows[0]
    moment = datetime.fromisoformat(export.first_time)
    assert datetime.fromtimestamp(first.epoch_us / 1e6, UTC) == moment
    assert first.value == export.first_value
    assert series.kind == export.kind
    assert sum(series.dropped.values()) == export.dropped
    assert len(series.rows) + export.dropped == series.rows_read
    usual = {row.product: row.value for row in series.rows[-4:]}
    planted = [r for r in series.rows if abs(r.value) > 5 * abs(usual[r.product])]
    place = PLANTED + (series.rows_read > 60 and "above the table" in series.dropped)
    assert [row.row for row in planted] == [place]
    stamps = [row.epoch_us for row in series.rows]
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("timestamp,value\n2024-01-01 00:00:00,5\n2024-01-01 00:05:00,7\n", RATE),
        ("timestamp,value\n2024-01-01 00:00:00,5.5\n", LEVEL),
        ("ds,y\n1700000000,-1\n", LEVEL),
        ("timestamp,value\n1700000000,5 %\n", LEVEL),
        ("timestamp,value\n1700000000,284500000\n", LEVEL),
        ("timestamp,productId,productPrice,productQuantity\n1700000000000,p,9.90,2\n", SALES),
        ("\ufeffevent_time,product_id,unit_price\n2024-01-01T00:00:00Z,p,9.90\n", SALES),
        ("data;produto;pre\u00e7o;quantidade\n01/02/2024;p;9,90;2\n", SALES),
        ("label,value,timestamp\n0,3,1700000000\n", RATE),
    ],
)
def test_what_a_file_looks_like(tmp_path: Path, text: str, kind: str) -> None:
    """Columns in any order and spelling; the kind follows from columns and values."""
    series = read(tmp_path, text)
    assert series.kind == kind
    assert len(series.rows) == text.count("\n") - 1


def test_the_kind_can_be_said(tmp_path: Path) -> None:
    """Whole numbers may be a level; blank lines count in the numbers of lines only."""
    text = "timestamp,value\n1,5\n\n2,6\n"
    assert read(tmp_path, text, kind=LEVEL).kind == LEVEL
    assert [(row.row, row.line) for row in read(tmp_path, text).rows] == [(1, 2), (2, 4)]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", None, "the file is empty"),
        ("\n \n", None, "the file is empty"),
        ("timestamp,value\n", None, "there is a header, but no row"),
        ("hello\nworld\n", None, "no row holds a number"),
        ("timestamp,name\n1,a\n", None, "line 2 (row 1), column name: 'a' is no number"),
        ("timestamp,a,b\n1,x,y\n", None, "no column value; there are timestamp, a, b"),
        ("timestamp,a,b,user_id\n1,2,3,4\n", None, "2 columns hold numbers: a, b.\nChoose one"),
        (
            "Data,CHUVA TOTAL NA HORA (mm),TEMPERATURA (C)\n2024-01-02,0.2,21.5\n",
            None,
            "2 columns hold numbers: CHUVA TOTAL NA HORA (mm), TEMPERATURA (C).\nChoose one",
        ),
        ("timestamp,value\n1,2\n2,x\n3,4\n", None, "line 3 (row 2), column value: 'x' is no"),
        ("timestamp,value\n1,2\n2,inf\n", None, "'inf' is no number.\nIf it stands for no value"),
        ("timestamp,value\n1,2\n2,1e400\n", None, "'1e400' is too large"),
        ("timestamp,value\n1,\n", None, "no row can be scored: 1 without a value"),
        ("timestamp,value\n1,2,3\n", None, "line 2 (row 1): 3 cells, the header has 2"),
        ("date,value\n2024-01-01,2\nyesterday,2\n2024-01-03,2\n", None, "'yesterday' is no time"),
        ("date,value\n0000-00-00,2\n2024-01-03,2\n", None, "'0000-00-00' is no time stamp"),
        ("date,value\nyesterday,2\ntoday,2\n", None, "'yesterday' is no time stamp"),
        ("date;v\n01/01/2024;5,55\n02/01/2024;6.5\n03/01/2024;6,5\n", None, "--decimal point"),
        ("date,v\n2024-01-01,5 ms\n2024-01-02,1.5 s\n", None, "unit s, rows above have ms"),
        ('date,v\n2024-01-01,"5\n2024-01-02,6\n', None, "Is a quote opened and never closed?"),
        ("timestamp,value\n1,2\n2,2.5\n", RATE, "line 3 (row 2), column value: '2.5' is no count"),
        ("timestamp,value\n1,-2\n", RATE, "'-2' is no count"),
        ("timestamp,value\n1,300000000\n", RATE, "is no count up to 100,000,000"),
        ("timestamp,value\n1,2\n", SALES, "no column productPrice"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, kind: str | None, message: str) -> None:
    """Each error names line, row, column and cell, and what the user may do."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text, kind=kind)
    assert message in str(caught.value)
    assert "a.csv" in str(caught.value)


def test_assumptions_are_told(tmp_path: Path) -> None:
    """One line has encoding, delimiter, decimal sign, times, value, kind and rows."""
    content = "data;valor\n02/01/2024;4,85\n03/01/2024;n/d\n04/01/2024;5,01\nFonte: BCB\n"
    series = read(tmp_path, content.encode("cp1252"))
    assert series.assumptions == (
        "UTF-8",
        "delimiter ;",
        "decimal comma",
        "time: data, day first (ambiguous: --date-order overrules), zone UTC",
        "value: valor",
        "kind level",
        "4 rows read, 2 to score, 2 dropped (1 below the table, 1 without a value)",
    )
    assert series.dropped == {"below the table": 1, "without a value": 1}


def test_an_option_overrules_each_assumption(tmp_path: Path) -> None:
    """Delimiter, encoding, decimal sign, order of dates, zone, columns and missing values."""
    pair = "when;v\n01/02/2024;1.234\n02/02/2024;2.345\n"
    assert [row.value for row in read(tmp_path, pair).rows] == [1_234, 2_345]
    point = read(tmp_path, pair, decimal=DecimalSign.point)
    assert [row.value for row in point.rows] == [1.234, 2.345]
    assert times(read(tmp_path, pair, date_order=DateOrder.mdy))[0] == "2024-01-02 00:00:00"
    assert times(read(tmp_path, pair, zone="-03:00"))[0] == "2024-02-01 03:00:00"
    wide = "date,a,b\n2024-01-01,1,5.5\n2024-01-02,-9999,6.5\n"
    assert [row.value for row in read(tmp_path, wide, value=["b"]).rows] == [5.5, 6.5]
    assert [row.value for row in read(tmp_path, wide, value=["3"]).rows] == [5.5, 6.5]
    series_read = read(tmp_path, wide, value=["a"], missing=["-9999"])
    assert (len(series_read.rows), series_read.dropped) == (1, {"without a value": 1})
    cyrillic = "\u0434\u0430\u0442\u0430;v\n01/02/2024;1\n".encode("cp1251")
    assert "\u0434\u0430\u0442\u0430" in read(tmp_path, cyrillic, encoding="cp1251").assumptions[2]
    assert [r.value for r in read(tmp_path, "date|v\n2024-01-01|5\n", delimiter="pipe").rows] == [5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "ab"}, "--delimiter ab: it must be one character"),
        ({"encoding": "klingon"}, "--encoding klingon: there is no such encoding"),
        ({"encoding": "ascii"}, "is not in ascii"),
        ({"zone": "Mars/Base"}, "--zone Mars/Base: there is no such zone"),
        ({"time": ["hour"]}, "no column hour for --time; there are date, \u00e9"),
        ({"value": ["7"]}, "no column 7 for --value"),
        ({"series": "host"}, "no column host for --series"),
    ],
)
def test_an_option_that_does_not_fit(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    """The option is named."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "date,\u00e9\n2024-01-01,5\n2024-01-02,6\n", **options)
    assert message in str(caught.value)


def test_order_and_copies(tmp_path: Path) -> None:
    """Rows are sorted by time and keep their numbers; copies stay unless they are unwanted."""
    text = (
        "date,v\n2024-01-03,1.5\n2024-01-01,2.5\n2024-01-01,2.5\n2024-01-02,3.5\n2024-01-02,4.5\n"
    )
    series = read(tmp_path, text)
    assert [row.row for row in series.rows] == [2, 3, 4, 5, 1]
    assert "sorted by time" in series.assumptions
    assert "2 rows at the time of another: kept (--drop-copies drops copies)" in series.assumptions
    dropped = read(tmp_path, text, drop_copies=True)
    assert [row.row for row in dropped.rows] == [2, 4, 5, 1]
    assert dropped.dropped == {"copies of another row": 1}
    newest = read(tmp_path, "date,v\n2024-01-03,1.5\n2024-01-02,2.5\n2024-01-02,3.5\n")
    assert [row.row for row in newest.rows] == [3, 2, 1]
    assert "newest first: turned round" in newest.assumptions


@pytest.mark.parametrize(
    ("header", "row", "value"),
    [
        ("Data da venda;Qtd. itens;Valor total (R$)", "13/02/2024;3;1.234,56", 1_234.56),
        ("<DATE>;<TIME>;<OPEN>;<CLOSE>", "2019.01.01;17:00;1.1;1.5", 1.5),
        ("day,orders,total_sales,shop_id", "2024-01-01,5,100.5,7", 100.5),
        ("hora;valor", "10:00;5,5", 5.5),
        ("order no,placed,price paid", "1234567890,2024-01-01,5.5", 5.5),
        ("Zeit;Temperatur", "13.02.2024 10:00;5,5", 5.5),
    ],
)
def test_the_column_of_the_value(tmp_path: Path, header: str, row: str, value: float) -> None:
    """It has a known name, a known word in its name, or is the only one that holds numbers."""
    assert read(tmp_path, f"{header}\n{row}\n").rows[0].value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data,temperatura\n2024-01-01,21.375\n2024-01-02,22.125\n", 21.375),
        ("data,vendas\n13/01/2024,21.375\n14/01/2024,22.125\n", 21_375),
        ("date;sales\n2024-01-13;21.375\n2024-01-14;22.125\n", 21_375),
        ('date,sales\n2024-01-13,"21,375"\n2024-01-14,"22,125"\n', 21_375),
        ("date\tsales\n2024-01-13\t21.375\n2024-01-14\t22.125\n", 21.375),
    ],
)
def test_numbers_that_fit_both_signs(tmp_path: Path, text: str, value: float) -> None:
    """The rest of the file decides, and it is said."""
    series = read(tmp_path, text)
    assert series.rows[0].value == value
    assert "(ambiguous: --decimal overrules)" in series.assumptions[2]


def test_several_series(tmp_path: Path) -> None:
    """A column that tells rows of one time apart names the series; one can be chosen."""
    rows = [f"2024-01-0{day},{host},{day}.5" for day in range(1, 7) for host in ("a", "b")]
    text = "\n".join(["time,host,value", *rows])
    series = read(tmp_path, text)
    assert [row.series for row in series.rows[:3]] == ["a", "b", "a"]
    assert "series: host, a, b" in series.assumptions
    chosen = read(tmp_path, text, series="host=b")
    assert {row.series for row in chosen.rows} == {"b"}
    assert chosen.dropped == {"of other series": 6}
    with pytest.raises(SettingsError, match="no series c in column host"):
        read(tmp_path, text, series="host=c")
    wide = "time,a,b,id\n2024-01-02,1,2,7\n2024-01-01,3,,8\n"
    columns = read(tmp_path, wide, value=["a", "b"])
    found = sorted((row.series, row.row, row.value) for row in columns.rows)
    assert found == [("a", 1, 1), ("a", 2, 3), ("b", 1, 2)]
    assert columns.dropped == {"without a value": 1}


@given(st.data())
@settings(max_examples=scaled(12, 600), deadline=None)
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever is cut out, doubled or put in: rows, or an error that a user can act on."""
    content = bytearray(data.draw(st.sampled_from([e.content for e in EXPORTS.values()])))
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(content)))
        end = min(len(content), begin + data.draw(st.integers(0, 40)))
        content[begin:end] = data.draw(
            st.sampled_from([b"", b"\n", b";", b",", b'"', b"\x00", b"\xff", b"#", b"-", b"9" * 30])
            | st.binary(max_size=8)
        )
    with TemporaryDirectory() as folder, contextlib.suppress(SettingsError):
        assert read(Path(folder), bytes(content)).rows


def test_sales_that_are_no_sales_are_dropped(tmp_path: Path) -> None:
    """Returns, prices below 0 and rows without a price are counted, and cents are rounded."""
    text = "timestamp,product,price,quantity\n1,p,9.999,1\n2,p,9,-1\n3,p,-9,1\n4,p,,1\n5,p,9,1.5\n"
    series = read(tmp_path, text)
    assert [row.value for row in series.rows] == [10.0]
    assert series.dropped == {
        "with a quantity that is not from 1 to 1,000,000": 2,
        "with a price below 0 or from 10^10": 1,
        "without a price": 1,
    }
    assert "1 price rounded to cents" in series.assumptions


def test_parquet(tmp_path: Path) -> None:
    """Names and types are those of the file; times with a zone are in UTC."""
    file = tmp_path / "a.parquet"
    relation = duckdb.sql(
        "SELECT TIMESTAMPTZ '2024-01-01 00:00:00-03' + to_days(i::INT) AS ts, "
        "CASE WHEN i = 1 THEN NULL ELSE 5.25 + i END AS reading FROM range(3) t(i)"
    )
    assert relation is not None
    relation.write_parquet(str(file))
    series = read_series(file)
    assert times(series) == ["2024-01-01 03:00:00", "2024-01-03 03:00:00"]
    assert [row.value for row in series.rows] == [5.25, 7.25]
    assert series.dropped == {"without a value": 1}


def test_clocks_that_are_put_back_and_forward(tmp_path: Path) -> None:
    """An hour that comes twice keeps its order; one that is skipped moves behind the gap."""
    back = ["2019-02-16 22:30", "2019-02-16 23:30", "2019-02-16 23:30", "2019-02-17 00:30"]
    text = "\n".join(["time,v", *(f"{stamp},1.5" for stamp in back)])
    series = read(tmp_path, text, zone="America/Sao_Paulo")
    assert [stamp[8:16] for stamp in times(series)] == [
        "17 00:30",
        "17 01:30",
        "17 02:30",
        "17 03:30",
    ]
    assert "2 at a change of the clocks" in series.assumptions
    reverse = "\n".join(["time,v", *(f"{stamp},1.5" for stamp in reversed(back))])
    assert times(read(tmp_path, reverse, zone="America/Sao_Paulo")) == times(series)
    forward = "time,v\n2018-11-03 23:30,1.5\n2018-11-04 00:30,2.5\n2018-11-04 01:45,3.5\n"
    stamps = times(read(tmp_path, forward, zone="America/Sao_Paulo"))
    assert [stamp[8:16] for stamp in stamps] == ["04 02:30", "04 03:30", "04 03:45"]


def test_a_table_without_times(tmp_path: Path) -> None:
    """Rows are steps in the order of the file, if nothing else is said."""
    text = "hour,v\n7,5.5\n3,6.5\n"
    series = read(tmp_path, text, time=["none"], value=["v"])
    assert [row.value for row in series.rows] == [5.5, 6.5]
    assert not series.has_times
    assert "no column of times: the rows keep their order" in series.assumptions
