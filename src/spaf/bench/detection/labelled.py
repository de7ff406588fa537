"""Detection quality: labelled sales, the job's own SQL over them, scores with intervals.

Two baselines do not read the sales: `random` raises as many alerts of each kind as ours, at random
places, and `always` raises every possible alert.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product, starmap
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple, Self

import msgspec
from msgspec.structs import replace

from spaf.bench.detection import batch, least_delay
from spaf.bench.detection.batch import Batch, files_table, rows, sale_log, statement
from spaf.bench.detection.labelled_series import score_corpus
from spaf.bench.detection.least_delay import DroughtDelays, drought_delays
from spaf.bench.detection.options import ANOMALY_RATE_OPTION, EPISODE_EVERY_OPTION
from spaf.bench.detection.score import (
    KindMetrics,
    KindScore,
    Tallies,
    score_sales,
    score_seconds,
)
from spaf.bench.detection.simulate import SimulatedLabels, SimulatedTraffic, simulate
from spaf.bench.progress import Progress
from spaf.bench.scenario import RATE_OPTION, Result, Scenario, Seconds, SeedRange, Table, option
from spaf.generate.anomalies.anomaly import DROUGHT
from spaf.generate.anomalies.episode import EPISODE_KINDS
from spaf.generate.anomalies.ground_truth import GRACE_S, SALE_ALERTS, SECOND_ALERTS, SecondAlert
from spaf.generate.shop import catalogue
from spaf.generate.shop.assortment import CATEGORIES
from spaf.job import build
from spaf.sale.anomaly_kinds import ALERT_OF_LABEL, WINDOW_KINDS
from spaf.settings import Settings
from spaf.stack.control import Watcher

# Sales and seconds before this are history and are not scored. The first episode begins no earlier.
WARM_UP_S = 60
HOUR_S = 3_600
# Clean sales are simulated in pieces of this length, so that their file stays below 2 GB at
# 100 sales/s. Each piece has its own seed and warm-up.
PIECE_S = 6 * HOUR_S
OURS = "ours"
WINDOW_ALERTS = tuple(kind.name for kind in WINDOW_KINDS)
COLUMNS = (
    *("kind", "precision", "recall", "F1", "delay p50 ms", "p99"),
    *("labelled", "alerts"),
)
DETECTORS = (OURS, "random", "always")
KINDS = (
    *SALE_ALERTS,
    *(label for label in ALERT_OF_LABEL if label not in SALE_ALERTS),
    *EPISODE_KINDS,
)


class DetectorAlerts(NamedTuple):
    """The alerts of a detector on one log: kind by offset, and unusual seconds."""

    sales: dict[int, str]
    seconds: list[SecondAlert]


class ScoredPart(NamedTuple):
    """The part of a log that is scored: after the warm-up, before the seconds of the next log."""

    offsets: range
    seconds: range

    @classmethod
    def of(cls, truth: SimulatedLabels) -> Self:
        """Return the scored part of a log."""
        seconds = range(truth.start_s + WARM_UP_S, truth.start_s + truth.length_s)
        return cls(range(bisect_left(truth.seconds, seconds.start), len(truth.seconds)), seconds)


ScoredLog = tuple[DetectorAlerts, SimulatedLabels, ScoredPart]


class Scores(msgspec.Struct):
    """The counts of one detector over all seeds."""

    tallies: Tallies = {}
    # Alerts on clean sales by kind, and how long those were.
    false_alerts: Counter[str] = msgspec.field(default_factory=Counter)
    clean_s: float = 0.0

    def add(
        self,
        alerts: DetectorAlerts,
        truth: SimulatedLabels,
        scored: ScoredPart,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        """Add the alerts of these kinds on one labelled log."""
        labels = {n: label.kind for n, label in truth.labels.items() if n in scored.offsets}
        last_start_ms = (scored.seconds.stop - GRACE_S) * 1_000
        of_seconds = score_seconds(alerts.seconds, truth.episodes, last_start_ms)
        of_sales = score_sales(alerts.sales, labels)
        for kind in kinds:
            self.tallies.setdefault(kind, KindScore()).add({**of_sales, **of_seconds}[kind])

    def add_clean(self, alerts: DetectorAlerts, scored: ScoredPart) -> None:
        """Add one log in which every alert is false."""
        self.false_alerts.update(_kinds(alerts))
        self.clean_s += len(scored.seconds)


class DetectorResult(Result, frozen=True):
    """The scores of one detector."""

    kinds: dict[str, KindMetrics]
    false_alerts_per_hour: dict[str, float | None]
    false_alerts: dict[str, int]
    clean_hours: float

    @classmethod
    def of(cls, scores: Scores, **fields: Any) -> Self:
        """Return the metrics that follow from the counts; `fields` are those of a subclass."""
        hours = scores.clean_s / HOUR_S
        counts = {kind: scores.false_alerts[kind] for kind in (*SALE_ALERTS, *WINDOW_ALERTS)}
        return cls(
            {kind: KindMetrics.of(tally) for kind, tally in scores.tallies.items()},
            {kind: count / hours if hours else None for kind, count in counts.items()},
            counts,
            hours,
            **fields,
        )

    def rows(self) -> list[tuple[Any, ...]]:
        """Return a row a kind."""
        metrics = [(kind, self.kinds[kind]) for kind in KINDS if kind in self.kinds]
        return [
            (
                kind,
                *("" if share is None else f"{share:.3f}" for share in metric.shares()),
                metric.delay_ms_p50,
                metric.delay_ms_p99,
                metric.labelled,
                metric.alerts,
            )
            for kind, metric in metrics
        ]

    def summary(self) -> str:
        """Return the false alerts on clean sales."""
        counts = ", ".join(f"{kind} {count:,}" for kind, count in self.false_alerts.items())
        return f"false alerts in {self.clean_hours:.1f} h of clean sales: {counts}"


class DetectionResult(DetectorResult, frozen=True, kw_only=True):
    """The scores of the job's rules, and those of the baselines."""

    rate: float
    seeds: str
    random: DetectorResult
    always: DetectorResult
    drought_delays: list[DroughtDelays]
    """Of the job's rules, and the least possible; by category, then of all."""

    def detectors(self) -> dict[str, DetectorResult]:
        """Return the scores by the name of the detector."""
        return dict(zip(DETECTORS, (self, self.random, self.always), strict=True))

    def tables(self) -> Iterable[Table]:
        """Return a table a detector, then the delays of droughts."""
        for name, detector in self.detectors().items():
            yield Table(name, COLUMNS, detector.rows())
        yield least_delay.table(self.drought_delays)

    def summary(self) -> str:
        """Return the false alerts of each detector, a line each."""
        detectors = self.detectors().items()
        return "\n".join(
            f"{name}: {DetectorResult.summary(detector)}" for name, detector in detectors
        )


