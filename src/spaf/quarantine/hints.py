"""What a record that was not accepted seems to be, and the form that was wanted.

Other programs frame, wrap, name and write sales in their own ways. A hint names the way and says
what to change. It is a guess for a person: nothing else depends on it.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import msgspec

from spaf.sale import COLUMNS, Reason
from spaf.sale.contract import PRICE_LIMIT

HINTS = {
    "registry": "It is framed for a schema registry: a zero byte, schema id {id}, then {format}. "
    "Send plain JSON, with a serializer that knows no registry.",
    "glue": "It is framed for the AWS Glue schema registry. Send plain JSON, with a serializer "
    "that knows no registry.",
    "format": "It is {format}, not JSON. Send a JSON object.",
    "compressed": "The value itself is compressed with {format}. Let the producer compress its "
    "batches (compression.type) instead.",
    "twice": "It is JSON inside a JSON text: it was serialised twice. Send the object itself.",
    "python": "It is a Python dict as text, in single quotes. Serialise it with json.dumps.",
    "names": "Its names have no quotes, which JSON needs.",
    "nan": "It holds NaN or Infinity, which JSON does not have.",
    "cut": "It ends before its closing brace: it was cut off.",
    "encoding": "It is no UTF-8: byte {byte} at position {position}. Is it Latin-1? Send UTF-8.",
    "connect": 'It is the envelope of Kafka Connect: the sale is in "payload". Set '
    "value.converter.schemas.enable=false.",
    "debezium": "It is a change event of Debezium: the sale is in {path}. Add the transform "
    "ExtractNewRecordState to the connector.",
    "cloudevents": 'It is a CloudEvent in structured mode: the sale is in "data". Send it in '
    "binary mode, or the data alone.",
    "nested": "The sale is inside {path}. Send that object alone.",
    "field": "{found} seems to be meant; the name of the field is {wanted}.",
    "container": "It is an object or an array; write the plain value.",
    "write": "Write it as {wanted}.",
    "cents": "It is no whole number of cents; the nearest is {wanted}.",
    "negative": "It is below zero: a refund is no sale.",
    "fraction": "It is no whole number of pieces.",
    "as_date": 'Write it without eventTime, as "transactionDate": {wanted}.',
    "as_epoch": 'Write it without transactionDate, as "eventTime": {wanted}.',
    "no_zone": "It names no zone, so it is read as UTC; write its offset, such as {wanted}.",
}
"""Code → the sentence; the page has each in both languages."""

MAGIC_GLUE, MAGIC_CONFLUENT = 3, 0
CONFLUENT_HEADER_BYTES, GLUE_HEADER_BYTES = 5, 18
# The first bytes of formats that name themselves, and how people call them.
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x82SNAPPY\0": "snappy",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
}
BINARY = {
    b"Obj\x01": "Avro (Obj)",
    b"PAR1": "Parquet",
    b"ORC": "ORC",
    b"\xac\xed\x00\x05": "Java serialization",
    b":)\n": "Smile",
    b"\xd9\xd9\xf7": "CBOR",
}
# Python's pickle, by its protocol.
PICKLE = re.compile(rb"\x80[\x02-\x05]")
# A map of CBOR with up to 23 members, whose first name is a short text.
CBOR_MAP = re.compile(rb"[\xa1-\xb7]([\x60-\x77])")
CBOR_MAP_TEXT = 0x60
BSON_LENGTH_BYTES = 4
# A line with as many separators as a sale has fields has at least this many.
MIN_SEPARATORS = 3
SEPARATORS = (",", ";", "\t", "|")
NOT_A_NUMBER = re.compile(rb"[:\[,]\s*-?(?:NaN|Infinity)\b")
UNQUOTED = re.compile(rb"\{\s*[A-Za-z_]\w*\s*:")
# Objects that wrap a sale do so on at most this many levels.
MAX_DEPTH = 3
# Fields of a sale that an object must have to be taken for one.
MIN_FIELDS = 2

# What other programs call the fields, without case, accents and separators.
OTHER_NAMES = {
    "productId": "product produto idproduto produtoid codigoproduto codproduto sku itemid item",
    "productCategory": "category categoria categoryname nomecategoria categoriaproduto setor",
    "productPrice": "price preco valor unitprice precounitario valorunitario precoproduto amount",
    "productQuantity": "quantity quantidade qty qtd qtde quant units unidades",
    "currency": "moeda currencycode codigomoeda",
    "eventTime": "timestamp ts time eventtimestamp horario",
    "transactionDate": "date datetime datahora datavenda saledate createdat",
}
# One mark before three digits: it divides thousands, or whole from parts.
THOUSANDS = re.compile(r"[+-]?[0-9]+[,.][0-9]{3}")
CURRENCY_SIGNS = {"R$": "BRL", "US$": "USD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
NUMBER_AROUND = re.compile(r"^(?:[A-Z]{0,3}[$€£¥]|[A-Z]{3})?\s*|\s*(?:[$€£¥]|[A-Z]{3}|un|pcs|x)?$")
DATE_FORMATS = (
    "%a %b %d %Y %H:%M:%S%z",
    "%a %b %d %H:%M:%S UTC %Y",
    "%a %b %d %H:%M:%S GMT %Y",
    "%Y%m%dT%H%M%S%z",
    "%Y%m%dT%H%M%S",
    "%Y-%m-%dT%H:%M:%S.%f%z",
)
NET_DATE = re.compile(r"/Date\((-?[0-9]{1,17})(?:[+-][0-9]{4})?\)/")
HAS_ZONE = re.compile(r"(?:[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)(?:\[.*\])?$")
MAX_EXPONENT_CHARS = 30


class Hint(NamedTuple):
    """A guess at what a record is: a code of HINTS, and the values of its sentence."""

    code: str
    values: Mapping[str, str] = {}

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return HINTS[self.code].format(**self.values)


def of_bytes(value: bytes) -> Hint | None:
    """Return what a record is that no JSON decoder reads; None if nothing is recognised."""
    return next(filter(None, (recognise(value) for recognise in _RECOGNISERS)), None)


def of_structure(value: bytes, missing: str) -> Hint | None:
    """Return where the sale, or a missing field, of a JSON object is; None if nothing is found."""
    try:
        fields = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _encoding(value)
    if not isinstance(fields, dict):
        return None
    path = next(_paths(fields, ()), None)
    if path:
        return _envelope(fields, path)
    other = _other_name(fields, missing)
    return Hint("field", {"found": other, "wanted": missing}) if other else None


def of_value(reason: str, name: str, text: str) -> Hint | None:
    """Return the form that was wanted of the value that breaks a rule; None if it is unknown."""
    # Avro's unions and MongoDB's types: {"double": 1.5}, {"$numberDecimal": "1.50"}.
    if text.startswith(("{", "[")):
        return Hint("container")
    reader = _VALUES.get(reason)
    return reader(name, text) if reader else None


def of_time(name: str, text: str) -> Hint | None:
    """Return what a time lacks that was read, but is too early or too late."""
    if name != "transactionDate" or HAS_ZONE.search(text):
        return None
    return Hint("no_zone", {"wanted": f"{text}-03:00"})


def _registry(value: bytes) -> Hint | None:
    if value[0] == MAGIC_CONFLUENT and len(value) > CONFLUENT_HEADER_BYTES:
        schema = str(int.from_bytes(value[1:CONFLUENT_HEADER_BYTES], "big"))
        rest = value[CONFLUENT_HEADER_BYTES:].lstrip()
        format_ = "JSON" if rest.startswith((b"{", b"[")) else "Avro/Protobuf"
        return Hint("registry", {"id": schema, "format": format_})
    # Version 3, then whether it is compressed, then a UUID.
    if len(value) > GLUE_HEADER_BYTES and value[0] == MAGIC_GLUE and value[1] in {0, 5}:
        return Hint("glue")
    return None


def _self_named(value: bytes) -> Hint | None:
    if value.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return Hint("format", {"format": "UTF-16"})
    for code, formats in (("compressed", COMPRESSED), ("format", BINARY)):
        name = next((name for magic, name in formats.items() if value.startswith(magic)), None)
        if name:
            return Hint(code, {"format": name})
    return Hint("format", {"format": "Python pickle"}) if PICKLE.match(value) else None


def _binary_json(value: bytes) -> Hint | None:
    length = int.from_bytes(value[:BSON_LENGTH_BYTES], "little")
    if length == len(value) and value.endswith(b"\0"):
        return Hint("format", {"format": "BSON"})
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        if isinstance(msgspec.msgpack.decode(value), dict | list):
            return Hint("format", {"format": "MessagePack"})
    name = CBOR_MAP.match(value)
    if name and value[2 : 2 + name[1][0] - CBOR_MAP_TEXT].isalnum():
        return Hint("format", {"format": "CBOR"})
    return None


def _other_text(value: bytes) -> Hint | None:
    text = value.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return Hint("format", {"format": "XML/HTML"})
    if text.startswith('"'):
        with suppress(msgspec.MsgspecError):
            inner = msgspec.json.decode(value)
            if isinstance(inner, str) and inner.lstrip().startswith("{"):
                return Hint("twice")
    if text.startswith("{'"):
        return Hint("python")
    first = text.partition("\n")[0]
    if not text.startswith(("{", "[")) and max(map(first.count, SEPARATORS)) >= MIN_SEPARATORS:
        return Hint("format", {"format": "CSV"})
    return None


def _broken_json(value: bytes) -> Hint | None:
    if not value.lstrip().startswith((b"{", b"[")):
        return None
    if NOT_A_NUMBER.search(value):
        return Hint("nan")
    if UNQUOTED.match(value.lstrip()):
        return Hint("names")
    try:
        msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            return Hint("cut")
    except (UnicodeDecodeError, RecursionError):
        return None
    return None


def _encoding(value: bytes) -> Hint | None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        byte = f"{value[error.start]:02x}"
        return Hint("encoding", {"byte": byte, "position": str(error.start)})
    return None


_RECOGNISERS: tuple[Callable[[bytes], Hint | None], ...] = (
    _self_named,
    _registry,
    _binary_json,
    _other_text,
    _broken_json,
    _encoding,
)


def _paths(fields: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the objects that look like a sale, the outermost first."""
    if path and len(_meant(fields)) >= MIN_FIELDS:
        yield path
    if len(path) < MAX_DEPTH:
        for name, value in fields.items():
            # A change event has the row before and after it; the latter is the sale.
            if isinstance(value, dict) and name != "before":
                yield from _paths(value, (*path, name))


