"""The generator's sales without Kafka: written as the log would hold them, in simulated time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import BinaryIO

from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
from spaf.generate.shop import catalogue
from spaf.generate.shop.schedule import MICROSECONDS, Schedule
from spaf.generate.shop.stream import SaleStream

# Simulated time begins here, epoch microseconds: any whole second does.
START_US = 1_767_225_600_000_000
# From due to the broker's stamp: never less than the first, on average the second more. Taken from
# `spaf bench rates` at 100 sales/s; append times never step back. Microseconds.
LEAST_DELAY_US = 500
MEAN_DELAY_US = 1_500


@dataclass(frozen=True)
class SimulatedTraffic:
    """What is simulated: rate in sales a second, length in whole seconds."""

    rate: float
    seconds: int
    seed: int
    anomaly_rate: float
    episode_every_s: float


@dataclass
class SimulatedLabels:
    """What is in one partition of the log."""

    seed: int
    # First second of its sales, epoch seconds, and how many there are of them.
    start_s: int
    length_s: int
    # The label of each anomalous sale by its offset, and the episodes.
    labels: dict[int, Label] = field(default_factory=dict)
    episodes: list[EpisodeLabel] = field(default_factory=list)
    # Append second of each sale, by offset.
    seconds: list[int] = field(default_factory=list)


def simulate(traffics: Sequence[SimulatedTraffic], file: Path) -> list[SimulatedLabels]:
    """Write the sales to a file of JSON lines, and return the truth about each traffic.

    Each traffic has a partition of its own, so that no shop is the history of another, and they
    follow each other in time. The same traffics write the same file.
    """
    start_us, truths = START_US, []
    with file.open("wb") as out:
        for partition, traffic in enumerate(traffics):
            truths.append(_simulate(traffic, partition, start_us, out))
            start_us += int(traffic.seconds) * MICROSECONDS
    return truths


def _simulate(
    traffic: SimulatedTraffic, partition: int, start_us: int, out: BinaryIO
) -> SimulatedLabels:
    stream = SaleStream(
        catalogue.build(traffic.seed),
        seed=traffic.seed,
        run_id="lab",
        currencies=("BRL",),
        anomaly_rate=traffic.anomaly_rate,
        episode_every_s=traffic.episode_every_s,
    )
    luck = Random(f"arrival {traffic.seed}")  # noqa: S311 - a simulation
    rate = Fraction(str(traffic.rate))
    schedule = Schedule(start_us, rate)
    truth = SimulatedLabels(traffic.seed, start_us // MICROSECONDS, traffic.seconds)
    append_us = start_us
    for slot in range(int(rate * traffic.seconds)):
        due_us = schedule.due_us(slot)
        delay_us = LEAST_DELAY_US + luck.expovariate(1 / MEAN_DELAY_US)
        append_us = max(append_us, due_us + int(delay_us))
        for value, label in stream.sales(due_us, due_us):
            if isinstance(label, EpisodeLabel):
                truth.episodes.append(label)
                continue
            offset = len(truth.seconds)
            if label is not None:
                truth.labels[offset] = label
            truth.seconds.append(append_us // MICROSECONDS)
            out.write(_PLACE % (partition, offset, append_us // 1_000) + value[1:] + b"\n")
    return truth


_PLACE = b'{"kafka_partition":%d,"kafka_offset":%d,"append_ms":%d,'
