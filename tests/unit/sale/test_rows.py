"""The rows that a record holds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spaf.sale.contract import COLUMNS
from spaf.sale.rows import rows

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from([*COLUMNS, "other"]), values, max_size=4)


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
