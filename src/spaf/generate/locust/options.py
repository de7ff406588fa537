"""The options that SPAF adds to Locust's command line, and which of them its page shows."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace

    from locust.argument_parser import LocustArgumentParser

# Far beyond what one process sends; it keeps a slip of the finger from filling the memory.
LARGEST_SALES_PER_USER = 100_000.0
# With more, the anomalous sales would be the normal ones.
LARGEST_ANOMALY_RATE = 0.5


class Options(NamedTuple):
    """The options of one process, with their exact types."""

    bootstrap: str
    topic: str
    seed: int
    currencies: tuple[str, ...]
    seconds: Fraction | None
    result: Path | None
    labels: Path | None
    episode_every_s: float


def add_options(parser: LocustArgumentParser) -> None:
    """Add the options; a person changes the first two on the page, also during a run."""
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
        ("--currencies", str, "BRL", "Currencies, the most frequent first, with commas between."),
        ("--episode-every", float, 0.0, "Seconds between two episodes on average; 0: none."),
        ("--for-seconds", float, None, "Intend exactly rate times this many sales, then quit."),
        ("--result", Path, None, "File for the result of each run (JSON)."),
        ("--labels", Path, None, "File that gets the label of each anomalous sale (JSON lines)."),
    ):
        parser.add_argument(name, type=kind, default=default, help=meaning, include_in_web_ui=False)


def read_options(parsed: Namespace) -> Options:
    """Return the options that stay as they are while the process lives."""
    return Options(
        bootstrap=parsed.bootstrap,
        topic=parsed.topic,
        seed=parsed.seed,
        currencies=tuple(parsed.currencies.split(",")),
        seconds=None if parsed.for_seconds is None else exact(parsed.for_seconds),
        result=parsed.result,
        labels=parsed.labels,
        episode_every_s=parsed.episode_every,
    )


class LiveOptions(NamedTuple):
    """What a person may change on Locust's page while the sales run."""

    per_user: float
    anomaly_rate: float

    @property
    def allowed(self) -> bool:
        """Whether the values make sense; the page itself takes any number."""
        return (
            0 < self.per_user <= LARGEST_SALES_PER_USER
            and 0 <= self.anomaly_rate <= LARGEST_ANOMALY_RATE
        )

    @property
    def complaint(self) -> str:
        """What to say about values that are not allowed."""
        return (
            f"Sales per user must be above 0 and at most {LARGEST_SALES_PER_USER:g} (now "
            f"{self.per_user:g}), the anomaly rate from 0 to {LARGEST_ANOMALY_RATE:g} (now "
            f"{self.anomaly_rate:g})."
        )


def read_live(parsed: Namespace) -> LiveOptions:
    """Return what the page says now."""
    return LiveOptions(parsed.sales_per_user, parsed.anomaly_rate)


def exact(number: float) -> Fraction:
    """Return the number as it was written: 0.1 is a tenth, not its nearest binary neighbour."""
    return Fraction(str(number))
