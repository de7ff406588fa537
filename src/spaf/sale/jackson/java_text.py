"""Text as in Java: UTF-16 units from lenient UTF-8, and numbers in Java's notation.

Flink's decoder accepts every byte pattern of UTF-8, also one that UTF-8 forbids (an overlong form,
an unpaired surrogate), and replaces unpaired surrogates by `?`.
"""

from __future__ import annotations

import math
import re
import struct
from codecs import BOM_UTF16_BE
from decimal import Decimal

ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
SHORT_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
SURROGATE = re.compile("[\ud800-\udfff]")
SEQUENCE = re.compile(rb"[\x00-\x7f]+|[\xc0-\xff][\x80-\xbf]+")
# A surrogate pair; a high surrogate and the unit after it, which Java drops; a low surrogate alone.
UNITS = re.compile("([\ud800-\udbff][\udc00-\udfff])|[\ud800-\udbff].?|[\udc00-\udfff]", re.DOTALL)
TO_QUOTE = re.compile(r'["\\\x00-\x1f]')
QUOTED = {'"': '\\"', "\\": "\\\\", **{char: f"\\{name}" for name, char in SHORT_ESCAPES.items()}}


def unescape(raw: bytes) -> str:
    r"""Return the text between the quotes of a JSON string, e.g. `caf\u00e9` as `café`."""
    text = decode(raw)
    if "\\" in text:
        text = ESCAPE.sub(_escaped, text)
    return _mend(text)


def decode(raw: bytes) -> str:
    """Return the text of bytes that have the pattern of UTF-8, but may break its rules."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        units = b"".join(_units(match[0]) for match in SEQUENCE.finditer(raw))
        return units.decode("utf-16-le", "surrogatepass")


def from_utf_16(value: bytes, encoding: str) -> str:
    """Return the text of UTF-16, with or without a byte order mark, as Java's reader decodes it.

    Each error becomes U+FFFD: an unpaired surrogate, together with the unit after it if that should
    have been the low surrogate, and a single byte at the end.
    """
    if encoding == "utf-16":
        encoding = "utf-16-be" if value.startswith(BOM_UTF16_BE) else "utf-16-le"
        value = value[2:]
    order = ">" if encoding.endswith("be") else "<"
    count, left_over = divmod(len(value), 2)
    units = "".join(map(chr, struct.unpack_from(f"{order}{count}H", value)))
    mended = UNITS.sub(lambda match: match[1] or "\ufffd", units)
    text = mended.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    return text + "\ufffd" * left_over


def quote(text: str) -> str:
    """Return the text as a JSON string, with as few escapes as possible."""
    return f'"{TO_QUOTE.sub(_quoted, text)}"'


def java_double(literal: str) -> str:
    """Return a JSON number in the notation of Java's double, e.g. `1e7` as `1.0E7`."""
    number = float(literal)
    if math.isinf(number):
        return '"Infinity"' if number > 0 else '"-Infinity"'
    if number == 0 or 1e-3 <= abs(number) < 1e7:  # noqa: PLR2004 - Java's plain notation
        return repr(number)
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if len(digits) == 1:
        # Java writes at least two digits, the two that are nearest to the number.
        sign, digits, exponent = Decimal(f"{number:.1e}").as_tuple()
    mantissa = "".join(map(str, digits))
    power = len(digits) - 1 + int(exponent)
    return f"{'-' * sign}{mantissa[0]}.{mantissa[1:]}E{power}"


def _escaped(match: re.Match[str]) -> str:
    code, char = match.groups()
    return chr(int(code, 16)) if code else SHORT_ESCAPES.get(char, char)


def _quoted(match: re.Match[str]) -> str:
    return QUOTED.get(match[0]) or f"\\u{ord(match[0]):04X}"


def _mend(text: str) -> str:
    """Join surrogate pairs; an unpaired surrogate becomes `?`."""
    if not SURROGATE.search(text):
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    return SURROGATE.sub("?", units.decode("utf-16-le", "surrogatepass"))


def _units(sequence: bytes) -> bytes:
    """Return the UTF-16 units of ASCII text or of one longer sequence, valid or not."""
    lead, *tail = sequence
    if not tail or lead < 0x80:  # noqa: PLR2004 - the end of ASCII
        return sequence.decode("ascii").encode("utf-16-le")
    code = lead & (0x3F >> len(tail))
    for byte in tail:
        code = code << 6 | byte & 0x3F
    if len(tail) < 3:  # noqa: PLR2004 - up to three bytes are one unit
        return code.to_bytes(2, "little")
    code -= 0x10000
    high, low = 0xD800 | code >> 10, 0xDC00 | code & 0x3FF
    return (high & 0xFFFF).to_bytes(2, "little") + low.to_bytes(2, "little")
