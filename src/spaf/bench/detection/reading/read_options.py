"""What a user may fix about a file; what is left open is found out from the file."""

from __future__ import annotations

from enum import StrEnum

import msgspec

# Names of delimiters that a shell makes hard to write.
DELIMITERS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "space": " ",
}


class DecimalSign(StrEnum):
    """The sign before the decimals; the other one separates thousands."""

    point = "point"
    comma = "comma"


class DateOrder(StrEnum):
    """The order of day, month and year in dates of numbers."""

    dmy = "dmy"
    mdy = "mdy"
    ymd = "ymd"


class ReadOptions(msgspec.Struct, frozen=True):
    """The options of a reading; None or empty means: find out."""

    kind: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    decimal: DecimalSign | None = None
    date_order: DateOrder | None = None
    zone: str | None = None
    time: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    series: str | None = None
    missing: tuple[str, ...] = ()
    drop_copies: bool = False

    @property
    def delimiter_character(self) -> str | None:
        """The delimiter itself, if one is named."""
        if self.delimiter is None:
            return None
        return DELIMITERS.get(self.delimiter.lower(), self.delimiter)