class DetectionScenario(Scenario, frozen=True):
    """Score the job's anomaly rules on simulated sales with known anomalies; needs no stack.

    The job's own SQL runs over the generator's sales in batch. Two baselines are scored with it:
    `random`, as many alerts at random places, and `always`, every possible alert. The same seeds
    without anomalies give the false alerts an hour. The delay of droughts is compared with the
    least one that any rule with one false alert a day could have.

    With --series, the rule for series is scored on a corpus of labelled series instead.
    """

    seeds: Annotated[
        SeedRange, option("Seeds that are scored, as 101-120 or 7; 1-20 chose the thresholds.")
    ] = range(101, 121)
    rate: Annotated[float, RATE_OPTION] = 100.0
    seconds: Annotated[
        Seconds,
        option("Simulated time of each seed, its first minute dropped.", flag="--for"),
    ] = Seconds(600)
    anomaly_rate: Annotated[float, ANOMALY_RATE_OPTION] = 0.002
    episode_every: Annotated[float, EPISODE_EVERY_OPTION] = 30.0
    series: Annotated[
        Path | None,
        option("Folder of a corpus of series (data/**.csv, labels/combined_windows.json)."),
    ] = None

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> Result:  # noqa: ARG002 - no run
        """Simulate the seeds and score each detector, or score the rule for series on a corpus."""
        if self.series is not None:
            return score_corpus(settings, self.series, progress)
        traffics = [
            SimulatedTraffic(
                self.rate, int(self.seconds), seed, self.anomaly_rate, self.episode_every
            )
            for seed in self.seeds
        ]
        scores = score(settings, traffics, progress)
        shares = catalogue.build(self.seeds[0]).category_shares()
        rates = {category: self.rate * share for category, share in shares.items()}
        return DetectionResult.of(
            scores[OURS],
            drought_delays=drought_delays(scores[OURS].tallies[DROUGHT].delays, rates),
            rate=self.rate,
            seeds=f"{self.seeds[0]}-{self.seeds[-1]}",
            random=DetectorResult.of(scores["random"]),
            always=DetectorResult.of(scores["always"]),
        )


