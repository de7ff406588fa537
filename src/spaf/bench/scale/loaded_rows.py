"""Rows of `sales_summary` as PostgreSQL's binary COPY reads them, made a million at a time.

PostgreSQL spends most of the time of an INSERT ... SELECT on its expressions; here the row of a
second and category is a record of numpy, whose bytes are those of the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Seconds whose rows are made at once: some MiB.
CHUNK_S = 50_000
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
# PostgreSQL counts microseconds from here.
EPOCH_S = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
MICROS = 1_000_000
# 100.25 and more: two digits to the base 10,000, of which one is behind the point.
NUMERIC = np.dtype([(name, ">i2") for name in ("digits", "weight", "sign", "scale", "whole", "25")])


class LoadedRows:
    """The rows of ranges of seconds, a row a category."""

    def __init__(self, categories: Sequence[str], currency: str) -> None:
        """Prepare what all rows have alike."""
        kinds = [_row_kind(name, currency) for name in categories]
        places = [(f"{place}", kind) for place, kind in enumerate(kinds, 1)]
        self._rows: NDArray[np.void] = np.zeros(CHUNK_S, np.dtype(places))
        for (place, kind), category in zip(places, categories, strict=True):
            row = self._rows[place]
            row["fields"] = len(kind.names or ()) // 2
            for name in (kind.names or ())[2::2]:
                row[f"{name} bytes"] = kind[name].itemsize
            row["category"], row["currency"] = category.encode(), currency.encode()
            amount = row["total_sales"]
            amount["digits"], amount["scale"], amount["25"] = 2, 2, 2_500

    def chunks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the rows from a second to the one before another.

        Args:
            first: seconds since 1970.
            last: likewise, without a row.

        """
        for begin in range(first, last, CHUNK_S):
            second = np.arange(begin, min(begin + CHUNK_S, last))
            rows = self._rows[: second.size]
            start_us = (second - EPOCH_S) * MICROS
            for place in map(int, rows.dtype.names or ()):
                row = rows[str(place)]
                turn = second // 60 + 7 * place
                row["window_start"] = start_us
                row["created_at"] = row["updated_at"] = start_us + MICROS
                row["sales_count"] = 3 + turn % 11
                row["units_sold"] = 5 + turn % 23
                row["total_sales"]["whole"] = 100 + (second + place) % 900
            yield rows.tobytes()


def _row_kind(category: str, currency: str) -> np.dtype[np.void]:
    """Return the record of a row: the number of its columns, then size and value of each."""
    columns = {
        "window_start": np.dtype(">i8"),
        "category": np.dtype(f"S{len(category.encode())}"),
        "currency": np.dtype(f"S{len(currency.encode())}"),
        "sales_count": np.dtype(">i8"),
        "units_sold": np.dtype(">i8"),
        "total_sales": NUMERIC,
        "created_at": np.dtype(">i8"),
        "updated_at": np.dtype(">i8"),
    }
    fields: list[tuple[str, np.dtype[Any]]] = [("fields", np.dtype(">i2"))]
    for name, kind in columns.items():
        fields += [(f"{name} bytes", np.dtype(">i4")), (name, kind)]
    return np.dtype(fields)