def _envelope(fields: dict[str, Any], path: tuple[str, ...]) -> Hint:
    shown = ".".join(f'"{name}"' for name in path)
    if path[-1] == "after":
        return Hint("debezium", {"path": shown})
    if path == ("payload",) and "schema" in fields:
        return Hint("connect")
    if path == ("data",) and "specversion" in fields:
        return Hint("cloudevents")
    return Hint("nested", {"path": shown})


def _meant(fields: dict[str, Any]) -> set[str]:
    """Return the columns that an object has, under their names or those of other programs."""
    names = {_plain(name) for name in fields}
    return {column for column in COLUMNS if names & _names(column)}


def _other_name(fields: dict[str, Any], wanted: str) -> str | None:
    """Return the field that is meant by a missing one; its own name is none."""
    names = {_plain(name): name for name in fields if name not in COLUMNS}
    exact = next((names[plain] for plain in names if plain in _names(wanted)), None)
    if exact:
        return exact
    near = difflib.get_close_matches(_plain(wanted), names, n=1, cutoff=0.85)
    return names[near[0]] if near else None


def _names(column: str) -> set[str]:
    return {_plain(column), *OTHER_NAMES.get(column, "").split()}


def _plain(name: str) -> str:
    """Return a name without case, accents and separators."""
    text = unicodedata.normalize("NFKD", name).lower()
    return "".join(char for char in text if char.isalnum() and not unicodedata.combining(char))


