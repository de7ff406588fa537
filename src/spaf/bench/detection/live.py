"""Detection delay of the running pipeline: from an anomalous sale to its alert in PostgreSQL.

The delay of a sale has two reference times: when the sale was due, and when its own row of
sales_summary first included it in PostgreSQL. `detected_at` is the database's clock at the insert.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from spaf.bench.detection.options import ANOMALY_RATE_OPTION, EPISODE_EVERY_OPTION
from spaf.bench.progress import Progress
from spaf.bench.run.load import offered
from spaf.bench.run.outcome import Measurement
from spaf.bench.run.rates import measure_load
from spaf.bench.scenario import RATE_OPTION, Result, Scenario, Seconds, Table, option
from spaf.generate.anomalies.anomaly import EpisodeLabel, Label, read_labels
from spaf.generate.anomalies.ground_truth import SecondAlert, beginning, is_about
from spaf.measure.latency import Stamps
from spaf.measure.quantiles import Quantiles, quantiles
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.range_reader import read


class _StampedSale(msgspec.Struct, rename="camel"):
    """The fields of a sale that identify its label and its latency."""

    transaction_id: str
    intended_at: int


class DetectedSales(msgspec.Struct, frozen=True):
    """Delays of the labelled sales."""

    labelled: int
    found: int
    after_due_ms: Quantiles | None
    after_visible_ms: Quantiles | None


class DetectedEpisodes(msgspec.Struct, frozen=True):
    """Delays of the episodes of one kind."""

    labelled: int
    found: int
    after_start_ms: Quantiles | None


class DetectionDelayResult(Result, frozen=True):
    """The delays of one run, and whether the run is valid."""

    rate: float
    valid: bool
    reasons: list[str]
    warm_up_s: float
    sales: DetectedSales
    episodes: dict[str, DetectedEpisodes]

    def tables(self) -> Iterable[Table]:
        """Return a row for the sales by each reference time, and one a kind of episode."""
        sales = self.sales
        delays = [
            ("labelled sale, after due", sales.labelled, sales.after_due_ms),
            ("labelled sale, after visible", sales.labelled, sales.after_visible_ms),
        ]
        delays += [
            (f"{kind}, after its start", episode.labelled, episode.after_start_ms)
            for kind, episode in self.episodes.items()
        ]
        rows = [
            (
                name,
                labelled,
                delay and delay.count,
                delay and delay.p50,
                delay and delay.p99,
                delay and delay.max,
            )
            for name, labelled, delay in delays
        ]
        return [Table("", ("delay", "labelled", "found", "p50 ms", "p99 ms", "max ms"), rows)]


class DetectionDelayScenario(Scenario, frozen=True):
    """Sell with anomalies through the whole stack; measure how soon each alert is in PostgreSQL."""

    rate: Annotated[float, RATE_OPTION] = 100.0
    seconds: Annotated[Seconds, option("How long to sell.", flag="--for")] = Seconds(600)
    anomaly_rate: Annotated[float, ANOMALY_RATE_OPTION] = 0.002
    episode_every: Annotated[float, EPISODE_EVERY_OPTION] = 30.0

    def measure_run(self, run: Run, progress: Progress) -> DetectionDelayResult:
        """Sell with anomalies, verify everything, and join the labels with the alerts."""
        load_spec = offered(run, anomaly_rate=self.anomaly_rate, episode_every_s=self.episode_every)
        with Measurement.start(run) as measurement:
            begin = dict(measurement.begin)
            outcome = measure_load(measurement, load_spec, self.rate, self.seconds, progress)
        due_us = _due_us(run, begin)
        labels = read_labels(Path(load_spec.labels)) if load_spec.labels else ([], [])
        with run.access.session(Role.READ) as connection:
            alerts = queries.sale_detections(connection), queries.traffic_detections(connection)
        sales, episodes = join(outcome.measured, due_us, labels, alerts)
        return DetectionDelayResult(
            outcome.load.rate,
            not outcome.reasons,
            outcome.reasons,
            outcome.warm_up_s,
            sales,
            episodes,
        )


def _due_us(run: Run, begin: dict[int, int]) -> dict[str, int]:
    """Return the due time of each sale of the run, by its id, microseconds."""
    due_us = {}
    for record in read(run.kafka, run.topic, begin, run.end_offsets()):
        sale = msgspec.json.decode(record.value or b"{}", type=_StampedSale)
        due_us[sale.transaction_id] = sale.intended_at
    return due_us


def join(
    measured: Stamps,
    due_us: dict[str, int],
    labels: tuple[list[Label], list[EpisodeLabel]],
    alerts: tuple[list[tuple[str, int]], list[tuple[int, str, str, int]]],
) -> tuple[DetectedSales, dict[str, DetectedEpisodes]]:
    """Join labels with alerts.

    Args:
        measured: stamps of the sales after the warm-up, in the order of their due times.
        due_us: due time by transaction id.
        labels: of sales and of episodes; those before the first measured sale are left out.
        alerts: of sales as (transaction id, detected µs), of seconds as (second, category, kind,
            detected µs).

    """
    first_us = int(measured.intended[0]) if measured.intended.size else 0
    sales = _join_sales(measured, due_us, labels[0], alerts[0], first_us)
    measured_episodes = [label for label in labels[1] if label.start_ms * 1_000 >= first_us]
    return sales, _join_episodes(measured_episodes, alerts[1])


def _join_sales(
    measured: Stamps,
    due_us: dict[str, int],
    labels: list[Label],
    alerts: list[tuple[str, int]],
    first_us: int,
) -> DetectedSales:
    ids = (label.transaction_id for label in labels)
    labelled = {sale_id for sale_id in ids if due_us.get(sale_id, 0) >= first_us}
    after_due, after_visible = [], []
    for transaction_id, detected_us in alerts:
        if transaction_id in labelled:
            index = int(np.searchsorted(measured.intended, due_us[transaction_id]))
            after_due.append(detected_us - due_us[transaction_id])
            after_visible.append(detected_us - int(measured.visible[index]))
    return DetectedSales(
        len(labelled), len(after_due), _quantiles(after_due), _quantiles(after_visible)
    )


def _join_episodes(
    episodes: list[EpisodeLabel], alerts: list[tuple[int, str, str, int]]
) -> dict[str, DetectedEpisodes]:
    labelled = Counter(episode.kind for episode in episodes)
    delays: defaultdict[str, list[int]] = defaultdict(list)
    for episode in episodes:
        hits = [
            detected_us
            for second, category, kind, detected_us in alerts
            if kind == beginning(episode) and is_about(SecondAlert(second, category, kind), episode)
        ]
        if hits:
            delays[episode.kind].append(min(hits) - episode.start_ms * 1_000)
    return {
        kind: DetectedEpisodes(count, len(delays[kind]), _quantiles(delays[kind]))
        for kind, count in labelled.items()
    }


def _quantiles(delays_us: list[int]) -> Quantiles | None:
    return quantiles(np.array(delays_us, dtype=np.int64))
