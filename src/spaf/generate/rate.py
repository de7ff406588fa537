"""The rates that the load generator accepts, from the command line and from both web pages."""

from __future__ import annotations

# Sales a second. The upper limit is several times what one process sends: it stops a typing error
# from filling memory and disk.
MIN_RATE, MAX_RATE = 0.1, 200_000.0


def rate_problem(rate: float) -> str:
    """Return what is wrong with a rate, as the end of a sentence; nothing if it is accepted."""
    if MIN_RATE <= rate <= MAX_RATE:
        return ""
    return f"must be from {MIN_RATE:g} to {MAX_RATE:,.0f} sales a second"