class FalseAlertsResult(DetectorResult, frozen=True, kw_only=True):
    """The alerts of the job's rules on clean sales; no kind is scored."""

    rate: float
    seed: int


class FalseAlertsScenario(Scenario, frozen=True):
    """Count the alerts of the job's rules on simulated sales without anomalies; needs no stack."""

    hours: Annotated[float, option("Simulated hours.", ge=0.1, le=168)] = 24.0
    rate: Annotated[float, RATE_OPTION] = 100.0
    seed: Annotated[
        int, option("Seed of the first six hours; the next ones have the next seeds.", ge=0)
    ] = 201

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> FalseAlertsResult:  # noqa: ARG002 - no run
        """Simulate the hours and count the alerts, all of them false."""
        scores = count_false_alerts(settings, self.rate, self.hours, self.seed, progress)
        return FalseAlertsResult.of(scores, rate=self.rate, seed=self.seed)


def score(
    settings: Settings, traffics: Sequence[SimulatedTraffic], progress: Progress
) -> dict[str, Scores]:
    """Simulate each traffic, with its anomalies and without, and score each detector.

    Raises:
        JobError: Flink refused the SQL.

    """
    scores = {name: Scores() for name in DETECTORS}
    clean = [replace(traffic, anomaly_rate=0.0, episode_every_s=0.0) for traffic in traffics]
    with _batch_detection(settings, progress) as detect:
        for alerts, truth, scored in detect(traffics):
            random_alerts = at_random(alerts, scored, truth.seed)
            scores[OURS].add(alerts, truth, scored)
            scores["random"].add(random_alerts, truth, scored)
            # It does not read the sales: on clean ones it raises as many alerts.
            scores["random"].add_clean(random_alerts, scored)
            for kinds, every_alert in always(scored):
                scores["always"].add(every_alert, truth, scored, kinds)
        for alerts, _, scored in detect(clean):
            scores[OURS].add_clean(alerts, scored)
            scores["always"].clean_s += len(scored.seconds)
            for _, every_alert in always(scored):
                scores["always"].false_alerts.update(_kinds(every_alert))
    return scores


def count_false_alerts(
    settings: Settings, rate: float, hours: float, seed: int, progress: Progress
) -> Scores:
    """Count the alerts on clean sales, all of them false.

    Raises:
        JobError: Flink refused the SQL.

    """
    scores, remaining_s = Scores(), round(hours * HOUR_S)
    with _batch_detection(settings, progress) as detect:
        while remaining_s > 0:
            progress(f"clean sales: {remaining_s / HOUR_S:.1f} of {hours:g} hours left")
            length_s = min(PIECE_S, remaining_s)
            # The warm-up is not part of the hours that were asked for.
            traffic = SimulatedTraffic(rate, length_s + WARM_UP_S, seed, 0.0, 0.0)
            for alerts, _, scored in detect([traffic], minutes=True):
                scores.add_clean(alerts, scored)
            remaining_s -= length_s
            seed += 1
    return scores


