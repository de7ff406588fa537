r"""A pull parser for JSON that accepts, and fails on, the same bytes as Flink's decoder.

It reads the records that are not plain; `spaf.sale.fast_path` reads the others. It differs from an
ordinary JSON parser in two points. It reads no further than it is asked to, so bytes after the last
brace are ignored. And it can continue after an error: if a column has an invalid string, Flink
leaves the column empty and continues at the byte at which its parser failed.

    >>> tokens = Tokens(b'{"a": 1}')
    >>> [tokens.next(), tokens.text()]
    [<TokenKind.BEGIN_OBJECT: '{'>, '{']
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from spaf.sale.jackson.java_text import unescape

MAX_DEPTH = 1_000
"""Maximum nesting depth of the decoder."""

MAX_NAME_BYTES = 50_000
"""Maximum length of a field name, bytes."""

MAX_DIGITS = 1_000
"""Maximum number of digits of a number."""

SPACE = re.compile(rb"[ \t\r\n]*")
CHARACTER = rb"[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3}"
ESCAPE = rb'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})'
# Each pattern alternates runs of plain bytes with one escape or character. Every text matches in
# one way only, so a failing match is as fast as a successful one. Possessive groups would be
# shorter, but Python 3.11.2, which Debian 12 has, matches them incorrectly.
STRING = re.compile(
    rb'[^"\\\x80-\xff]*(?:(?:' + ESCAPE + b"|" + CHARACTER + rb')[^"\\\x80-\xff]*)*'
)
WHOLE_NAME = re.compile(rb'[^"\\]*(?:' + ESCAPE + rb'[^"\\]*)*"')
# The bytes of an invalid character, escape or word that the decoder reads before it fails.
INVALID = rb"(?:[\xc0-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf7][\x80-\xbf]{0,2}).?|.?"
INVALID_STRING = re.compile(rb"\\u[0-9A-Fa-f]{0,3}.?|\\?(?:" + INVALID + rb")", re.DOTALL)
# A byte is interpreted as a letter or a currency sign in Latin-1.
LETTER = rb"A-Za-z_$\xa2-\xa5\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\xff"
LETTERS = re.compile(rb"[" + LETTER + rb"]")
# The bytes that Java accepts inside a word, including the control characters that it ignores.
ASCII_PARTS = re.compile(rb"[A-Za-z0-9_$\x00-\x08\x0e-\x1b\x7f]*")
OTHER_PART = re.compile(CHARACTER)
PART_CATEGORIES = frozenset(
    ("Lu", "Ll", "Lt", "Lm", "Lo", "Sc", "Pc", "Nd", "Nl", "Mc", "Mn", "Cf")
)
INVALID_WORD = re.compile(INVALID, re.DOTALL)
# The character after a complete word, which might be a part of it.
AFTER_WORD = re.compile(rb"([0-9A-Z_a-z\x7f])|([\xc0-\xf7])|[\x80-\xff]")
# White space is read before the parser checks for a comma.
NO_SPACE = re.compile(rb"[\x00-\x1f]")
INVALID_NUMBER = re.compile(rb"(?:\.|[eE][+-]?).?", re.DOTALL)
NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class JsonError(ValueError):
    """The text is not JSON, or exceeds a limit of the decoder."""


class TokenKind(StrEnum):
    """The type of a token; the value is its text if all tokens of the type have the same text."""

    BEGIN_OBJECT = "{"
    END_OBJECT = "}"
    BEGIN_ARRAY = "["
    END_ARRAY = "]"
    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    TRUE = "true"
    FALSE = "false"
    NULL = "null"


BEGINS = (TokenKind.BEGIN_OBJECT, TokenKind.BEGIN_ARRAY)
ENDS = (TokenKind.END_OBJECT, TokenKind.END_ARRAY)
# The words of the decoder, by their first letter; the last two are not JSON.
WORDS = {
    b"t": (b"true", TokenKind.TRUE),
    b"f": (b"false", TokenKind.FALSE),
    b"n": (b"null", TokenKind.NULL),
    b"N": (b"NaN", None),
    b"I": (b"Infinity", None),
}


class Tokens:
    """The tokens of one JSON text, one at a time.

    After an error `next` may be called again: the position is that of the decoder.
    """

    def __init__(self, data: bytes) -> None:
        """Start before the first token."""
        self.kind: TokenKind | None = None
        self._data = data
        self._at = 0
        self._name = ""
        self._text = ""
        # A string is read when its text is requested, or when the next token is read.
        self._unread = False
        # The decoder reads the first character of a value, or a whole number, with the name.
        self._value: TokenKind | None = None
        self._open: list[TokenKind] = []
        self._entries = [0]

    def next(self) -> TokenKind | None:
        """Advance to the next token and return its type; None at the end of the text.

        Raises:
            JsonError: the text that follows is not JSON.

        """
        if self.kind is TokenKind.NAME:
            value, self._value = self._value, None
            self.kind = self._entered(value)
            return self.kind
        if self._unread:
            self._read_string()
        char = self._after_space()
        if not char and not self._open:
            self.kind = None
        elif char in {b"]", b"}"}:
            self.kind = self._closed(TokenKind(char.decode()))
        else:
            self._next_entry(self._after_comma(char))
        return self.kind

    def text(self) -> str | None:
        """Return the token's text; numbers and words as written, strings without escapes.

        Raises:
            JsonError: a string is invalid.

        """
        if self._unread and self.kind is TokenKind.STRING:
            self._text = unescape(self._read_string())
        if self.kind in {TokenKind.STRING, TokenKind.NUMBER}:
            return self._text
        if self.kind is TokenKind.NAME:
            return self._name
        return None if self.kind is None else self.kind.value

    def _next_entry(self, char: bytes) -> None:
        """Read an element of an array, or a name of an object and the start of its value."""
        if not self._open or self._open[-1] is TokenKind.BEGIN_ARRAY:
            self.kind = self._entered(self._begun(char))
            return
        self._name = self._read_name(char)
        self.kind = TokenKind.NAME
        if self._after_space() != b":":
            raise JsonError("no colon after a name")
        self._value = self._begun(self._after_space())

    def _after_space(self) -> bytes:
        """Skip white space and return the character after it; empty at the end."""
        at = self._end(SPACE, self._at)
        self._at = at + 1
        if NO_SPACE.match(self._data, at):
            raise JsonError("a control character in place of white space")
        return self._data[at : at + 1]

    def _end(self, pattern: re.Pattern[bytes], start: int) -> int:
        match = pattern.match(self._data, start)
        return match.end() if match else start

    def _after_comma(self, char: bytes) -> bytes:
        """Return the first character of an entry; every entry but the first follows a comma."""
        if not self._open:
            return char
        self._entries[-1] += 1
        if self._entries[-1] == 1:
            return char
        if char != b",":
            raise JsonError("no comma between two entries")
        return self._after_space()

    def _begun(self, char: bytes) -> TokenKind | None:
        """Return the type of a value by its first character; read a number or a word."""
        if char == b'"':
            self._unread = True
            return TokenKind.STRING
        if char in {b"{", b"["}:
            return TokenKind(char.decode())
        if char.isdigit() or char == b"-":
            return self._number()
        if char == b"+":
            self._skip_sign()
            raise JsonError("a number with a plus")
        return self._word()

    def _entered(self, kind: TokenKind | None) -> TokenKind | None:
        if kind in BEGINS:
            self._open.append(kind)
            self._entries.append(0)
            if len(self._open) > MAX_DEPTH:
                raise JsonError("nested too deep")
        return kind

    def _closed(self, kind: TokenKind) -> TokenKind:
        if not self._open or self._open[-1] is not BEGINS[ENDS.index(kind)]:
            raise JsonError("a closing bracket without an opening one")
        self._open.pop()
        self._entries.pop()
        return kind

    def _read_name(self, char: bytes) -> str:
        if char != b'"':
            self._at = self._end(INVALID_WORD, self._at - 1)
            raise JsonError("no name where one is expected")
        start = self._at
        try:
            raw = self._read_string()
        except JsonError:
            # The decoder checks the characters of a name after it has read the whole name.
            self._at = max(self._at, self._end(WHOLE_NAME, start))
            raise
        if len(raw) > MAX_NAME_BYTES:
            raise JsonError("a name too long")
        return unescape(raw)

    def _read_string(self) -> bytes:
        """Return the bytes between the quotes, and stop after the closing quote."""
        self._unread = False
        start = self._at
        end = self._end(STRING, start)
        if self._data[end : end + 1] == b'"':
            self._at = end + 1
            return self._data[start:end]
        self._at = self._end(INVALID_STRING, end)
        raise JsonError("a string with an invalid escape, an invalid character or no end")

    def _word(self) -> TokenKind:
        """Read `true`, `false` or `null`; any other word is read to its end."""
        start = self._at - 1
        first = self._data[start : start + 1]
        word, kind = WORDS.get(first, (b"", None))
        if word:
            if self._matches(word[1:]) and kind is not None:
                return kind
        elif LETTERS.match(first):
            self._skip_word()
        raise JsonError("no value where one is expected")

    def _matches(self, rest: bytes) -> bool:
        """Read the rest of a word; return False, after the whole word, if it is another word."""
        for byte in rest:
            if self._data[self._at : self._at + 1] != bytes([byte]):
                self._skip_word()
                return False
            self._at += 1
        following = AFTER_WORD.match(self._data, self._at)
        if following is None:
            return True
        if following[1]:
            self._skip_word()
        elif following[2]:
            # The decoder skips one byte of a character of several bytes.
            self._at += 1
        return False

    def _skip_word(self) -> None:
        """Skip the characters that Java accepts in a word, and the character after them."""
        while True:
            self._at = self._end(ASCII_PARTS, self._at)
            character = OTHER_PART.match(self._data, self._at)
            if character is None or not is_part(character[0]):
                break
            self._at = character.end()
        self._at = self._end(INVALID_WORD, self._at)

    def _skip_sign(self) -> None:
        """Skip what the decoder reads after a sign without digits: it tries to read an infinity."""
        first, second = self._data[self._at : self._at + 1], self._data[self._at + 1 : self._at + 2]
        if first == b"I" and second in {b"N", b"n"}:
            self._at += 2
            self._matches(b"F" if second == b"N" else b"finity")
        else:
            self._at = min(self._at + (2 if first == b"I" else 1), len(self._data))

    def _number(self) -> TokenKind:
        start = self._at - 1
        match = NUMBER.match(self._data, start)
        if match is None:
            self._at = start + 1
            self._skip_sign()
            raise JsonError("a minus without a number")
        self._at = match.end()
        if sum(len(part.strip(b".eE+-")) for part in match.groups(b"")) > MAX_DIGITS:
            raise JsonError("a number too long")
        following = self._data[self._at : self._at + 1]
        if match.lastindex == 1 and match[1] == b"0" and following.isdigit():
            raise JsonError("a number with a leading zero")
        if not match[3] and (following in {b"e", b"E"} or (following == b"." and not match[2])):
            self._at = self._end(INVALID_NUMBER, self._at)
            raise JsonError("a number that ends with a point or an exponent")
        self._text = match[0].decode()
        return TokenKind.NUMBER


def is_part(character: bytes) -> bool:
    """Return whether Java accepts a character of more than one byte in a word.

    Java checks only the lower 16 bits of the character.
    """
    lead, *tail = character
    code = lead & (0x3F >> len(tail))
    for byte in tail:
        code = code << 6 | byte & 0x3F
    char = chr(code & 0xFFFF)
    if char < "\xa0":
        return char >= "\x7f" or ASCII_PARTS.fullmatch(char.encode()) is not None
    return unicodedata.category(char) in PART_CATEGORIES
