"""The measurements of one program, which become its row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spaf.bench.peers.compared import ComparedProgram
from spaf.bench.peers.drain import DrainSample, FullTopic, PeerDrain, drain_once, kill_in_drain
from spaf.bench.peers.live import measure_live
from spaf.bench.peers.result import PeerRow
from spaf.bench.progress import Progress
from spaf.errors import SpafError
from spaf.stack.run import Run

# The faster one first: it warms the code.
RATES = (1_000.0, 100.0)


class PeerMeasurement:
    """The figures of a program, as they come."""

    def __init__(self, compared: ComparedProgram) -> None:
        """Begin without any."""
        self.compared = compared
        self.drains: list[DrainSample] = []
        self.found: dict[str, Any] = {}
        self.errors: list[str] = []
        self.failed = False
        self.memory_mib = 0.0

    @property
    def drains_whole(self) -> bool:
        """Whether the program has drained the topic within its time."""
        return bool(self.drains) and self.drains[-1].deviation is not None

    def attempt(self, measure: Callable[[], None]) -> None:
        """Measure a part; a failure is the row's error, and the parts after it are not tried."""
        if self.failed:
            return
        try:
            measure()
        except SpafError as error:
            self.failed = True
            self.errors.append(error.what)

    def row(self) -> PeerRow:
        """Return the row."""
        compared = self.compared
        drain = PeerDrain.of(self.drains) if self.drains else None
        return PeerRow(
            compared.version,
            compared.lines(),
            compared.settings,
            drain,
            memory_mib=round(self.memory_mib, 1) or None,
            error="; ".join(dict.fromkeys(self.errors)) or None,
            **self.found,
        )


def measure_drain(row: PeerMeasurement, topic: FullTopic, cap_s: float, progress: Progress) -> None:
    """Drain a full topic once more; a drain that is ended after `cap_s` is not repeated.

    Raises:
        SpafError: the program cannot be started, has ended, or counts nothing more.

    """
    if row.drains and not row.drains_whole:
        return
    sample = drain_once(row.compared, topic, cap_s, progress)
    row.memory_mib = max(row.memory_mib, sample.memory_mib)
    if sample.reasons:
        row.errors += [f"drain: {reason}" for reason in sample.reasons]
    else:
        row.drains.append(sample)


def measure_load(
    row: PeerMeasurement, run: Run, seconds: tuple[float, float], progress: Progress
) -> None:
    """Sell at each rate, and send bad records.

    Raises:
        SpafError: the program cannot be started, or has ended.

    """
    live = measure_live(row.compared, run, RATES, seconds, progress)
    row.memory_mib = max(row.memory_mib, live.memory_mib)
    row.found |= {"latency": live.latency or None, "bad_record": live.bad_record}
    row.errors += live.reasons


def measure_kill(row: PeerMeasurement, topic: FullTopic, cap_s: float, progress: Progress) -> None:
    """Kill the program in a drain.

    Raises:
        SpafError: the program cannot be started, has ended, or counts nothing more.

    """
    row.found["after_kill"] = kill_in_drain(row.compared, topic, cap_s, progress)
