"""The generator's sales without Kafka: a file with the rows of the log, in simulated time."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import BinaryIO

import msgspec

from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
from spaf.generate.shop import catalogue
from spaf.generate.shop.schedule import MICROSECONDS, Schedule
from spaf.generate.shop.stream import SaleStream

# Begin of the simulated time; any whole second would do.
START_US = 1_767_225_600_000_000
# From the due time to the broker's append time: minimum, and mean of the exponential rest. Taken
# from `spaf bench rates` at 100 sales/s. Append times never decrease.
MIN_DELAY_US = 500
MEAN_DELAY_US = 1_500


class SimulatedTraffic(msgspec.Struct, frozen=True):
    """A simulation: rate in sales a second, length in whole seconds."""

    rate: float
    seconds: int
    seed: int
    anomaly_rate: float
    episode_every_s: float


class SimulatedLabels(msgspec.Struct):
    """The labels of one partition of the log."""

    seed: int
    # First second of its sales, epoch seconds, and how many there are of them.
    start_s: int
    length_s: int
    # The label of each anomalous sale by its offset, and the episodes.
    labels: dict[int, Label] = {}
    episodes: list[EpisodeLabel] = []
    # Append second of each sale, by offset.
    seconds: list[int] = []


def simulate(traffics: Sequence[SimulatedTraffic], file: Path) -> list[SimulatedLabels]:
    """Write the sales to a file of JSON lines, and return the labels of each traffic.

    Each traffic has its own partition, so that no shop is the history of another, and the traffics
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
    rng = Random(f"arrival {traffic.seed}")  # noqa: S311 - a simulation
    rate = Fraction(str(traffic.rate))
    schedule = Schedule(start_us, rate)
    truth = SimulatedLabels(traffic.seed, start_us // MICROSECONDS, traffic.seconds)
    append_us = start_us
    for slot in range(int(rate * traffic.seconds)):
        due_us = schedule.due_us(slot)
        delay_us = MIN_DELAY_US + rng.expovariate(1 / MEAN_DELAY_US)
        append_us = max(append_us, due_us + int(delay_us))
        for value, label in stream.sales(due_us, due_us):
            if isinstance(label, EpisodeLabel):
                truth.episodes.append(label)
                continue
            offset = len(truth.seconds)
            if label is not None:
                truth.labels[offset] = label
            truth.seconds.append(append_us // MICROSECONDS)
            out.write(_LOG_COLUMNS % (partition, offset, append_us // 1_000) + value[1:] + b"\n")
    return truth


_LOG_COLUMNS = b'{"kafka_partition":%d,"kafka_offset":%d,"append_ms":%d,'