def _price(_: str, text: str) -> Hint | None:
    number = _number(text)
    if number is None or number >= PRICE_LIMIT:
        return None
    if number < 0:
        return Hint("negative")
    # Text that is a number already has too many decimals.
    cents = str(number.quantize(Decimal("0.01")))
    return Hint("cents" if _is_number(text) else "write", {"wanted": cents})


def _quantity(_: str, text: str) -> Hint | None:
    number = _number(text)
    if number is None or number < 1:
        return None
    if number != int(number):
        return Hint("fraction")
    return None if _is_number(text) else Hint("write", {"wanted": str(int(number))})


def _currency(_: str, text: str) -> Hint | None:
    code = CURRENCY_SIGNS.get(text.strip(), text.strip().upper())
    return Hint("write", {"wanted": code}) if re.fullmatch(r"[A-Z]{3}", code) else None


def _number(text: str) -> Decimal | None:
    """Return the number that a person reads in a text such as `R$ 1.234,56`."""
    digits = NUMBER_AROUND.sub("", text.strip()).replace("\u00a0", "").replace(" ", "")
    if not _is_number(digits):
        mark = max(digits.rfind(","), digits.rfind("."))
        marks = {char for char in digits if char in ",.'"}
        if len(marks) == 1 and THOUSANDS.fullmatch(digits):
            return None  # 12,345 is one number here and another one there
        # A mark that occurs once is the decimal one; all others divide thousands.
        last = digits[mark:] if mark >= 0 and digits.count(digits[mark]) == 1 else ""
        whole = digits[: len(digits) - len(last)]
        digits = re.sub("[,.']", "", whole) + last.replace(",", ".")
    with suppress(InvalidOperation, ValueError):
        number = Decimal(digits)
        if number.is_finite() and abs(number) < Decimal(10) ** 15:
            return number
    return None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?\s*", text) is not None


