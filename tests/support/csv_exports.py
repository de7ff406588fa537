"""Files as other programs write them, each with one planted row, made from one seeded series."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from backports import zstd

# Row 41 of 60 holds ten times the usual value.
ROWS, PLANTED = 60, 41
BEGIN = datetime(2024, 1, 1)  # noqa: DTZ001 - a local time
MONTHS = (
    *("janeiro", "fevereiro", "mar\u00e7o", "abril", "maio", "junho"),
    *("julho", "agosto", "setembro", "outubro", "novembro", "dezembro"),
)


def values(base: float) -> list[float]:
    """Return a level with a spread of 3 %, with the planted value."""
    rng = random.Random(7)  # noqa: S311 - a simulation
    level = [base * rng.uniform(0.97, 1.03) for _ in range(ROWS)]
    level[PLANTED - 1] *= 10
    return level


def grouped(value: float, thousands: str, decimal: str, places: int = 2) -> str:
    """Return a number with these signs."""
    text = f"{value:,.{places}f}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


class Export(NamedTuple):
    """The bytes of a file, and what is right."""

    content: bytes
    first_time: str
    first_value: float
    kind: str = "level"
    rows: int = ROWS
    dropped: int = 0


def _lines(*lines: str, end: str = "\n") -> str:
    return end.join(lines) + end


def _days() -> Iterator[tuple[int, datetime]]:
    for number in range(ROWS):
        yield number, BEGIN + timedelta(days=number)


def exports() -> dict[str, Export]:  # noqa: PLR0915 - one statement an export
    """Return the files by the name of what wrote them."""
    level, high = values(4.85), values(2_845.5)
    brazilian = [grouped(value, ".", ",", 4) for value in level]
    money = [grouped(value, ".", ",") for value in high]
    day, four = "2024-01-01T00:00:00Z", round(level[0], 4)
    high_two = round(high[0], 2)
    found: dict[str, Export] = {}

    bcb = _lines(
        '"data";"valor"',
        *(f'"{t:%d/%m/%Y}";"{brazilian[n]}"' for n, t in _days()),
        '"Fonte";"BCB-DSTAT"',
        end="\r\n",
    )
    found["central bank of Brazil"] = Export(bcb.encode("latin-1"), day, four, dropped=1)
    for name, pack in (
        ("gzip", gzip.compress),
        ("bzip2", bz2.compress),
        ("xz", lzma.compress),
        ("zstd", zstd.compress),
    ):
        found[name] = Export(pack(bcb.encode()), day, four, dropped=1)

    excel = _lines(
        "sep=;",
        "Data;Pre\u00e7o (R$)",
        *(f"{t:%d/%m/%Y %H:%M};R$ {money[n]}" for n, t in _days()),
        end="\r\n",
    )
    found["Excel, Brazil, UTF-8"] = Export(excel.encode("utf-8-sig"), day, high_two)
    found["Excel, Brazil, CP1252"] = Export(excel.encode("cp1252"), day, high_two)
    tabs = _lines("Data\tValor", *(f"{t:%d/%m/%y}\t{money[n]}" for n, t in _days()), end="\r\n")
    found["Excel, Unicode text"] = Export(tabs.encode("utf-16"), day, high_two)
    found["UTF-16 BE"] = Export(b"\xfe\xff" + tabs.encode("utf-16-be"), day, high_two)
    found["UTF-16 without a mark"] = Export(tabs.encode("utf-16-le"), day, high_two)
    german = _lines("Datum;Betrag", *(f"{t:%d.%m.%Y};{money[n]} \u20ac" for n, t in _days()))
    found["Excel, Germany"] = Export(german.encode("cp1252"), day, high_two)
    american = [f'{t.month}/{t.day}/{t.year},"${grouped(high[n], ",", ".")}"' for n, t in _days()]
    found["Excel, USA"] = Export(_lines("Date,Amount", *american).encode(), day, high_two)
    french = [f"{t:%d/%m/%Y};{grouped(high[n], chr(0x202F), ',')}" for n, t in _days()]
    found["LibreOffice, France"] = Export(_lines("Date;Valeur", *french).encode(), day, high_two)
    swiss = [f"{t:%d.%m.%Y}\tCHF {grouped(high[n], chr(0x2019), '.')}" for n, t in _days()]
    found["Numbers, Switzerland"] = Export(
        "\r".join(["Datum\tBetrag", *swiss]).encode(), day, high_two
    )
    sheet = _lines(
        "Relat\u00f3rio de vendas;;",
        "Gerado em;01/02/2024 10:00;",
        ";;",
        "Data;Loja;Receita",
        *(f"{t:%d/%m/%Y};Centro;{money[n]}" for n, t in _days()),
        ";;",
        f"Total;;{grouped(sum(high), '.', ',')}",
    )
    found["report with totals"] = Export(sheet.encode(), day, high_two, dropped=1)

    psql = [f"{t:%Y-%m-%d %H:%M:%S}-03|{level[n]:.4f}" for n, t in _days()]
    found["psql"] = Export(_lines("ts|value", *psql).encode(), "2024-01-01T03:00:00Z", four)
    aligned = _lines(
        "         ts          |  value  ",
        "---------------------+---------",
        *(f" {t:%Y-%m-%d %H:%M:%S} | {level[n]:.4f}" for n, t in _days()),
        "(60 rows)",
    )
    found["psql, aligned"] = Export(aligned.encode(), day, four, dropped=1)
    mysql = [f"{t:%Y-%m-%d %H:%M:%S}\t{level[n]:.4f}\t\\N" for n, t in _days()]
    found["MySQL"] = Export(_lines("ts\tvalue\tnote", *mysql).encode(), day, four)
    query = [f"{t:%Y-%m-%d %H:%M:%S.%f} UTC,{level[n]:.4f}" for n, t in _days()]
    found["BigQuery"] = Export(_lines("event_timestamp,avg_value", *query).encode(), day, four)

    grafana = [f"{int(t.timestamp() * 1_000)},{level[n]:.4f}" for n, t in _utc_days()]
    found["Grafana"] = Export(_lines('"Time","cpu load"', *grafana).encode(), day, four)
    old = [f'"cpu";"{t:%Y-%m-%dT%H:%M:%S}+01:00";{level[n]:.4f}' for n, t in _days()]
    text = _lines("sep=;", '"Series";"Time";"Value"', *old)
    found["Grafana 6"] = Export(text.encode(), "2023-12-31T23:00:00Z", four)
    prom = [f"{t.timestamp():.3f},{level[n]:.9e}" for n, t in _utc_days()]
    found["Prometheus"] = Export(
        _lines("timestamp,value", *prom).encode(), day, float(f"{level[0]:.9e}")
    )
    influx = _lines(
        "#group,false,false,true,true",
        "#datatype,string,long,dateTime:RFC3339,double",
        "#default,_result,,,",
        ",result,table,_time,_value",
        *(f",,0,{t:%Y-%m-%dT%H:%M:%SZ},{level[n]:.4f}" for n, t in _days()),
    )
    found["InfluxDB"] = Export(influx.encode(), day, four)
    kibana = [f'"{t:%b %d, %Y} @ 00:00:00.000","{grouped(high[n], ",", ".")}"' for n, t in _days()]
    text = _lines('"@timestamp per day","Average of bytes"', *kibana)
    found["Kibana"] = Export(text.encode(), day, high_two)

    monthly = [f"{2019 + n // 12}-{n % 12 + 1:02d}" for n in range(ROWS)]
    first_month = "2019-01-01T00:00:00Z"
    named = [f'"{MONTHS[n % 12]} {2019 + n // 12}";"{brazilian[n]}"' for n in range(ROWS)]
    ibge = _lines(
        "Tabela 1737 - IPCA",
        "Vari\u00e1vel - IPCA",
        '"M\u00eas";"Brasil"',
        *named,
        '"Fonte: IBGE"',
        '"1 - a; b"',
    )
    found["IBGE"] = Export(ibge.encode(), first_month, four, dropped=2)
    ipea = [f"{month.replace('-', '.')};{brazilian[n]}" for n, month in enumerate(monthly)]
    found["IPEA"] = Export(_lines("Data;IPCA", *ipea).encode(), first_month, four)
    sgs = [f"01/{month[5:]}/{month[:4]};{brazilian[n]}" for n, month in enumerate(monthly)]
    found["monthly, day first"] = Export(_lines("data;valor", *sgs).encode(), first_month, four)
    short = [f"{MONTHS[n % 12][:3]}/{19 + n // 12};{brazilian[n]}" for n in range(ROWS)]
    found["month names"] = Export(_lines("M\u00eas;Valor", *short).encode(), first_month, four)
    quarters = [f"{2005 + n // 4}-Q{n % 4 + 1},{level[n]:.4f}" for n in range(ROWS)]
    found["quarters"] = Export(
        _lines("TIME_PERIOD,OBS_VALUE", *quarters).encode(), "2005-01-01T00:00:00Z", four
    )
    ecb = [f"EXR.D.USD,D,USD,{t:%Y-%m-%d},{level[n]:.4f},A" for n, t in _days()]
    header = "KEY,FREQ,CURRENCY,TIME_PERIOD,OBS_VALUE,OBS_STATUS"
    found["ECB"] = Export(_lines(header, *ecb).encode(), day, four)
    gaps = [f"{t:%Y-%m-%d},{'.' if n % 7 == 5 else f'{level[n]:.4f}'}" for n, t in _days()][:-1]
    gaps[PLANTED - 1] = f"2024-02-10,{level[PLANTED - 1]:.4f}"
    found["FRED"] = Export(
        _lines("observation_date,DEXBZUS", *gaps).encode(), day, four, rows=59, dropped=7
    )
    inmet = _lines(
        "REGIAO:;CO",
        "UF:;DF",
        "DATA DE FUNDACAO:;07/05/00",
        "Data;Hora UTC;TEMPERATURA DO AR (\u00b0C);",
        *(f"2024/01/{n // 24 + 1:02d};{n % 24:02d}00 UTC;{brazilian[n]};" for n in range(ROWS)),
    )
    found["INMET"] = Export(inmet.encode("latin-1"), day, four)
    return found | _shapes(level) | _shops()


def _utc_days() -> Iterator[tuple[int, datetime]]:
    for number in range(ROWS):
        yield number, datetime.fromisoformat("2024-01-01T00:00:00Z") + timedelta(days=number)


def _shapes(level: list[float]) -> dict[str, Export]:
    """Return tables of other shapes: without header or times, descending, in parts."""
    day, four = "2024-01-01T00:00:00Z", round(level[0], 4)
    found: dict[str, Export] = {}
    plain = [f"{t:%Y-%m-%d},{level[n]:.4f}" for n, t in _days()]
    found["no header"] = Export(_lines(*plain).encode(), day, four)
    found["one column"] = Export(
        _lines("valor", *(f"{value:.4f}".replace(".", ",") for value in level)).encode(),
        "1970-01-01T00:00:00.000001Z",
        four,
    )
    parts = [f"{t.year},{t.month},{t.day},{level[n]:.4f}" for n, t in _days()]
    found["year, month, day"] = Export(_lines("ano,mes,dia,valor", *parts).encode(), day, four)
    hours = [f"{n // 24 + 1:02d}/01/2024,{n % 24:02d}:00,{level[n]:.4f}" for n in range(ROWS)]
    found["date and hour"] = Export(_lines("Data,Hora,Valor", *hours).encode(), day, four)
    index = [f"{n},{line}" for n, line in enumerate(plain)]
    found["pandas"] = Export(_lines(",date,load", *index).encode(), day, four)
    units = _lines("Time,Temp", "UTC,degC", *(f"{line} \u00b0C" for line in plain))
    found["row of units"] = Export(units.encode(), day, four, rows=61, dropped=1)
    found["comments"] = Export(_lines("# exported", "# date,load", *plain).encode(), day, four)
    negative = [f"{t:%Y%m%d},({level[n]:.4f})" for n, t in _days()]
    found["negative in parentheses"] = Export(_lines("date,value", *negative).encode(), day, -four)
    serial = [f"{45_292 + n},{level[n]:.4f}%" for n in range(ROWS)]
    found["days of a spreadsheet"] = Export(_lines("date,rate", *serial).encode(), day, four)
    candles = [f"{t:%d-%b-%y},1,2,1,{level[n]:.4f},1000" for n, t in _days()]
    text = _lines("Date,Open,High,Low,Close,Volume", *candles)
    found["candlesticks"] = Export(text.encode(), day, four)
    large = [f"{t:%Y-%m-%d},{round(level[n] * 1e9)}" for n, t in _days()]
    found["counts beyond 10^8"] = Export(
        _lines("date,value", *large).encode(), day, float(round(level[0] * 1e9))
    )
    return found


def _shops() -> dict[str, Export]:
    """Return sales of two products as shops export them; the planted one costs ten times more."""
    begin, day = BEGIN, "2024-01-01T00:00:00Z"
    prices = [(20.5, 900.0)[n % 2] * (10 if n == PLANTED - 1 else 1) for n in range(ROWS)]
    minutes = [(n, begin + timedelta(minutes=n)) for n in range(ROWS)]
    found: dict[str, Export] = {}
    shopify = [f"#{n},{t} -0300,BRL,1,Mug {n % 2},{prices[n]},SKU{n % 2}" for n, t in minutes]
    header = "Name,Created at,Currency,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku"
    found["Shopify"] = Export(
        _lines(header, *shopify).encode(), "2024-01-01T03:00:00Z", 20.5, "sales"
    )
    woo = [f'"{t:%B %d, %Y %I:%M %p}",P{n % 2},1,{prices[n]}' for n, t in minutes]
    header = "Order Date,Item Name,Quantity,Item Cost"
    found["WooCommerce"] = Export(_lines(header, *woo).encode(), day, 20.5, "sales")
    rees = [f"{t} UTC,purchase,{n % 2},,x,{prices[n]},{n},session-{n}" for n, t in minutes]
    header = "event_time,event_type,product_id,category_code,brand,price,user_id,user_session"
    found["REES46"] = Export(_lines(header, *rees).encode(), day, 20.5, "sales")
    retail = [
        f'{n},8512{n % 2},"HEART, T",{-1 if n == 30 else 6},12/{1 + n // 2}/2010 8:{n:02d},'
        f"{prices[n]:.2f},17850"
        for n in range(ROWS)
    ]
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID"
    found["online retail"] = Export(
        _lines(header, *retail).encode(), "2010-12-01T08:00:00Z", 20.5, "sales", dropped=1
    )
    return found
