"""How to run the load: the command line of the Locust process, in both of its forms."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LOOPBACK = "127.0.0.1"
# A person on the page thinks in users: with 100 of them one user more is one percent more.
USERS = 100
# Above this the waking of many users costs more than their sales. Measured at 20,000 sales/s: 100
# users take 1.0 core, 20 take 0.85 and 5 take 0.6, with the same publish delay (p99 1.4-2 ms),
# for they share one schedule and each wakes at most once a millisecond. Sales a second.
BUSY_RATE = 1_000
BUSY_USERS = 5


@dataclass(frozen=True)
class LoadSpec:
    """What is sold, and to which topic."""

    bootstrap: str
    topic: str
    seed: int
    currencies: tuple[str, ...]
    anomaly_rate: float
    labels: Path | None = None
    # Seconds between two episodes on average; 0 is none.
    episode_every_s: float = 0.0


def load_command(sales: LoadSpec, *, rate: float, seconds: float, result: Path) -> list[str]:
    """Return the command that sells for so long at this rate, without a page, and quits.

    It exits with 0 only if every sale was acknowledged; `result` has the counts either way.
    """
    return [
        *_locust(sales),
        "--headless",
        *("--for-seconds", str(seconds)),
        *("--result", str(result)),
        *_users(rate),
    ]


def page_command(sales: LoadSpec, *, port: int, rate: float, autostart: bool) -> list[str]:
    """Return the command that offers Locust's page, set to this rate and, if asked, selling."""
    start = ["--autostart"] if autostart else []
    return [*_locust(sales), "--web-host", LOOPBACK, "--web-port", str(port), *_users(rate), *start]


def users_for(rate: float) -> int:
    """Return how many users share a rate; each one's part is then a short decimal number."""
    return USERS if rate <= BUSY_RATE else BUSY_USERS


def _locust(sales: LoadSpec) -> list[str]:
    labels = [] if sales.labels is None else ["--labels", str(sales.labels)]
    return [
        # -P: a file of the current folder must not pass for a module of the library.
        *(sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE)),
        # Locust's table every two seconds says nothing that its page or our result does not.
        "--only-summary",
        *("--loglevel", "WARNING"),
        *("--bootstrap", sales.bootstrap),
        *("--topic", sales.topic),
        *("--seed", str(sales.seed)),
        *("--currencies", ",".join(sales.currencies)),
        *("--anomaly-rate", str(sales.anomaly_rate)),
        *("--episode-every", str(sales.episode_every_s)),
        *labels,
    ]


def _users(rate: float) -> list[str]:
    """Return the options for a rate; all users start at once."""
    users = users_for(rate)
    each = Decimal(str(rate)) / users
    return ["--users", str(users), "--spawn-rate", str(users), "--sales-per-user", f"{each:f}"]
