"""What other programs write is named, and the form that was wanted is shown."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.quarantine import hints
from spaf.quarantine.hints import HINTS, Hint
from spaf.quarantine.reason_messages import explained
from spaf.sale import Late, Reason, Rules, Sale, decode

RULES = Rules("BRL", 600_000, 60_000)
NOW_MS = 1_763_800_000_123
SALE: dict[str, Any] = {
    "productId": "p",
    "productCategory": "books",
    "productPrice": 1.25,
    "productQuantity": 3,
}
JSON = json.dumps(SALE).encode()


def hint(value: bytes | dict[str, Any]) -> Hint | None:
    """Return the guess at a record that is not accepted."""
    data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    (outcome,) = decode(data, NOW_MS, RULES)
    assert not isinstance(outcome, Sale), data
    return explained("late" if isinstance(outcome, Late) else str(outcome), data).hint


def code(value: bytes | dict[str, Any]) -> str | None:
    """Return its code."""
    guess = hint(value)
    return None if guess is None else guess.code


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\0\0\0\0\x2a" + JSON, "schema id 42, then JSON"),
        (b"\0\0\1\0\7\x02p\x0abooks", "schema id 65543, then Avro/Protobuf"),
        (b"\3\0" + bytes(16) + b"\x02p", "AWS Glue"),
        (b"\3\5" + bytes(16) + b"\x78\x9c", "AWS Glue"),
        (b"Obj\x01\x04\x16avro.schema", "Avro (Obj)"),
        (gzip.compress(JSON), "compressed with gzip"),
        (bz2.compress(JSON), "compressed with bzip2"),
        (lzma.compress(JSON), "compressed with xz"),
        (b"\x28\xb5\x2f\xfd\x20", "compressed with zstd"),
        (b"\x82SNAPPY\0\0", "compressed with snappy"),
        (b"PK\x03\x04\x14", "compressed with zip"),
        (msgspec.msgpack.encode(SALE), "MessagePack"),
        (b"\xa4\x69productId\x61p", "CBOR"),
        (b"\x0f\0\0\0\x02id\0\x02\0\0\0p\0\0", "BSON"),
        (pickle.dumps(SALE), "pickle"),
        (b"\xac\xed\0\5sr", "Java"),
        (b"<?xml version='1.0'?><sale/>", "XML"),
        (b"\xef\xbb\xbf <sale/>", "XML"),
        (b"p;livros;1,25;3", "CSV"),
        (b"p\tbooks\t1.25\t3", "CSV"),
        (json.dumps(JSON.decode()).encode(), "serialised twice"),
        (str(SALE).encode(), "json.dumps"),
        (b"{productId: 1}", "no quotes"),
        (JSON.replace(b"1.25", b"NaN"), "NaN"),
        (JSON[:-3], "cut off"),
        ("p;books;1".encode("utf-16"), "UTF-16"),
        (b"vendido: caf\xe9", "byte e9 at position 12"),
    ],
)
def test_a_value_that_is_no_json_is_named(value: bytes, expected: str) -> None:
    """By its first bytes, or by how it looks; with what to do."""
    (outcome,) = decode(value, NOW_MS, RULES)
    assert outcome is Reason.UNREADABLE
    assert expected in explained(outcome, value).text


@pytest.mark.parametrize("value", [b"garbage", b"42", b"null", b"[]", b"\n"])
def test_what_is_not_recognised_gets_no_guess(value: bytes) -> None:
    """The rule alone is right about anything."""
    assert code(value) is None


@pytest.mark.parametrize(
    ("value", "expected", "path"),
    [
        ({"schema": {"type": "struct"}, "payload": SALE}, "connect", None),
        ({"before": None, "after": SALE, "op": "c"}, "debezium", '"after"'),
        (
            {"schema": {}, "payload": {"before": SALE, "after": SALE}},
            "debezium",
            '"payload"."after"',
        ),
        ({"specversion": "1.0", "id": "1", "data": SALE}, "cloudevents", None),
        ({"detail-type": "sale", "detail": SALE}, "nested", '"detail"'),
        ({"a": {"b": {"preço": 1, "Quantidade": 2}}}, "nested", '"a"."b"'),
    ],
)
def test_an_envelope_is_named(value: dict[str, Any], expected: str, path: str | None) -> None:
    """Where the sale is, and what takes it out."""
    guess = hint(value)
    assert guess is not None
    assert (guess.code, guess.values.get("path")) == (expected, path)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        *(
            ("productId", name)
            for name in ("product_id", "ProductID", "produto", "SKU", "produt_id")
        ),
        *(("productCategory", name) for name in ("categoria", "product_category", "Category")),
        *(("productPrice", name) for name in ("preço", "preco_unitario", "price", "product-price")),
        *(("productQuantity", name) for name in ("quantidade", "qtd", "Qty", "productQuantiy")),
    ],
)
def test_another_name_of_a_field_is_recognised(wanted: str, found: str) -> None:
    """In Portuguese, in another case, misspelt."""
    other = {name: value for name, value in SALE.items() if name != wanted}
    assert hint({found: SALE[wanted], **other}) == Hint("field", {"found": found, "wanted": wanted})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *(("19,90", "19.90"), ("R$ 19,90", "19.90"), ("R$\u00a019,90", "19.90"), ("BRL 7", "7.00")),
        *(("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("1.234.567", "1234567.00")),
        *(("1.234.567,8", "1234567.80"), ("1'234.50", "1234.50"), ("1 234,5", "1234.50")),
        *(("US$ 5", "5.00"), ("5 €", "5.00"), ("€5,00", "5.00")),
    ],
)
def test_a_price_for_people_is_shown_as_a_number(text: str, wanted: str) -> None:
    """The hint holds what counts."""
    assert hint({**SALE, "productPrice": text}) == Hint("write", {"wanted": wanted})
    (outcome,) = decode(json.dumps({**SALE, "productPrice": float(wanted)}).encode(), NOW_MS, RULES)
    assert isinstance(outcome, Sale)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("productPrice", 19.999, Hint("cents", {"wanted": "20.00"})),
        ("productPrice", -3, Hint("negative")),
        ("productPrice", "12,345", None),
        ("productPrice", "abc", None),
        ("productPrice", 1e11, None),
        ("productPrice", True, None),
        ("productPrice", {"double": 19.9}, Hint("container")),
        ("productPrice", [19.9], Hint("container")),
        ("productCategory", {"string": "books"}, Hint("container")),
        ("productQuantity", 1.5, Hint("fraction")),
        ("productQuantity", "3 un", Hint("write", {"wanted": "3"})),
        ("productQuantity", "2,0", Hint("write", {"wanted": "2"})),
        ("productQuantity", 0, None),
        ("productQuantity", 2_000_000, None),
        ("currency", "brl", Hint("write", {"wanted": "BRL"})),
        ("currency", "R$", Hint("write", {"wanted": "BRL"})),
        ("currency", "reais", None),
    ],
)
def test_the_wanted_form_of_a_value(field: str, value: object, expected: Hint | None) -> None:
    """Only where what was meant is certain."""
    assert hint({**SALE, field: value}) == expected


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Sat, 22 Nov 2025 08:26:40 GMT", "2025-11-22T08:26:40Z"),
        ("Sat, 22 Nov 2025 05:26:40 -0300", "2025-11-22T05:26:40-03:00"),
        ("Sat Nov 22 2025 05:26:40 GMT-0300 (Horário de Brasília)", "2025-11-22T05:26:40-03:00"),
        ("Sat Nov 22 08:26:40 UTC 2025", "2025-11-22T08:26:40Z"),
        ("2025-11-22 05:26:40 GMT-03:00", "2025-11-22T05:26:40-03:00"),
        ("2025-11-22T05:26:40UTC-0300", "2025-11-22T05:26:40-03:00"),
        (" 2025-11-22T08:26:40Z", "2025-11-22T08:26:40Z"),
        ("20251122T082640Z", "2025-11-22T08:26:40Z"),
        ("/Date(1763800000123)/", "2025-11-22T08:26:40Z"),
        ("/Date(1763800000123-0300)/", "2025-11-22T08:26:40Z"),
        ("2025-11-22T08:26:40.1234567890Z", "2025-11-22T08:26:40Z"),
    ],
)
def test_a_time_of_another_program_is_shown_in_iso_8601(text: str, wanted: str) -> None:
    """The hint holds what counts; a time in the wrong field is moved."""
    assert hint({**SALE, "transactionDate": text}) == Hint("write", {"wanted": f'"{wanted}"'})
    moved = Hint("as_date", {"wanted": f'"{wanted}"'})
    assert hint({**SALE, "eventTime": text}) == moved
    (outcome,) = decode(json.dumps({**SALE, "transactionDate": wanted}).encode(), NOW_MS, RULES)
    assert isinstance(outcome, Sale)


def test_other_hints_at_times() -> None:
    """An epoch as a date, an exponent, a local time without a zone, and no guess at a day alone."""
    assert code({**SALE, "transactionDate": "1763800000"}) == "as_epoch"
    exponent = JSON[:-1] + b',"eventTime":1.763800000123E12}'
    assert hint(exponent) == Hint("write", {"wanted": "1763800000123"})
    assert code({**SALE, "transactionDate": "2025-11-22 05:26:40"}) == "no_zone"
    assert code({**SALE, "transactionDate": "2025-11-22T12:26:40"}) == "no_zone"
    assert code({**SALE, "transactionDate": "2025-11-22T05:26:40Z"}) is None
    for text in ("2025-11-22", "22/11/2025 08:26", "yesterday", ""):
        assert code({**SALE, "transactionDate": text}) is None


@given(st.binary(max_size=60), st.text(max_size=30), st.sampled_from(list(Reason)))
def test_no_record_breaks_the_explanation(value: bytes, text: str, reason: Reason) -> None:
    """Whatever the bytes are, there is a sentence, on one line and without control characters."""
    for payload in (value, json.dumps(dict.fromkeys(SALE, text)).encode(), text.encode()):
        sentence = explained(reason, payload).text
        assert sentence.isprintable()


def test_every_hint_has_a_sentence_that_its_values_fill() -> None:
    """A code without a sentence would be a defect in front of a person."""
    used = {"id", "format", "byte", "position", "path", "found", "wanted"}
    values = dict.fromkeys(used, "x")
    for name, text in HINTS.items():
        assert "{" not in hints.Hint(name, values).sentence, text
