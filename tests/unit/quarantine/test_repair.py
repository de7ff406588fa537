"""A repaired record: what is set changes, the rest stays as it was sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.errors import QuarantineError
from spaf.quarantine.repair import check, repaired
from spaf.sale import Rules

RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
ARRIVED = 1_763_800_000_123
FIELDS = b'"productId":"p","productCategory":"books","productPrice":1.005,"productQuantity":3'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_what_is_not_set_stays(fields: dict[str, object]) -> None:
    """Unknown fields, nested ones and odd names go through unchanged."""
    fields = {n: v for n, v in fields.items() if n not in ("intendedAt", "sentAt", "eventTime")}
    sent = json.dumps({**fields, "eventTime": 7}).encode()
    found = repaired(sent, ["productPrice=1.00"], ARRIVED, now=False)
    expected: dict[str, object] = {**fields, "eventTime": 7, "productPrice": 1.00}
    assert json.loads(found) == expected


def test_numbers_are_not_rounded() -> None:
    """The digits that were sent are the digits that are sent again."""
    sent = b'{"totalAmount":123456789012345678901234567890.10,"eventTime":1}'
    found = repaired(sent, ["x=0.10"], ARRIVED, now=False)
    assert found == b'{"totalAmount":123456789012345678901234567890.10,"eventTime":1,"x":0.10}'


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("productPrice=1.05", 1.05),
        ("productPrice=null", None),
        ("productCategory=my books", "my books"),
        ("productCategory=", ""),
        ('productCategory="7"', "7"),
        ("productCategory=a=b", "a=b"),
        ("productCategory=\x1b", "\x1b"),
    ],
)
def test_a_value_is_json_or_else_text(change: str, value: object) -> None:
    """Quotes are for what would otherwise be a number."""
    found = json.loads(repaired(b"{%s}" % FIELDS, [change], ARRIVED, now=False))
    assert found[change.partition("=")[0]] == value


def test_a_sale_without_a_time_keeps_that_of_its_arrival() -> None:
    """Else a replay would count it in another second than the one it was made in."""
    for sent in (b"{%s}" % FIELDS, b'{%s,"eventTime":null}' % FIELDS):
        assert json.loads(repaired(sent, [], ARRIVED, now=False))["eventTime"] == ARRIVED
    dated = b'{%s,"transactionDate":"2025-11-22T08:00:00"}' % FIELDS
    assert "eventTime" not in json.loads(repaired(dated, [], ARRIVED, now=False))


def test_now_leaves_its_time_out() -> None:
    """It counts in the second in which it arrives again."""
    sent = b'{%s,"eventTime":7,"transactionDate":"2025-11-22T08:00:00"}' % FIELDS
    found = json.loads(repaired(sent, [], ARRIVED, now=True))
    assert not {"eventTime", "transactionDate"} & found.keys()


def test_the_stamps_of_the_generator_are_left_out() -> None:
    """They would be taken for the latency of the replayed sale."""
    sent = b'{%s,"intendedAt":1,"sentAt":2}' % FIELDS
    assert not {"intendedAt", "sentAt"} & json.loads(repaired(sent, [], ARRIVED, now=True)).keys()


@pytest.mark.parametrize("sent", [None, b"", b"garbage", b"[]", b"7", b"\xff", b'{"a":1} x'])
def test_what_is_no_object_needs_another_in_its_place(sent: bytes | None) -> None:
    """It says how to give one."""
    with pytest.raises(QuarantineError) as failure:
        repaired(sent, ["productPrice=1"], ARRIVED, now=False)
    assert "--file" in failure.value.todo


@pytest.mark.parametrize("change", ["productPrice", "=1", ""])
def test_a_change_has_a_name_and_a_value(change: str) -> None:
    """Anything else is a slip."""
    with pytest.raises(QuarantineError, match="not a change"):
        repaired(b"{%s}" % FIELDS, [change], ARRIVED, now=False)


def test_what_would_be_accepted_is_a_sale() -> None:
    """The same rules as the job's."""
    value = repaired(b"{%s}" % FIELDS, ["productPrice=1.00"], ARRIVED, now=False)
    assert check(value, ARRIVED + 1_000, RULES).cents == 300


@pytest.mark.parametrize(
    ("value", "says", "todo"),
    [
        (b"{%s}" % FIELDS, "rejected again (price)", "--set"),
        (b'{%s,"productPrice":1,"eventTime":7}' % FIELDS, "would be late", "--now"),
        (b'[{%s,"productPrice":1}]' % FIELDS * 2, "", ""),
        (b'[{%s,"productPrice":1},{}]' % FIELDS, "2 sales", "--file"),
    ],
)
def test_what_would_not_be_accepted_is_told(value: bytes, says: str, todo: str) -> None:
    """Nothing is sent that would come back."""
    if not says:
        assert check(value, ARRIVED, RULES).quantity == 3
        return
    with pytest.raises(QuarantineError) as failure:
        check(value, ARRIVED, RULES)
    assert says in failure.value.what
    assert todo in failure.value.todo
