"""Foreign bytes as the page shows them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.serve.records.payload import MAX_DEPTH, MAX_JSON_BYTES, indented, render, short


def test_text_json_and_hex() -> None:
    """Text as it is, JSON also indented, anything else as hex."""
    assert render(b'{"a":1.50}', 100) == (10, '{"a":1.50}', None, '{\n  "a": 1.50\n}', False)
    assert render(b"plain", 3) == (5, "pla", None, None, True)
    assert render(b"\x00\xff", 100) == (2, None, "00 ff", None, False)
    assert render(b"\xff" * 9, 2) == (9, None, "ff ff", None, True)
    assert render(b"", 9) == (0, "", None, None, False)
    assert render(None, 9) == (0, None, None, None, False)


def test_json_is_shown_as_it_was_written() -> None:
    """No number is rounded, no order changed, no repeated name lost."""
    value = b'{"b":1e400,"a":0.10,"a":123456789012345678901234567890}'
    assert json.loads("[" + (indented(value) or "").replace("1e400", "1") + "]")
    assert (indented(value) or "").split() == [
        "{", '"b":', "1e400,", '"a":', "0.10,", '"a":', "123456789012345678901234567890", "}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 30_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * 900 + b"1," * 20_000,
        b"[" + b"1," * MAX_JSON_BYTES + b"1]",
        b"{'a': 1}",
        b'{"a": 1} x',
        b"",
    ],
)
def test_what_would_grow_or_is_no_json_is_not_indented(value: bytes) -> None:
    """A hostile record costs no more than its own length."""
    assert indented(value) is None


def test_brackets_in_strings_do_not_nest() -> None:
    """A text may hold as many as it likes."""
    value = json.dumps({"a": "[{" * 1_000, 'b\\"[': '"['}).encode()
    assert json.loads(indented(value) or "") == json.loads(value)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_shown(value: bytes) -> None:
    """Whatever they are, one of text and hex has them, and everything is valid UTF-8."""
    found = render(value, 100)
    assert (found.text is None) != (found.hex is None)
    assert len(found.text or "") <= 100
    json.dumps(found._asdict()).encode()
    (short(value, 10) or "").encode()


def test_keys_and_headers_in_one_piece() -> None:
    r"""What is no UTF-8 as `\xff`, and nothing as nothing."""
    assert short(b"a\xff", 10) == "a\\xff"
    assert short(b"long", 2) == "lo"
    assert short(None, 2) is None
