"""How soon the running pipeline knows: anomalies sold on purpose, and when their rows were there.

Delays of sales are told against two moments: when the sale was due, and when its own row of
sales_summary first showed it in PostgreSQL. `detected_at` is the database's clock at the insert.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from spaf import clock
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import Measurement, Outcome
from spaf.generate.anomalies.anomaly import EpisodeLabel, Label, read_labels
from spaf.generate.anomalies.ground_truth import SecondAlert, beginning, is_about
from spaf.measure.quantiles import quantiles
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.range_reader import read

Tell = Callable[[str], None]


class _Stamped(msgspec.Struct, rename="camel"):
    """What of a sale ties it to its label and to its latency."""

    transaction_id: str
    intended_at: int


@dataclass(frozen=True)
class LiveDetection:
    """The delays of one run, microseconds, and how many labelled sales and episodes there were."""

    outcome: Outcome
    after_due: list[int]
    after_visible: list[int]
    labelled: int
    episodes: dict[str, list[int]]
    begun: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        outcome = self.outcome
        return {
            "rate": outcome.load.rate,
            "valid": not outcome.reasons,
            "reasons": outcome.reasons,
            "warm_up_s": outcome.warm_up_s,
            "sales": {
                "labelled": self.labelled,
                "found": len(self.after_due),
                "after_due_ms": _told(self.after_due),
                "after_visible_ms": _told(self.after_visible),
            },
            "episodes": {
                kind: {
                    "labelled": begun,
                    "found": len(self.episodes.get(kind, [])),
                    "after_start_ms": _told(self.episodes.get(kind, [])),
                }
                for kind, begun in self.begun.items()
            },
        }


def _told(delays_us: list[int]) -> dict[str, Any] | None:
    found = quantiles(np.array(delays_us, dtype=np.int64))
    return None if found is None else found.as_dict()


@dataclass(frozen=True)
class LiveDetectionLoad:
    """What to sell: sales a second, seconds, share of anomalies, seconds between episodes."""

    rate: float
    seconds: float
    anomaly_rate: float
    episode_every_s: float


def measure(session: Run, wish: LiveDetectionLoad, tell: Tell) -> LiveDetection:
    """Sell with anomalies, verify everything, and tell how soon they were known.

    Raises:
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    what = offered(session, anomaly_rate=wish.anomaly_rate, episode_every_s=wish.episode_every_s)
    with Measurement.start(session) as measurement:
        load = Load(session, what, rate=wish.rate, seconds=wish.seconds)
        began = clock.monotonic()
        while not load.done:
            measurement.sampler.look_now_and_then()
            tell(f"{wish.rate:g} sales/s, {clock.monotonic() - began:.0f} of {wish.seconds:.0f} s")
            clock.sleep(0.1)
        tell("verifying")
        outcome = measurement.finish(load.result())
        begin = measurement.begin
    due = _due(session, dict(begin))
    sales, episodes = read_labels(Path(what.labels)) if what.labels else ([], [])
    first_us = int(outcome.measured.intended[0]) if outcome.measured.intended.size else 0
    with session.access.session(Role.READ) as connection:
        found = queries.sale_detections(connection)
        seconds = queries.second_detections(connection)
    return _joined(outcome, first_us, due, (sales, episodes), (found, seconds))


def _due(session: Run, begin: dict[int, int]) -> dict[str, int]:
    """Return when each sale of the run was due, by its id."""
    due = {}
    for record in read(session.kafka, session.topic, begin, session.end_offsets()):
        sale = msgspec.json.decode(record.value or b"{}", type=_Stamped)
        due[sale.transaction_id] = sale.intended_at
    return due


def _joined(
    outcome: Outcome,
    first_us: int,
    due: dict[str, int],
    labels: tuple[list[Label], list[EpisodeLabel]],
    found: tuple[list[tuple[str, int]], list[tuple[int, str, str, int]]],
) -> LiveDetection:
    """Join labels with rows; what was due before `first_us` is warm-up."""
    labelled = {
        one.transaction_id for one in labels[0] if due.get(one.transaction_id, 0) >= first_us
    }
    intended, visible = outcome.measured.intended, outcome.measured.visible
    after_due, after_visible = [], []
    for name, detected_us in found[0]:
        if name in labelled:
            place = int(np.searchsorted(intended, due[name]))
            after_due.append(detected_us - due[name])
            after_visible.append(detected_us - int(visible[place]))
    begun: dict[str, int] = {}
    delays: dict[str, list[int]] = {}
    for episode in labels[1]:
        if episode.start_ms * 1_000 < first_us:
            continue
        begun[episode.kind] = begun.get(episode.kind, 0) + 1
        hits = [
            detected_us
            for second, category, kind, detected_us in found[1]
            if kind == beginning(episode) and is_about(SecondAlert(second, category, kind), episode)
        ]
        if hits:
            delays.setdefault(episode.kind, []).append(min(hits) - episode.start_ms * 1_000)
    return LiveDetection(outcome, after_due, after_visible, len(labelled), delays, begun)
