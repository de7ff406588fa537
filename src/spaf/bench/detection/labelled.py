"""The detection laboratory: labelled sales, the job's own SQL over them, scores with intervals.

Beside ours stand two detectors that know nothing: `random` raises as many alerts of each kind as
ours, anywhere, and `always` raises every alert there is.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product, starmap
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from spaf.bench.detection import batch
from spaf.bench.detection.batch import SECOND, Batch, files_table, rows, sale_log
from spaf.bench.detection.score import KindScore, Tallies, score_sales, score_seconds
from spaf.bench.detection.simulate import SimulatedLabels, SimulatedTraffic, simulate
from spaf.generate.anomalies.episode import EPISODE_KINDS
from spaf.generate.anomalies.ground_truth import GRACE_S, SALE_ALERTS, SECOND_ALERTS, SecondAlert
from spaf.generate.shop.assortment import CATEGORIES
from spaf.job import build
from spaf.sale.anomaly_kinds import ALERT_OF_LABEL
from spaf.settings import Settings

# Sales and seconds before this are history, not judged and not scored, seconds; the first episode
# begins no earlier.
WARM_UP_S = 60
HOUR_S = 3_600
# Clean sales are simulated in pieces of this length, so that a file of them stays below 2 GB at
# 100 sales/s; each piece has a seed and a warm-up of its own, seconds.
PIECE_S = 6 * HOUR_S
DETECTORS = ("ours", "random", "always")
KINDS = (
    *SALE_ALERTS,
    *(label for label in ALERT_OF_LABEL if label not in SALE_ALERTS),
    *EPISODE_KINDS,
)
Tell = Callable[[str], None]


class DetectorAlerts(NamedTuple):
    """What a detector says of one log: kind by offset, and unusual seconds."""

    sales: dict[int, str]
    seconds: list[SecondAlert]


class Judged(NamedTuple):
    """The part of a log that is scored: behind the warm-up, before the seconds of the next."""

    offsets: range
    seconds: range

    @classmethod
    def of(cls, truth: SimulatedLabels) -> Judged:
        """Return that part."""
        seconds = range(truth.start_s + WARM_UP_S, truth.start_s + truth.length_s)
        return cls(range(bisect_left(truth.seconds, seconds.start), len(truth.seconds)), seconds)


Log = tuple[DetectorAlerts, SimulatedLabels, Judged]


@dataclass
class Scores:
    """The scores of one detector over all seeds."""

    tallies: Tallies = field(default_factory=dict)
    # Alerts on clean sales by kind, and how long those were.
    false_alerts: Counter[str] = field(default_factory=Counter)
    clean_s: float = 0.0

    def add(
        self,
        found: DetectorAlerts,
        truth: SimulatedLabels,
        judged: Judged,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        """Add one labelled log, as far as these kinds go."""
        labels = {n: one.kind for n, one in truth.labels.items() if n in judged.offsets}
        last_start_ms = (judged.seconds.stop - GRACE_S) * 1_000
        of_seconds = score_seconds(found.seconds, truth.episodes, last_start_ms)
        of_sales = score_sales(found.sales, labels)
        for kind in kinds:
            self.tallies.setdefault(kind, KindScore()).add({**of_sales, **of_seconds}[kind])

    def add_clean(self, found: DetectorAlerts, judged: Judged) -> None:
        """Add one log in which every alert is false."""
        self.false_alerts.update(_kinds(found))
        self.clean_s += len(judged.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        hours = self.clean_s / HOUR_S
        kinds = (*SALE_ALERTS, *SECOND_ALERTS)
        return {
            "kinds": {kind: tally.as_dict() for kind, tally in self.tallies.items()},
            "false_alerts_per_hour": {
                kind: self.false_alerts[kind] / hours if hours else None for kind in kinds
            },
            "false_alerts": {kind: self.false_alerts[kind] for kind in kinds},
            "clean_hours": hours,
        }


def run(settings: Settings, traffics: Sequence[SimulatedTraffic], tell: Tell) -> dict[str, Scores]:
    """Simulate each traffic, with its anomalies and without, and score each detector.

    Raises:
        JobError: Flink refused the SQL.

    """
    scores = {name: Scores() for name in DETECTORS}
    plain = [replace(traffic, anomaly_rate=0.0, episode_every_s=0.0) for traffic in traffics]
    with _laboratory(settings, tell) as ask:
        for found, truth, judged in ask(traffics):
            blind = at_random(found, judged, truth.seed)
            scores["ours"].add(found, truth, judged)
            scores["random"].add(blind, truth, judged)
            # It does not look at the sales: as many alerts on clean ones.
            scores["random"].add_clean(blind, judged)
            for kinds, said in always(judged):
                scores["always"].add(said, truth, judged, kinds)
        for found, _, judged in ask(plain):
            scores["ours"].add_clean(found, judged)
            scores["always"].clean_s += len(judged.seconds)
            for _, said in always(judged):
                scores["always"].false_alerts.update(_kinds(said))
    return scores


def run_clean(settings: Settings, rate: float, hours: float, seed: int, tell: Tell) -> Scores:
    """Count the alerts on clean sales, all of them false.

    Raises:
        JobError: Flink refused the SQL.

    """
    scores, left = Scores(), round(hours * HOUR_S)
    with _laboratory(settings, tell) as ask:
        while left > 0:
            tell(f"clean sales: {left / HOUR_S:.1f} of {hours:g} hours left")
            length = min(PIECE_S, left)
            # The warm-up is not part of the hours that were asked for.
            for found, _, judged in ask(
                [SimulatedTraffic(rate, length + WARM_UP_S, seed, 0.0, 0.0)]
            ):
                scores.add_clean(found, judged)
            left -= length
            seed += 1
    return scores


def at_random(found: DetectorAlerts, judged: Judged, seed: int) -> DetectorAlerts:
    """Return as many alerts of each kind as were found, anywhere."""
    luck = Random(f"baseline {seed}")  # noqa: S311 - a simulation
    kinds = list(found.sales.values())
    places = luck.sample(judged.offsets, len(kinds))
    seconds = [
        SecondAlert(luck.choice(judged.seconds), luck.choice(CATEGORIES), alert.kind)
        for alert in found.seconds
    ]
    return DetectorAlerts(dict(zip(places, kinds, strict=True)), seconds)


def always(judged: Judged) -> Iterator[tuple[Sequence[str], DetectorAlerts]]:
    """Yield every alert there is: of one kind of sale at a time, then of all seconds."""
    for kind in SALE_ALERTS:
        labels = [label for label, alert in ALERT_OF_LABEL.items() if alert == kind != label]
        yield (kind, *labels), DetectorAlerts(dict.fromkeys(judged.offsets, kind), [])
    cells = product(judged.seconds, CATEGORIES, SECOND_ALERTS)
    yield tuple(EPISODE_KINDS), DetectorAlerts({}, list(starmap(SecondAlert, cells)))


def _kinds(found: DetectorAlerts) -> Counter[str]:
    return Counter(found.sales.values()) + Counter(alert.kind for alert in found.seconds)


class _BatchDetection:
    """Simulates traffics and asks the job's SQL about them, in one query."""

    def __init__(self, flink: Batch, settings: Settings, folder: Path, tell: Tell) -> None:
        self._flink = flink
        self._folder = folder
        self._tell = tell
        self._views = list(build.statements(batch.parameters(settings), build.VIEWS))
        self._asked = 0

    def __call__(self, traffics: Sequence[SimulatedTraffic]) -> list[Log]:
        """Return for each what the job finds, the truth, and what of it is scored."""
        self._asked += 1
        log = self._folder / "log.json"
        sales, seconds = (self._folder / f"{name}-{self._asked}" for name in ("sales", "seconds"))
        self._tell(f"simulating {len(traffics)} x {traffics[0].seconds} s")
        truths = simulate(traffics, log)
        self._tell("running the job's SQL")
        self._flink.run([*sale_log(log), *self._views, *_answers(sales, seconds)])
        found_sales, found_seconds = list(rows(sales)), list(rows(seconds))
        answers = []
        for partition, truth in enumerate(truths):
            judged = Judged.of(truth)
            mine = [row for row in found_sales if row["kafka_partition"] == partition]
            kinds = {row["kafka_offset"]: row["kind"] for row in mine}
            found = DetectorAlerts(
                {offset: kind for offset, kind in kinds.items() if offset in judged.offsets},
                [SecondAlert(**r) for r in found_seconds if r["second"] in judged.seconds],
            )
            answers.append((found, truth, judged))
        return answers


def _answers(sales: Path, seconds: Path) -> Iterator[str]:
    """Yield the statements that write what is found to two folders."""
    yield files_table("found_sale", "kafka_partition INT, kafka_offset BIGINT, kind STRING", sales)
    yield files_table("found_second", "`second` INT, category STRING, kind STRING", seconds)
    yield "INSERT INTO found_sale SELECT kafka_partition, kafka_offset, kind FROM sale_outlier"
    second = SECOND.format("window_start")
    yield f"INSERT INTO found_second SELECT {second}, category, kind FROM traffic_outlier"  # noqa: S608


@contextlib.contextmanager
def _laboratory(settings: Settings, tell: Tell) -> Iterator[_BatchDetection]:
    """Start the process that runs SQL, with a folder for its files, for the length of a block."""
    with TemporaryDirectory(prefix="spaf-detection-") as name:
        folder = Path(name)
        with batch.running(folder / "flink.log") as flink:
            yield _BatchDetection(flink, settings, folder, tell)
