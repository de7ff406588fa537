"""The short way gives what the long way gives, or nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaf.sale.contract import COLUMNS, STAMPS, Rules
from spaf.sale.fast_path import parse_plain
from spaf.sale.jackson.rows import rows
from spaf.sale.validation import check
from tests.support.scale import scaled

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

APPEND_MS = 1_763_800_000_123
RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
GOOD = {
    "productId": '"prod_8"',
    "productCategory": '"electronics"',
    "productPrice": "117.01",
    "productQuantity": "2",
    "currency": '"BRL"',
    "transactionId": '"t-1-42"',
    "eventTime": "1763800000123",
    "transactionDate": '"2025-11-22T12:00:00.5-03:00"',
    "intendedAt": "1763800000123456",
    "sentAt": "1763800000123999",
}

names = st.sampled_from([*COLUMNS, *STAMPS, "productName", "customerId", "currenc\\u0079", "a\\q"])
literals = st.one_of(
    st.sampled_from(
        ["null", "true", "0", "-0", "-0.0", "1.0", "1e1", "1e400", "1.", "01", "[]", '{"a":[1]}']
    ),
    st.sampled_from(['"\\ud800"', '"\\u00e9"', '"\\q"', '"\t"', '"12.5"', '"1970-01-01 00:00:00"']),
    st.integers().map(str),
    st.floats().map(json.dumps),
    st.decimals(0, 10**10, places=2).map(str),
    st.text(max_size=70).map(json.dumps),
    st.text(max_size=70).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.recursive(st.integers(), st.lists, max_leaves=4).map(json.dumps),
)


@st.composite
def records(draw: DrawFn) -> bytes:
    """Draw a good record, then change fields, repeat some, and perhaps break a byte."""
    fields = [(name, GOOD[name]) for name in GOOD if draw(st.integers(0, 29))]
    fields += draw(st.lists(st.tuples(names, literals), max_size=2))
    fields += draw(st.lists(st.sampled_from(list(GOOD.items())), max_size=3))
    colon, comma = draw(st.sampled_from([(":", ","), (" :\n", " ,\t")]))
    inside = comma.join(f'"{name}"{colon}{text}' for name, text in draw(st.permutations(fields)))
    value = f"{{{inside}}}".encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 7)):
        return value
    at = draw(st.integers(0, len(value)))
    return value[:at] + draw(st.binary(max_size=2)) + value[at + draw(st.integers(0, 2)) :]


@settings(max_examples=scaled(400, 10_000))
@given(records())
def test_both_ways_agree(value: bytes) -> None:
    """Wherever the short way answers, the long way has this answer and no other."""
    sale = parse_plain(value, APPEND_MS, RULES)
    if sale is not None:
        assert [check(row, APPEND_MS, RULES) for row in rows(value)] == [sale]


@pytest.mark.parametrize("left_out", [None, *list(GOOD)[4:]])
def test_plain_records_go_the_short_way(left_out: str | None) -> None:
    """A record as the generator writes it, with or without what it may leave out, is plain."""
    fields = {name: json.loads(text) for name, text in GOOD.items() if name != left_out}
    for ascii_only in (True, False):
        value = json.dumps(fields | {"productName": "x"}, ensure_ascii=ascii_only).encode()
        assert parse_plain(value, APPEND_MS, RULES) is not None


def test_names_of_the_data_do_not_matter() -> None:
    """A product name that begins like a column costs time, but is no repeated column."""
    value = json.dumps({name: json.loads(text) for name, text in GOOD.items()} | {"product": 1})
    assert parse_plain(value.encode(), APPEND_MS, RULES) is not None


def test_repeated_columns_go_the_long_way() -> None:
    """Nine fields that are columns are more than the decoder looks at."""
    fields = ",".join(f'"{name}":{text}' for name, text in GOOD.items())
    assert parse_plain(f'{{{fields},"currency":"USD"}}'.encode(), APPEND_MS, RULES) is None
