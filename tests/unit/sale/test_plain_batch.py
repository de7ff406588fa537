"""Records that are read together give what each of them gives alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from spaf.sale import Rules, Sale, decode
from spaf.sale.codec import decode_slowly
from spaf.sale.fast_path import parse_plain
from spaf.sale.plain_batch import MAX_FORMS, SaleColumns, plain_sales
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

APPEND_MS = 1_763_800_000_123
# Nothing is late or ahead of its time.
RULES = Rules(default_currency="BRL", max_lateness_ms=2**62, max_ahead_ms=2**62)
VALUES: dict[str, list[Any]] = {
    "productId": ["p", "p" * 64, "p" * 65, "", "é"],
    "productCategory": ["books", "{", "a\n"],
    "productPrice": [1, 1.5, 0.005, 1e10, -1, 9_999_999_999.99, 10**30],
    "productQuantity": [1, 2, 0, 1_000_000, 1_000_001, 2**70],
    "currency": ["BRL", "USD", None, "brl"],
    "transactionId": ["t1", None, "a\nb", "", "t" * 65],
    "eventTime": [1_763_800_000, APPEND_MS, APPEND_MS * 1_000 + 7, 2**63 - 1, 2**63, None, 0],
    "transactionDate": ["2025-11-22T12:00:00Z", "2025-11-22 12:00:00.5", "then"],
    "sentAt": [1, "x", None],
    "storeId": ["s", "a:b", "{", "}", "[", {"a": 1}, [1], 3],
}
USUAL = {name: values[0] for name, values in VALUES.items()}
# What would give the right number of objects if lines were not looked at one by one.
TRICKS = [b"", b" ", b"{}", b"{}{}", b"{},{}", b'{"a":[{}', b"{}]}", b'{"a":"', b'"}', b"{}\n{}"]


@st.composite
def logs(draw: DrawFn) -> list[bytes]:
    """Draw records that are mostly of one form, and some that are not."""
    form = draw(st.lists(st.sampled_from([*VALUES]), unique=True, min_size=3))
    log = []
    for _ in range(draw(st.integers(0, 40))):
        sale = {name: USUAL[name] for name in form}
        if not draw(st.integers(0, 9)):
            name = draw(st.sampled_from([*VALUES]))
            sale[name] = draw(st.sampled_from(VALUES[name]))
        log.append(json.dumps(sale, ensure_ascii=False).encode())
        if not draw(st.integers(0, 9)):
            cut = draw(st.integers(0, len(log[-1])))
            log[-1:] = draw(
                st.sampled_from([[log[-1][:cut], log[-1][cut:]], [log[-1] * 2], [log[-1] + b"\n"]])
            )
        if not draw(st.integers(0, 9)):
            log.append(draw(st.sampled_from(TRICKS)))
    return log


def together(log: Sequence[bytes | None]) -> dict[int, Sale]:
    """Return the sales of records that are read together, by their index."""
    columns = plain_sales(log, [APPEND_MS] * len(log), RULES)
    return dict(zip(columns.rows.tolist(), columns.each(), strict=True))


@settings(max_examples=scaled(300, 10_000))
@given(logs())
def test_each_record_gives_what_it_gives_alone(log: list[bytes]) -> None:
    """Every plain record is among them, and the full decoder agrees on each."""
    sales = together(log)
    assert sales.keys() >= {
        row for row, value in enumerate(log) if value and parse_plain(value, APPEND_MS, RULES)
    }
    for row, sale in sales.items():
        (alone,) = decode_slowly(log[row], APPEND_MS, RULES)
        assert isinstance(alone, Sale)
        assert structs.replace(alone, intended_us=None, sent_us=None) == sale


@pytest.mark.parametrize("trick", TRICKS)
def test_records_are_not_joined(trick: bytes) -> None:
    """Two halves of an object, or two objects in a record, are no sales."""
    whole = json.dumps(USUAL).encode()
    log = [whole, trick, whole[:40], whole[40:], whole + whole, whole]
    assert [*together(log)] == [0, 5]


def test_many_forms() -> None:
    """Forms beyond those that have a decoder are read one by one."""
    log = [
        json.dumps(USUAL | {f"field{number}": 1}).encode()
        for number in range(2 * MAX_FORMS)
        for _ in range(20)
    ]
    assert [*together(log)] == [*range(len(log))]


def test_the_times_of_records() -> None:
    """The unit of a number follows from its size; without a time the append time counts."""
    sale = {name: USUAL[name] for name in [*VALUES][:4]}
    log = [
        json.dumps(sale | {"eventTime": time}).encode()
        for time in (1_763_800_000, 1_763_800_000_000, 1_763_800_000_000_999, None)
    ]
    times = [sale.event_ms for sale in together(log).values()]
    assert times == [1_763_800_000_000] * 3 + [APPEND_MS]


def test_a_choice_of_sales() -> None:
    """Columns of sales give back the sales, all or some."""
    sales = [
        sale
        for price in range(3)
        for sale in decode(json.dumps(USUAL | {"productPrice": price}).encode(), 1, RULES)
        if isinstance(sale, Sale)
    ]
    columns = SaleColumns.of(sales)
    chosen = columns.where(columns.unit_cents != 100)
    assert [sale.unit_cents for sale in chosen.each()] == [0, 200]
    assert together([]) == together([None, b""]) == {}
