"""The outcome of each fault, and of all faults of a plan."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any, Self

import msgspec

from spaf.bench.scenario import Result, Table
from spaf.chaos.growth import LongRunGrowth
from spaf.chaos.plan import PlannedFault

SHARE_P95 = 0.95
SHOWN_CHARS = 60


class FaultOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One fault; seconds are counted from its injection."""

    number: int
    kind: str
    target: str
    made: bool
    """Whether it took place; `error` says why not."""
    held_s: float = 0.0
    recovery_s: float | None = None
    """Until the rows were current again; 0 if they always were, None if they were not in time."""
    after_lift_s: float | None = None
    """The same, from the moment when the fault was lifted."""
    healthy_s: float | None = None
    """Until `spaf status` was well again, too; 0 if it always was."""
    still_s: float | None = None
    """The longest time without a further counted record."""
    status_said: str = ""
    """What `spaf status` failed with first; empty if it never did."""
    status_after_s: float | None = None
    page_said: str = ""
    page_after_s: float | None = None
    stepped_back: int = 0
    """By how many records the tables were behind what they had shown before, at most."""
    sales_late: int = 0
    sales_failed: int = 0
    """Sales that the generator gave up because of it; they were not acknowledged."""
    differences: int | None = None
    """Of the verification after it, rows and unaccounted records; None if there was none."""
    lost: int = 0
    """Acknowledged sales that the topic does not hold."""
    error: str = ""
    repeat: str = ""
    """The command that makes this fault alone."""

    @property
    def failure(self) -> str:
        """Why SPAF has not survived the fault; empty if it has."""
        if not self.made:
            return ""
        if self.lost:
            return f"{self.lost:,} acknowledged sales are lost"
        if self.differences:
            return f"{self.differences:,} differences"
        if self.recovery_s is None:
            return self.error or "the rows did not become current again"
        return self.error

    @property
    def line(self) -> str:
        """The fault in one line, for a person."""
        name = f"{self.number:>3}  {self.kind} {self.target}"
        if not self.made:
            return f"{name}: not made: {self.error}"
        held = f", held {self.held_s:.0f} s" if self.held_s else ""
        came = "not current again" if self.recovery_s is None else _recovery(self.recovery_s)
        facts = [
            f"{name}{held}: {came}",
            _said("status", self.status_said, self.status_after_s),
            _said("page", self.page_said, self.page_after_s),
            *([] if self.still_s is None else [f"{self.still_s:.1f} s still"]),
            *([f"{self.stepped_back:,} back"] if self.stepped_back else []),
            *([f"{self.sales_late:,} late"] if self.sales_late else []),
            *([f"{self.sales_failed:,} not acknowledged"] if self.sales_failed else []),
            "not verified" if self.differences is None else f"{self.differences:,} differences",
            f"{self.lost:,} lost",
        ]
        return "; ".join(facts)


class RecoveryTimes(msgspec.Struct, frozen=True):
    """Recovery of the faults of one kind and target, seconds; None if none has recovered."""

    kind: str
    target: str
    count: int
    failed: int
    median: float | None
    p95: float | None
    max: float | None

    @classmethod
    def of(cls, faults: Sequence[FaultOutcome]) -> Self:
        """Return the times of faults of one kind and target."""
        times = sorted(fault.recovery_s for fault in faults if fault.recovery_s is not None)
        first = faults[0]
        return cls(
            kind=first.kind,
            target=first.target,
            count=len(faults),
            failed=sum(bool(fault.failure) for fault in faults),
            median=round(statistics.median(times), 2) if times else None,
            p95=quantile(times, SHARE_P95),
            max=times[-1] if times else None,
        )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value below which a share of ordered values lies, one of them; None without."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


class ChaosResult(Result, frozen=True, kw_only=True):
    """The faults of a plan, and the proof at the end."""

    seed: int
    rate: float
    planned: int
    made: int
    not_made: int
    seconds: float
    sales_acknowledged: int
    sales_failed: int
    lost: int
    records: int
    differences: int
    exact: bool
    errors: list[str]
    """Why a run could not be verified at its end."""
    interrupted: bool
    faults: list[FaultOutcome]
    summary_by_target: list[RecoveryTimes] = msgspec.field(name="summary")
    growth: Sequence[LongRunGrowth] = ()

    @property
    def reasons(self) -> list[str]:
        """What SPAF did not survive; a fault that this machine cannot make is none."""
        reasons = [
            f"{fault.kind} {fault.target}: {fault.failure}. Again: {fault.repeat}"
            for fault in self.faults
            if fault.failure
        ]
        if self.lost:
            reasons.append(f"{self.lost:,} acknowledged sales are not in the topic")
        reasons += self.errors
        if not self.exact and not self.errors:
            reasons.append(f"the tables are not exact: {self.differences:,} differences")
        reasons += [item.sentence for item in self.growth if item.grows]
        if not self.made and not self.interrupted:
            reasons.append("no fault was made")
        return reasons

    def tables(self) -> Iterable[Table]:
        """Return the recovery times, and of a soak what has grown."""
        columns = ("fault", "target", "count", "median s", "p95 s", "max s", "failed")
        rows: list[Sequence[Any]] = [
            (t.kind, t.target, t.count, t.median, t.p95, t.max, t.failed)
            for t in self.summary_by_target
        ]
        yield Table("from the fault to current rows, seconds", columns, rows)
        if self.growth:
            yield LongRunGrowth.table(self.growth)

    def summary(self) -> str:
        """Return what was proven."""
        skipped = f", {self.not_made} could not be made" if self.not_made else ""
        end = "exact" if self.exact else f"{self.differences:,} differences"
        return (
            f"{self.made} faults made{skipped}, in {self.seconds:.0f} s; seed {self.seed}.\n"
            f"{self.sales_acknowledged:,} sales acknowledged, {self.lost:,} lost; "
            f"{self.records:,} records recomputed: {end}."
        )


def summarised(faults: Iterable[FaultOutcome]) -> list[RecoveryTimes]:
    """Return the recovery times by kind and target, of the faults that were made."""
    groups: dict[tuple[str, str], list[FaultOutcome]] = {}
    for fault in faults:
        if fault.made:
            groups.setdefault((fault.kind, fault.target), []).append(fault)
    return [RecoveryTimes.of(group) for _, group in sorted(groups.items())]


def not_made(planned: PlannedFault, error: str, repeat: str) -> FaultOutcome:
    """Return the outcome of a fault that could not be made here."""
    return FaultOutcome(
        number=planned.number,
        kind=planned.kind,
        target=planned.target,
        made=False,
        error=error,
        repeat=repeat,
    )


def _recovery(seconds: float) -> str:
    return f"rows current after {seconds:.1f} s" if seconds else "rows always current"


def _said(who: str, text: str, after_s: float | None) -> str:
    if not text or after_s is None:
        return f"{who} said nothing"
    short = text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"
    return f"{who} after {after_s:.1f} s: {short}"
