"""The rows that a record holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.sale.contract import AMOUNTS, COLUMNS
from spaf.sale.jackson.rows import rows
from spaf.sale.jackson.tokens import BEGINS

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.one_of(
    st.tuples(st.sampled_from(AMOUNTS), scalars),
    st.tuples(st.sampled_from([*(set(COLUMNS) - set(AMOUNTS)), "other"]), values),
)
objects = st.lists(fields, max_size=4).map(dict)


def text_of(value: Any) -> str | None:
    """Return a value as a column holds it, by Python's own JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@given(data=st.lists(objects, max_size=3), ascii_only=st.booleans())
def test_rows_are_what_json_says(data: list[dict[str, Any]], *, ascii_only: bool) -> None:
    """On good JSON an ordinary parser finds the same."""
    value = json.dumps(data, ensure_ascii=ascii_only).encode()
    expected = [
        {name: text_of(item) for name, item in fields.items() if name in COLUMNS} for fields in data
    ]
    assert list(rows(value)) == expected


def test_nested_values_become_compact_text() -> None:
    """Objects and arrays are written as Java writes them."""
    nested = (
        b'{"b" : [1.50, -0, 1e400, -1e400, true, null, {}], "b": "\\u001f\\u00e9\\/", "a": 1E-7}'
    )
    (row,) = rows(b'{"transactionId":%s}' % nested)
    assert row == {"transactionId": '{"b":"\\u001Fé/","a":1.0E-7}'}


def test_a_broken_text_leaves_its_column_empty() -> None:
    """The decoder gives the column up and reads on, as long as a comma or a brace comes next."""
    (row,) = rows(b'{"transactionId":"\\q,"currency":"BRL","eventTime":{"a":NaN},"productId":"p"}')
    assert row == {"transactionId": None, "currency": "BRL", "eventTime": None, "productId": "p"}


@pytest.mark.parametrize(
    ("inside", "row"),
    [
        # The end of the inner object ends the row.
        ('{},"productId":"p"', {}),
        ('{"productId":"p"},"productId":"q"', {"productId": "p"}),
        ('{"productQuantity":{"productQuantity":7}}', {"productQuantity": "7"}),
        # Names and values are out of step, and in step again.
        ('[],"productId":"p"', None),
        ('[1],"productId":"p"', {"productId": "p"}),
        ('["productId",2],"currency":"USD"', None),
        ('["productId",2,3],"currency":"USD"', {"productId": "2", "currency": "USD"}),
        ('["productId"],"currency":"USD"', {"productId": "]", "currency": "USD"}),
        # An object among the elements is a name, a value, or passed over.
        ('[{"currency":1}],"productId":"p"', None),
        ('[1,"productId",{"currency":1}]', None),
        ('["productId",{"currency":1},2]', {"productId": '{"currency":1}'}),
        ('["productQuantity",{"currency":"USD"},2]', {"currency": "USD"}),
    ],
)
def test_the_inside_of_no_double_is_read_on(inside: str, row: dict[str, str] | None) -> None:
    """A container in the place of a price is left empty, and reading goes on inside it."""
    found = list(rows(f'{{"productPrice":{inside}}}'.encode()))
    present = [{name: text for name, text in item.items() if text not in BEGINS} for item in found]
    assert present == ([] if row is None else [row])


def test_a_full_row_is_passed_over() -> None:
    """After eight columns only the stamps are read, and the object ends where it ends."""
    columns = ",".join(f'"{name}":"{name}"' for name in COLUMNS)
    (row,) = rows(f'{{{columns},"productPrice":[{{"sentAt":1}}],"sentAt":2}}'.encode())
    assert row == {**{name: name for name in COLUMNS}, "sentAt": "2"}


@pytest.mark.parametrize(
    ("broken", "row"),
    [
        (b'[1.5ew,"USD"]', {"productId": "p"}),
        (b'[1.w,"USD"]', {"productId": "p"}),
        (b'[-w,"USD"]', {"productId": "p"}),
        (b'[\x85,"USD"]', {"productId": "p"}),
        (b'[\x00"USD"]', {"productId": "p"}),
        (b'[nulx,"USD"]', None),
        (b'[\xa2x,"USD"]', None),
        (b'{\xdb,"a":2', None),
        (b'{"a\x85":1},"eventTime":5', None),
        (b'{"a":1.},"eventTime":5', None),
        (b'{"a":1.}},"eventTime":5', {"productId": "p", "eventTime": "5"}),
        (b'{"a":1e}},"eventTime":5', {"productId": "p", "eventTime": "5"}),
        (b'{"a":\x85},"eventTime":5', {"productId": "p", "eventTime": "5"}),
        (b'{"a":\xb0}},"eventTime":5', {"productId": "p"}),
    ],
)
def test_the_decoder_goes_on_where_it_gave_up(broken: bytes, row: dict[str, str] | None) -> None:
    """Inside a text that becomes none, the byte at which the decoder stops decides what is next."""
    found = list(rows(b'{"productId":"p","currency":%s}' % broken))
    present = [{name: text for name, text in item.items() if text is not None} for item in found]
    assert present == ([] if row is None else [row])
