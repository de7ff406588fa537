"""The command line of the Locust process: headless for a load, or with its web page."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from spaf.environment import PYTHON_OPTIONS
from spaf.generate.locust import status_file
from spaf.generate.shop.assortment import DEFAULT_SIZE, ShopSize

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LOOPBACK = "127.0.0.1"
# With 100 users on Locust's page, one user is one percent of the rate.
USERS = 100
# Above this rate, to wake many users costs more than to send their sales. Measured at 20,000
# sales/s: 100 users take 1.0 core, 20 take 0.85 and 5 take 0.6, with the same publish delay (p99
# 1.4-2 ms), because they share one schedule and each wakes at most once a millisecond.
HIGH_RATE = 1_000
HIGH_RATE_USERS = 5


@dataclass(frozen=True)
class LoadSpec:
    """The parameters of a load: the sales and their topic."""

    bootstrap: str
    topic: str
    seed: int
    currencies: tuple[str, ...]
    anomaly_rate: float
    labels: Path | None = None
    # Mean time between two episodes, seconds; 0: no episodes.
    episode_every_s: float = 0.0
    shop: ShopSize = DEFAULT_SIZE


def load_command(sales: LoadSpec, *, rate: float, seconds: float, result: Path) -> list[str]:
    """Return the command that sells for `seconds` at this rate, without a page, and exits.

    The exit code is 0 only if every sale was acknowledged; `result` has the counts in any case.
    """
    return [
        *_locust(sales),
        "--headless",
        *("--for-seconds", str(seconds)),
        *("--result", str(result)),
        *("--status", str(result.with_suffix(status_file.SUFFIX))),
        *_users(rate),
    ]


def page_command(
    sales: LoadSpec, *, port: int, rate: float, autostart: bool, bind: str = LOOPBACK
) -> list[str]:
    """Return the command of Locust's page, set to this rate; with `autostart` it sells at once."""
    start = ["--autostart"] if autostart else []
    return [*_locust(sales), "--web-host", bind, "--web-port", str(port), *_users(rate), *start]


def users_for(rate: float) -> int:
    """Return the number of users for a rate; the rate of each is then a short decimal number."""
    return USERS if rate <= HIGH_RATE else HIGH_RATE_USERS


def _locust(sales: LoadSpec) -> list[str]:
    labels = [] if sales.labels is None else ["--labels", str(sales.labels)]
    return [
        *(sys.executable, *PYTHON_OPTIONS, "-m", "locust", "-f", str(LOCUSTFILE)),
        # Without Locust's table every two seconds: its page and the result show the same.
        "--only-summary",
        *("--loglevel", "WARNING"),
        *("--bootstrap", sales.bootstrap),
        *("--topic", sales.topic),
        *("--seed", str(sales.seed)),
        *("--categories", str(sales.shop.categories)),
        *("--products-per-category", str(sales.shop.products_per_category)),
        *("--customers", str(sales.shop.customers)),
        *("--currencies", ",".join(sales.currencies)),
        *("--anomaly-rate", str(sales.anomaly_rate)),
        *("--episode-every", str(sales.episode_every_s)),
        *labels,
    ]


def _users(rate: float) -> list[str]:
    """Return the options of a rate; all users start at once."""
    users = users_for(rate)
    each = Decimal(str(rate)) / users
    return ["--users", str(users), "--spawn-rate", str(users), "--sales-per-user", f"{each:f}"]
