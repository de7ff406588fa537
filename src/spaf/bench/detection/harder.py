"""Harder simulated sales: small price errors, drifts, two episodes at once, a daily cycle.

Each case is one shop, without the anomalies of the generator. Its sales are repeated, left out or
given another price on purpose, and what was done is the label.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import msgspec

from spaf.bench.detection import batch
from spaf.bench.detection.batch import Batch, files_table, rows, sale_log, statement
from spaf.bench.detection.score import share, wilson
from spaf.bench.progress import Progress
from spaf.bench.scenario import Result, Scenario, Table, option
from spaf.generate.anomalies.ground_truth import SecondAlert
from spaf.generate.shop import catalogue
from spaf.generate.shop.assortment import CATEGORIES
from spaf.generate.shop.stream import SaleStream
from spaf.job import build
from spaf.sale.anomaly_kinds import BY_NAME
from spaf.settings import Settings
from spaf.stack.control import Watcher

# 2026-01-05, a Monday.
START_S = 1_767_571_200
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
# An alert this long after its window still belongs to it: the pause of the rule for series counts
# minutes, and a minute is known when it ends.
GRACE_S = 120
# Share of the sales that have another price.
PRICE_RATE = 0.002
# Factor by which sales of the two categories with episodes are more frequent in them.
EPISODE_FACTOR = 4


class RateEpisode(NamedTuple):
    """A stretch in which a category sells more or less often, in seconds of the case."""

    category: str
    start_s: float
    end_s: float
    rises: bool


class HarderCase(NamedTuple):
    """A simulated shop."""

    name: str
    rate: float
    seconds: int
    episodes: Sequence[RateEpisode] = ()
    price_factor: float = 1.0
    frequency: Callable[[str, float], float] = lambda _category, _second: 1.0
    """Of the sales of a category at a second, relative to the usual one."""


def two_at_once() -> HarderCase:
    """Return half an hour in which two categories surge together every three minutes."""
    episodes = [
        RateEpisode(category, start, start + 30, rises=True)
        for start in range(300, 1_800 - 60, 180)
        for category in CATEGORIES[:2]
    ]
    return HarderCase("two categories at once", 50, 1_800, episodes, frequency=_during(episodes))


def drift(name: str, factor: float) -> HarderCase:
    """Return two hours; in the last forty minutes a category changes slowly by a factor."""
    start, end = 80 * MINUTE_S, 120 * MINUTE_S
    category = CATEGORIES[0]

    def frequency(sold: str, second: float) -> float:
        part = min(max((second - start) / (end - start), 0.0), 1.0)
        return 1 + (factor - 1) * part if sold == category else 1.0

    episode = RateEpisode(category, start, end, rises=factor > 1)
    return HarderCase(name, 20, end, [episode], frequency=frequency)


def daily_cycle() -> HarderCase:
    """Return three days in which nights are quiet; on the third, episodes of five minutes."""
    episodes = [
        RateEpisode(CATEGORIES[n % 3], start, start + 300, rises=True)
        for n, start in enumerate(range(2 * DAY_S + HOUR_S, 3 * DAY_S, 2 * HOUR_S))
    ]
    during = _during(episodes)

    def frequency(category: str, second: float) -> float:
        cycle = 1 - 0.8 * math.cos(2 * math.pi * second / DAY_S)
        return cycle * during(category, second)

    return HarderCase("daily cycle", 2, 3 * DAY_S, episodes, frequency=frequency)


def _during(episodes: Sequence[RateEpisode]) -> Callable[[str, float], float]:
    def frequency(category: str, second: float) -> float:
        inside = any(
            episode.start_s <= second < episode.end_s
            for episode in episodes
            if episode.category == category
        )
        return float(EPISODE_FACTOR) if inside else 1.0

    return frequency


CASES = (
    HarderCase("price x2", 50, 1_200, price_factor=2.0),
    HarderCase("price x3", 50, 1_200, price_factor=3.0),
    two_at_once(),
    drift("drift to twice", 2.0),
    drift("drift to half", 0.5),
    daily_cycle(),
)


class CaseResult(msgspec.Struct, frozen=True):
    """What the rules found in a case."""

    case: str
    sales: int
    hours: float
    labelled: int
    found: int
    recall: float | None
    recall_95: tuple[float, float] | None
    found_by: dict[str, int]
    """Labels by the kind of an alert that finds them; several kinds may find one."""
    false_alerts: dict[str, int]


class HarderResult(Result, frozen=True):
    """The results of all cases."""

    seed: int
    cases: list[CaseResult]

    def tables(self) -> Iterable[Table]:
        """Return a row a case."""
        columns = ("case", "sales", "hours", "labelled", "found", "recall", "by", "false alerts")
        cells = [
            (
                *(case.case, case.sales, f"{case.hours:.1f}", case.labelled, case.found),
                "" if case.recall is None else f"{case.recall:.2f}",
                _listed(case.found_by),
                _listed(case.false_alerts),
            )
            for case in self.cases
        ]
        yield Table("", columns, cells)


class HarderScenario(Scenario, frozen=True):
    """Score the job's anomaly rules on harder simulated sales; needs no stack.

    Prices that are wrong by a factor of two or three, a rate that drifts, two categories that surge
    together, and a shop whose nights are quiet.
    """

    seed: Annotated[int, option("Seed of the shop and of its sales.", ge=0)] = 301

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> HarderResult:  # noqa: ARG002 - no run
        """Simulate and score each case."""
        results = []
        with TemporaryDirectory(prefix="spaf-harder-") as name:
            folder = Path(name)
            with batch.running(folder / "flink.log") as flink:
                for case in CASES:
                    progress(case.name)
                    own = folder / case.name.replace(" ", "-")
                    own.mkdir()
                    results.append(score_case(flink, settings, case, self.seed, own))
        return HarderResult(self.seed, results)


def score_case(
    flink: Batch, settings: Settings, case: HarderCase, seed: int, folder: Path
) -> CaseResult:
    """Simulate a case, run the job's SQL over it, and compare the alerts with the labels.

    Raises:
        JobError: Flink refused the SQL.

    """
    labels, sales = simulate_case(case, seed, folder / "log.json")
    views = build.statements(batch.parameters(settings), build.VIEWS)
    flink.run([*sale_log(folder / "log.json"), *views, *_inserts(folder)])
    kinds = {row["kafka_offset"]: row["kind"] for row in rows(folder / "sales")}
    alerts = [SecondAlert(**row) for row in rows(folder / "windows")]
    found_by: Counter[str] = Counter()
    if case.episodes:
        matches = [
            {alert.kind for alert in alerts if is_of(alert, episode)} for episode in case.episodes
        ]
        labelled, found = len(matches), sum(map(bool, matches))
        found_by.update(kind for match in matches for kind in match)
        false = Counter(
            alert.kind
            for alert in alerts
            if not any(is_of(alert, asked, any_kind=True) for asked in case.episodes)
        )
        false.update(kinds.values())
    else:
        labelled, found = len(labels), sum(kinds.get(offset) == "high_price" for offset in labels)
        found_by["high_price"] = found
        false = Counter(kind for offset, kind in kinds.items() if offset not in labels)
        false.update(alert.kind for alert in alerts)
    return CaseResult(
        case.name,
        sales,
        case.seconds / HOUR_S,
        labelled,
        found,
        share(found, labelled),
        wilson(found, labelled),
        dict(+found_by),
        dict(false),
    )


def is_of(alert: SecondAlert, episode: RateEpisode, *, any_kind: bool = False) -> bool:
    """Return whether an alert is of an episode; by its category, direction and time."""
    kind, second = BY_NAME[alert.kind], alert.second - START_S
    return (
        alert.category == episode.category
        and (any_kind or (kind.sign > 0) == episode.rises)
        and second + kind.window_s > episode.start_s
        and second < episode.end_s + GRACE_S
    )


def simulate_case(case: HarderCase, seed: int, file: Path) -> tuple[set[int], int]:
    """Write the sales of a case; return the offsets of wrong prices, and the number of sales."""
    stream = SaleStream(
        catalogue.build(seed), seed=seed, run_id="lab", currencies=("BRL",), anomaly_rate=0.0
    )
    rng = Random(f"{case.name} {seed}")  # noqa: S311 - a simulation
    labels: set[int] = set()
    offset = 0
    with file.open("wb") as out:
        for slot in range(int(case.rate * case.seconds)):
            second = slot / case.rate
            due_us = int((START_S + second) * 1_000_000)
            sale: dict[str, Any] = msgspec.json.decode(stream.next_sale(due_us, due_us)[0])
            for _ in range(_copies(case.frequency(sale["productCategory"], second), rng)):
                if case.price_factor != 1 and rng.random() < PRICE_RATE:
                    labels.add(offset)
                    price = round(sale["productPrice"] * case.price_factor, 2)
                    sale = {**sale, "productPrice": price}
                position = {
                    "kafka_partition": 0,
                    "kafka_offset": offset,
                    "append_ms": due_us // 1_000,
                }
                out.write(msgspec.json.encode({**position, **sale}) + b"\n")
                offset += 1
    return labels, offset


def _copies(frequency: float, rng: Random) -> int:
    """Return how many sales one slot becomes, so that their mean is the frequency."""
    whole = int(frequency)
    return whole + (rng.random() < frequency - whole)


def _inserts(folder: Path) -> Iterator[str]:
    sale_columns = "kafka_partition INT, kafka_offset BIGINT, kind STRING"
    yield files_table("found_sale", sale_columns, folder / "sales")
    window_columns = "`second` INT, category STRING, kind STRING"
    yield files_table("found_second", window_columns, folder / "windows")
    yield statement("insert_sale_alerts")
    yield statement("insert_window_alerts")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "none"
