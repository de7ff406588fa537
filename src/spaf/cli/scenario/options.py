"""The notations of options: ranges of seeds, lists of names, durations and rates as text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spaf.errors import SettingsError

# More seeds than this make a log that fills a small disk.
MAX_SEEDS = 200
MINUTE_S = 60
# From here on a duration of whole minutes is written in minutes, seconds.
MIN_MINUTES_S = 120


def seeds_of(text: str) -> range:
    """Return the seeds that a text such as 101-120 or 7 means.

    Raises:
        SettingsError: it means none, or more than MAX_SEEDS.

    """
    match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", text.strip())
    seeds = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not 1 <= len(seeds) <= MAX_SEEDS:
        raise SettingsError(
            f"--seeds {text}: not one to {MAX_SEEDS} seeds.", todo="For example --seeds 101-120"
        )
    return seeds


def seeds_text(seeds: range) -> str:
    """Return a range of seeds as an option has it."""
    return f"{seeds[0]}-{seeds[-1]}"


def names_of(text: str) -> tuple[str, ...]:
    """Return the names between the commas of a text."""
    return tuple(name.strip() for name in text.split(","))


def names_text(names: Iterable[str]) -> str:
    """Return names as an option has them."""
    return ",".join(names)


def rates_text(rates: Iterable[float]) -> str:
    """Return rates as an option has them."""
    return ",".join(f"{rate:g}" for rate in rates)


def duration_text(seconds: float) -> str:
    """Return a duration as an option has it: 60s, 10m."""
    if seconds >= MIN_MINUTES_S and seconds % MINUTE_S == 0:
        return f"{seconds / MINUTE_S:g}m"
    return f"{seconds:g}s"