def at_random(alerts: DetectorAlerts, scored: ScoredPart, seed: int) -> DetectorAlerts:
    """Return as many alerts of each kind, at random places."""
    rng = Random(f"baseline {seed}")  # noqa: S311 - a simulation
    kinds = list(alerts.sales.values())
    offsets = rng.sample(scored.offsets, len(kinds))
    seconds = [
        SecondAlert(rng.choice(scored.seconds), rng.choice(CATEGORIES), alert.kind)
        for alert in alerts.seconds
    ]
    return DetectorAlerts(dict(zip(offsets, kinds, strict=True)), seconds)


def always(scored: ScoredPart) -> Iterator[tuple[Sequence[str], DetectorAlerts]]:
    """Yield every possible alert: of one kind of sale at a time, then of all seconds."""
    for kind in SALE_ALERTS:
        labels = [label for label, alert in ALERT_OF_LABEL.items() if alert == kind != label]
        yield (kind, *labels), DetectorAlerts(dict.fromkeys(scored.offsets, kind), [])
    cells = product(scored.seconds, CATEGORIES, SECOND_ALERTS)
    yield tuple(EPISODE_KINDS), DetectorAlerts({}, list(starmap(SecondAlert, cells)))


def _kinds(alerts: DetectorAlerts) -> Counter[str]:
    return Counter(alerts.sales.values()) + Counter(alert.kind for alert in alerts.seconds)


class _BatchDetection:
    """Simulates traffics and runs the job's SQL over them, in one query."""

    def __init__(self, flink: Batch, settings: Settings, folder: Path, progress: Progress) -> None:
        self._flink = flink
        self._folder = folder
        self._progress = progress
        self._views = list(build.statements(batch.parameters(settings), build.VIEWS))
        self._queries = 0

    def __call__(
        self, traffics: Sequence[SimulatedTraffic], *, minutes: bool = False
    ) -> list[ScoredLog]:
        """Return the alerts, the labels and the scored part of each traffic.

        Args:
            traffics: simulated one after the other, in one query.
            minutes: whether the alerts on minutes are included; several shops that follow each
                other have no common history of minutes.

        """
        self._queries += 1
        log = self._folder / "log.json"
        sales, seconds = (self._folder / f"{name}-{self._queries}" for name in ("sales", "seconds"))
        self._progress(f"simulating {len(traffics)} x {traffics[0].seconds} s")
        truths = simulate(traffics, log)
        self._progress("running the job's SQL")
        inserts = _statements(sales, seconds, minutes=minutes)
        self._flink.run([*sale_log(log), *self._views, *inserts])
        sale_rows, second_rows = list(rows(sales)), list(rows(seconds))
        logs = []
        for partition, truth in enumerate(truths):
            scored = ScoredPart.of(truth)
            kinds = {
                row["kafka_offset"]: row["kind"]
                for row in sale_rows
                if row["kafka_partition"] == partition
            }
            alerts = DetectorAlerts(
                {offset: kind for offset, kind in kinds.items() if offset in scored.offsets},
                [SecondAlert(**row) for row in second_rows if row["second"] in scored.seconds],
            )
            logs.append((alerts, truth, scored))
        return logs


def _statements(sales: Path, seconds: Path, *, minutes: bool) -> Iterator[str]:
    """Yield the statements that write the alerts to two folders."""
    yield files_table("found_sale", "kafka_partition INT, kafka_offset BIGINT, kind STRING", sales)
    yield files_table("found_second", "`second` INT, category STRING, kind STRING", seconds)
    yield statement("insert_sale_alerts")
    yield statement("insert_window_alerts" if minutes else "insert_traffic_alerts")


@contextlib.contextmanager
def _batch_detection(settings: Settings, progress: Progress) -> Iterator[_BatchDetection]:
    """Run a Flink process, with a folder for its files, while the block runs."""
    with TemporaryDirectory(prefix="spaf-detection-") as name:
        folder = Path(name)
        with batch.running(folder / "flink.log") as flink:
            yield _BatchDetection(flink, settings, folder, progress)
