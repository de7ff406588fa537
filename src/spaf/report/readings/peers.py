"""The comparison with other programs: ours first, then the others, the fastest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from spaf.bench.peers.result import OWN
from spaf.report.figures import Figures

PEERS = "bench peers"
SPEED = "events_per_second"


class PeerReading(NamedTuple):
    """One program of the comparison."""

    name: str
    measured: Mapping[str, Any]

    @property
    def ours(self) -> bool:
        """Whether it is SPAF."""
        return self.name in OWN

    @property
    def error(self) -> str:
        """Why it could not be measured; empty if it was."""
        return str(self.measured.get("error") or "")

    def drain(self, figure: str) -> float | None:
        """Return a figure of its drain; None if it has none, or its rows were wrong."""
        drain = self.measured.get("drain") or {}
        value = None if drain.get("exact") is False else drain.get(figure)
        return None if value is None else float(value)

    @property
    def ended_early(self) -> bool:
        """Whether its drain was ended before its end: its figures are those until then."""
        return (self.measured.get("drain") or {}).get("complete") is False

    def latency(self, rate: str, quantile: str) -> float | None:
        """Return a quantile of its latency at a rate, milliseconds."""
        value = ((self.measured.get("latency") or {}).get(rate) or {}).get(quantile)
        return None if value is None else float(value)

    def text(self, key: str) -> str:
        """Return a text of the record."""
        value = self.measured.get(key)
        return "" if value is None else str(value)

    @classmethod
    def all_of(cls, figures: Figures) -> list[Self]:
        """Return every program.

        Raises:
            FigureError: there is no valid result.

        """
        measured: Mapping[str, Mapping[str, Any]] = figures.result(PEERS)["peers"]
        readings = [cls(name, result) for name, result in measured.items()]
        return sorted(
            readings, key=lambda reading: (not reading.ours, -(reading.drain(SPEED) or 0.0))
        )