def _time(name: str, text: str) -> Hint | None:
    if name == "eventTime":
        if _is_number(text) and len(text) < MAX_EXPONENT_CHARS and "e" in text.lower():
            return Hint("write", {"wanted": str(int(Decimal(text.strip())))})
        moment = _moment(text)
        return None if moment is None else Hint("as_date", {"wanted": f'"{moment}"'})
    if text.isdecimal():
        return Hint("as_epoch", {"wanted": text})
    moment = _moment(text)
    return None if moment is None else Hint("write", {"wanted": f'"{moment}"'})


def _moment(text: str) -> str | None:
    """Return the time that another program has written, in ISO 8601; None if it is unknown."""
    if match := NET_DATE.fullmatch(text.strip()):
        with suppress(OverflowError, OSError, ValueError):
            return _iso(datetime.fromtimestamp(int(match[1]) / 1_000, UTC))
    # JavaScript adds the name of the zone in brackets, and GMT before an offset.
    plain = re.sub(r"\s*\([^()]*\)$", "", text.strip())
    joined = re.sub(r"\s*(?:UTC|GMT)?(?=[+-][0-9]{2}:?[0-9]{2}$)", "", plain)
    for form in DATE_FORMATS:
        with suppress(ValueError):
            moment = datetime.strptime(joined, form)  # noqa: DTZ007 - the text may have no zone
            return _iso(moment.replace(tzinfo=UTC) if form.endswith("%Y") else moment)
    with suppress(ValueError, TypeError, IndexError):
        return _iso(parsedate_to_datetime(plain))
    with suppress(ValueError):
        moment = datetime.fromisoformat(joined)
        # A day alone is no time: which hour is meant is not known.
        return _iso(moment) if ":" in joined or "T" in joined else None
    return None


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


_VALUES: dict[str, Callable[[str, str], Hint | None]] = {
    Reason.PRICE: _price,
    Reason.QUANTITY: _quantity,
    Reason.CURRENCY: _currency,
    Reason.EVENT_TIME: _time,
}
