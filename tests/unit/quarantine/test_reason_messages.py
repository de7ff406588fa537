"""Reasons as sentences, and hostile bytes on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.quarantine.explain import LATE
from spaf.quarantine.reason_messages import FIELDS, RULES, escaped, sentence, shown
from spaf.sale import Reason

PLAIN = b'{"productId":"p","productPrice":1.005,"currency":"usd"}'


def test_every_reason_has_a_rule() -> None:
    """A reason that is added to the contract needs its sentence."""
    assert set(RULES) == {*Reason, LATE}
    assert set(FIELDS) == {*Reason, LATE} - {Reason.UNREADABLE}


@pytest.mark.parametrize(
    ("reason", "payload", "end"),
    [
        (
            "price",
            PLAIN,
            'productPrice is "1.005". It is no whole number of cents; the nearest is 1.00.',
        ),
        ("currency", PLAIN, 'currency is "usd". Write it as USD.'),
        ("quantity", PLAIN, "It has none that can be read."),
        ("event_time", b'{"transactionDate":"22/11"}', 'transactionDate is "22/11".'),
        ("product", b'{"productId":"%s"}' % (b"x" * 90), f'productId is "{"x" * 80}...".'),
        ("category", b'{"productCategory":"\\u001b[2J"}', r'productCategory is "\x1b[2J".'),
        ("unreadable", b"garbage", "read to its end."),
        ("unreadable", b"", "It is empty."),
        ("unreadable", None, "a tombstone."),
        ("price", b"not even JSON", "It has none that can be read."),
        ("later", b"{}", ""),
    ],
)
def test_a_sentence_names_the_rule_and_the_value(
    reason: str, payload: bytes | None, end: str
) -> None:
    """Which field, what is allowed, what it is instead."""
    assert sentence(reason, payload).endswith(end)


@given(st.text())
def test_nothing_steers_a_terminal(text: str) -> None:
    """Whatever the text is, what is shown has no control character."""
    assert escaped(text).isprintable()


@given(st.binary())
def test_bytes_are_shown_in_printable_characters(payload: bytes) -> None:
    """Bytes that are no text too."""
    assert shown(payload).isprintable()


def test_escapes_are_those_that_people_know() -> None:
    """An escape sequence, a line end, an override of the direction, a byte that is no UTF-8."""
    text = b'\x1b[31m"\xc3\xa9"\r\n\xe2\x80\xae\xff'
    assert shown(text) == r'\x1b[31m"é"\r\n\u202e\xff'
