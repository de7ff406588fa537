"""The steps of single sales as they are kept: small numbers, of which the file needs few bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaf.measure.latency import Stamps
from spaf.measure.quantiles import Micros

# An interval with more sales keeps every second one, or every third, ...: each needs 8 bytes, and a
# search for the sustainable rate has some twenty intervals of a million sales. The quantiles of all
# sales are kept as well.
MAX_SALES = 12_000
# From the smallest to 1 - 10^-6, evenly on the axis on which each nine has the same length.
SHARES: NDArray[np.float64] = 1 - np.logspace(0, -6, 61)


def sale_columns(
    store: Stamps, screen: Stamps | None = None, *, valid: bool = True
) -> dict[str, NDArray[Any]]:
    """Return when each sale was due and how long each step took, and the quantiles of them all.

    The stamps of Kafka and of the table are whole milliseconds, rounded down, as they are.

    Args:
        store: the sales in PostgreSQL.
        screen: the same sales on the screen, if that was measured.
        valid: whether figures of them may be reported.

    """
    every = max(1, -(-store.intended.size // MAX_SALES))
    arrays: dict[str, NDArray[Any]] = {
        "valid": np.array(valid),
        "every": np.array(every),
        "due_us": store.intended[::every],
        "due_sent_us": _duration(store.intended, store.sent, every),
        "sent_appended_us": _duration(store.sent, store.appended, every),
        "appended_written_us": _duration(store.appended, store.handed_over, every),
        "written_visible_us": _duration(store.handed_over, store.visible, every),
        "shares": SHARES,
        "store_quantiles_us": _quantiles(store),
    }
    if screen is not None and np.array_equal(screen.intended, store.intended):
        arrays |= {
            "visible_received_us": _duration(store.visible, screen.handed_over, every),
            "received_painted_us": _duration(screen.handed_over, screen.visible, every),
            "screen_quantiles_us": _quantiles(screen),
        }
    return arrays


def _duration(start: Micros, end: Micros, every: int) -> NDArray[np.int32]:
    """Return durations; 32 bits hold half an hour."""
    return (end - start)[::every].astype(np.int32)


def _quantiles(sales: Stamps) -> Micros:
    """Return the exact quantiles of the latency at SHARES, and the largest latency last."""
    latency = sales.visible - sales.intended
    if not latency.size:
        return latency
    quantiles: Micros = np.quantile(latency, [*SHARES, 1.0], method="inverted_cdf").astype(np.int64)
    return quantiles


def of_valid(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file without those of intervals that are not valid."""
    return {
        name: values
        for name, values in arrays.items()
        if bool(arrays.get(f"{name.partition('/')[0]}/valid", True))
    }
