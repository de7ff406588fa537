"""The pull parser, token by token."""

from __future__ import annotations

import pytest

from spaf.sale.jackson.tokens import JsonError, TokenKind, Tokens


def test_tokens_in_order() -> None:
    """Each token has its kind and its text; behind the last one there is none."""
    tokens = Tokens(b' {"a": [1.50, true], "b":"\\n"}')
    found = []
    while tokens.next():
        found.append((tokens.kind, tokens.text()))
    assert found == [
        (TokenKind.BEGIN_OBJECT, "{"),
        (TokenKind.NAME, "a"),
        (TokenKind.BEGIN_ARRAY, "["),
        (TokenKind.NUMBER, "1.50"),
        (TokenKind.TRUE, "true"),
        (TokenKind.END_ARRAY, "]"),
        (TokenKind.NAME, "b"),
        (TokenKind.STRING, "\n"),
        (TokenKind.END_OBJECT, "}"),
    ]
    assert tokens.text() is None


def test_text_may_be_asked_for_again() -> None:
    """Asking for a text does not move on, and not asking for it does not stay."""
    tokens = Tokens(b'["a","b",1]')
    tokens.next()
    tokens.next()
    assert [tokens.text(), tokens.text()] == ["a", "a"]
    tokens.next()
    assert tokens.next() is TokenKind.NUMBER


def test_bytes_behind_the_token_are_not_read() -> None:
    """A text is only found broken where it is read."""
    tokens = Tokens(b"[1,\xff")
    assert [tokens.next(), tokens.next()] == [TokenKind.BEGIN_ARRAY, TokenKind.NUMBER]
    with pytest.raises(JsonError):
        tokens.next()


@pytest.mark.parametrize("data", [b"[1}", b"]", b"{]", b'{"a":1,2}', b'{"a"}', b"[1", b'["a'])
def test_errors(data: bytes) -> None:
    """A text that is not JSON ends in an error, never in a silent end."""
    tokens = Tokens(data)
    with pytest.raises(JsonError):  # noqa: PT012 - which token fails is not the point
        while tokens.next():
            pass


@pytest.mark.parametrize(
    "broken",
    [
        b"+1",
        b"-x",
        b"-I?",
        b"-INF",
        b"-Infinity",
        b"-Infinitx?",
        b"+I?",
        b"+Infinity",
        b"nul\x01?",
        b"tru\xc2\xa0",
        b"tru\xf0\x90\x80\x80?",
        b"Na\xc3\xa9?",
    ],
)
def test_it_goes_on_where_the_decoder_gives_up(broken: bytes) -> None:
    """Behind a sign without a number, or a word that is none, the next entry is found."""
    tokens = Tokens(b"[%s,7]" % broken)
    assert tokens.next() is TokenKind.BEGIN_ARRAY
    with pytest.raises(JsonError):
        tokens.next()
    assert (tokens.next(), tokens.text()) == (TokenKind.NUMBER, "7")
