"""The options that SPAF adds to Locust's command line and page."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spaf import settings
from spaf.generate.rate import rate_problem
from spaf.generate.shop.assortment import DEFAULT_SIZE, ShopSize
from spaf.topic.security import KafkaAddress

if TYPE_CHECKING:
    from argparse import Namespace

    from locust.argument_parser import LocustArgumentParser

# With a larger share, anomalous sales would be the normal ones.
MAX_ANOMALY_RATE = 0.5


class Options(NamedTuple):
    """The fixed options of a Locust process."""

    bootstrap: str
    topic: str
    seed: int
    currencies: tuple[str, ...]
    seconds: Fraction | None
    result: Path | None
    labels: Path | None
    episode_every_s: float
    status: Path | None
    shop: ShopSize


def add_options(parser: LocustArgumentParser) -> None:
    """Add the options; Locust's page shows the first two, which can be changed during a test."""
    parser.add_argument(
        "--sales-per-user",
        type=float,
        default=1.0,
        help="Sales a second of each user: the rate is this times the number of users.",
    )
    parser.add_argument(
        "--anomaly-rate",
        type=float,
        default=0.0005,
        help="Share of the sales that are made anomalous, 0 to 0.5.",
    )
    for name, kind, default, meaning in (
        ("--bootstrap", str, "127.0.0.1:9092", "Address of Kafka."),
        ("--topic", str, "vendas-simuladas", "Topic of the sales."),
        ("--seed", int, 1, "Seed of the catalogue and of the sale stream."),
        ("--categories", int, DEFAULT_SIZE.categories, "Categories of the shop."),
        ("--products-per-category", int, DEFAULT_SIZE.products_per_category, "Products of each."),
        ("--customers", int, DEFAULT_SIZE.customers, "Customers of the shop."),
        ("--currencies", str, "BRL", "Currencies, the most frequent first, with commas between."),
        ("--episode-every", float, 0.0, "Seconds between two episodes on average; 0: none."),
        ("--for-seconds", float, None, "Intend exactly rate times this many sales, then quit."),
        ("--result", Path, None, "File for the result of each run (JSON)."),
        ("--labels", Path, None, "File that gets the label of each anomalous sale (JSON lines)."),
        ("--status", Path, None, "File that gets the present counts each second (JSON)."),
    ):
        parser.add_argument(name, type=kind, default=default, help=meaning, include_in_web_ui=False)


def read_options(parsed: Namespace) -> Options:
    """Return the options that cannot be changed while the process runs."""
    return Options(
        bootstrap=KafkaAddress.of(parsed.bootstrap, settings.load().kafka),
        topic=parsed.topic,
        seed=parsed.seed,
        currencies=tuple(parsed.currencies.split(",")),
        seconds=None if parsed.for_seconds is None else exact(parsed.for_seconds),
        result=parsed.result,
        labels=parsed.labels,
        episode_every_s=parsed.episode_every,
        status=parsed.status,
        shop=ShopSize(parsed.categories, parsed.products_per_category, parsed.customers),
    )


class LiveOptions(NamedTuple):
    """The options that can be changed on Locust's page while a test runs."""

    users: int
    per_user: float
    anomaly_rate: float

    @property
    def problem(self) -> str:
        """What is wrong with the values, as a sentence; Locust's page accepts any number."""
        rate = self.users * self.per_user
        problem = rate_problem(rate)
        if problem:
            return (
                f"The rate {problem}, not {rate:g} "
                f"({self.users} users with {self.per_user:g} sales a second each)."
            )
        if not 0 <= self.anomaly_rate <= MAX_ANOMALY_RATE:
            return f"The anomaly rate must be from 0 to {MAX_ANOMALY_RATE}: {self.anomaly_rate:g}."
        return ""


def read_live(parsed: Namespace) -> LiveOptions:
    """Return the present values of the live options."""
    return LiveOptions(parsed.num_users or 1, parsed.sales_per_user, parsed.anomaly_rate)


def exact(number: float) -> Fraction:
    """Return the decimal number as written: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(str(number))
