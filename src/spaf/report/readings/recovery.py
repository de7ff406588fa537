"""The faults that were made, by kind and target, of all records of `spaf chaos`."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from spaf.chaos.faults.network import LINK
from spaf.chaos.outcome import SHARE_P95, quantile
from spaf.errors import FigureError
from spaf.report.figures import Figures

CHAOS = "chaos"

Faults = Sequence[Mapping[str, Any]]


class FaultGroup(NamedTuple):
    """The faults of one kind and target."""

    kind: str
    target: str
    faults: Faults

    @property
    def made(self) -> Faults:
        """Those that took place."""
        return [fault for fault in self.faults if fault.get("made", True)]

    @property
    def error(self) -> str:
        """Why none of them could be made; empty if one was."""
        return "" if self.made else str(self.faults[0].get("error") or "")

    def seconds(self, field: str = "recovery_s") -> list[float]:
        """Return the times of a field in order, of the faults that have one."""
        return sorted(float(fault[field]) for fault in self.made if fault.get(field) is not None)

    def median(self, field: str = "recovery_s") -> float | None:
        """Return the median of a time; None if no fault has one."""
        times = self.seconds(field)
        return statistics.median(times) if times else None

    @property
    def p95(self) -> float | None:
        """The recovery time that 95 of 100 faults did not exceed."""
        return quantile(self.seconds(), SHARE_P95)

    def total(self, field: str) -> int:
        """Return the sum of a count."""
        return sum(int(fault.get(field) or 0) for fault in self.made)

    def said(self, who: str) -> str:
        """Return what `status` or the `page` said first most often; empty if nothing."""
        texts = [text for fault in self.made if (text := str(fault.get(f"{who}_said") or ""))]
        return statistics.mode(texts) if texts else ""


def fault_groups(figures: Figures) -> list[FaultGroup]:
    """Return all faults by kind and target; those of a kind on any link together: there are many.

    Raises:
        FigureError: there is no valid result.

    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in figures.results(CHAOS):
        for fault in result["faults"]:
            target = "" if LINK in fault["target"] else fault["target"]
            groups.setdefault((fault["kind"], target), []).append(fault)
    return [FaultGroup(*name, faults) for name, faults in groups.items()]


def recovery_p95(figures: Figures, kind: str, target: str) -> float:
    """Return the recovery time that 95 of 100 faults of a kind and target did not exceed.

    Raises:
        FigureError: there is no such fault.

    """
    p95 = _p95_of(fault_groups(figures), kind, target)
    if p95 is None:
        what = f"The result of `spaf {CHAOS}` has no {kind} of {target}."
        raise FigureError(what, code="no_value", scenario=CHAOS, path=f"{kind} {target}")
    return p95


def _p95_of(groups: Iterable[FaultGroup], kind: str, target: str) -> float | None:
    return next(
        (group.p95 for group in groups if (group.kind, group.target) == (kind, target)), None
    )
