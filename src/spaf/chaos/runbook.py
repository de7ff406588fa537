"""The runbook: what each kind of fault looks like, what SPAF does, how long it takes, what to do.

Its words are those of the registry; its times and what was said come from records of `spaf chaos`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from spaf.bench.results.record import RECORD_FILE
from spaf.chaos.fault import FaultKind
from spaf.chaos.outcome import FaultOutcome, RecoveryTimes
from spaf.chaos.registry import KINDS

SCENARIO = "chaos"
COLUMNS = ("fault", "what you see", "what SPAF does", "rows current again after", "what you do")
COUNTED = (
    *("fault", "made", "targets", "recomputed at once", "differences", "sales lost"),
    *("not survived", "not made"),
)
NOT_MEASURED = "not measured yet"
# A sentence that is longer is cut: the rest of it is the system's own error.
MAX_SAID_CHARS = 160


class RecordedFaults(msgspec.Struct, frozen=True):
    """The part of a result that the runbook needs."""

    faults: list[FaultOutcome] = []
    sales_acknowledged: int = 0
    records: int = 0
    lost: int = 0
    differences: int = 0


class ChaosRecord(msgspec.Struct, frozen=True):
    """The part of a record that the runbook needs."""

    scenario: str
    result: RecordedFaults | None = None


class Row(NamedTuple):
    """One row of the table, for a kind and a target."""

    kind: FaultKind
    target: str
    faults: Sequence[FaultOutcome]

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        name = f"`{self.kind.name}`" + (f" {self.target}" if self.target else "")
        return (name, self._seen(), self.kind.response, self._times(), self.kind.todo)

    def _seen(self) -> str:
        said = [fault for fault in self.faults if fault.status_said]
        if not said:
            return "nothing: rows stay current" if self.faults else NOT_MEASURED
        first = said[0]
        text = first.status_said
        text = text if len(text) <= MAX_SAID_CHARS else f"{text[: MAX_SAID_CHARS - 1]}…"
        return f"after {_seconds(first.status_after_s)}: {text}"

    def _times(self) -> str:
        if not self.faults:
            return NOT_MEASURED
        times = RecoveryTimes.of(self.faults)
        if times.max is None:
            return "not in time"
        if not times.max:
            return f"always current ({times.count})"
        held = max(fault.held_s for fault in self.faults)
        holding = f", {held:.0f} s of them held" if held else ""
        return f"{_seconds(times.median)}, at most {_seconds(times.max)} ({times.count}){holding}"


def recorded(folder: Path) -> list[RecordedFaults]:
    """Return the results of all records of chaos below a folder."""
    records = (
        msgspec.json.decode(path.read_bytes(), type=ChaosRecord)
        for path in sorted(folder.rglob(RECORD_FILE))
    )
    return [one.result for one in records if one.scenario == SCENARIO and one.result is not None]


def rows(faults: Iterable[FaultOutcome], kinds: Mapping[str, FaultKind] = KINDS) -> Iterator[Row]:
    """Yield a row for each kind and target that was measured, and one for each other kind."""
    groups: dict[str, dict[str, list[FaultOutcome]]] = {}
    for fault in faults:
        groups.setdefault(fault.kind, {}).setdefault(fault.target, []).append(fault)
    for kind in kinds.values():
        measured = groups.get(kind.name, {})
        for target in sorted(measured):
            yield Row(kind, target, measured[target])
        if not measured:
            yield Row(kind, "", ())


def page(folder: Path) -> str:
    """Return what was proven, the table of the runbook, and how often each kind was made."""
    results = recorded(folder)
    made = _made(fault for result in results for fault in result.faults)
    table = _table(COLUMNS, [row.cells for row in rows(made)])
    return proven(results) + table + (f"\n## How often\n\n{counted(results)}" if results else "")


def proven(results: Sequence[RecordedFaults]) -> str:
    """Return in sentences what the verifications have found; empty without a fault."""
    made = _made(fault for result in results for fault in result.faults)
    if not made:
        return ""
    verified = sum(fault.differences is not None for fault in made)
    differences = sum(fault.differences or 0 for fault in made)
    return (
        f"{len(made):,} faults were made, and after {verified:,} of them everything was "
        f"recomputed at once: {differences:,} differences. At the end of each of {len(results)} "
        f"plans all its {sum(result.records for result in results):,} records were: "
        f"{sum(result.differences for result in results):,} differences, and of "
        f"{sum(result.sales_acknowledged for result in results):,} acknowledged sales "
        f"{sum(result.lost for result in results):,} were lost.\n\n"
    )


def _made(faults: Iterable[FaultOutcome]) -> list[FaultOutcome]:
    return [fault for fault in faults if fault.made]


def counted(results: Iterable[RecordedFaults], kinds: Mapping[str, FaultKind] = KINDS) -> str:
    """Return a table of how often each kind was made and survived, and why one was not made."""
    faults = [fault for result in results for fault in result.faults]
    groups = [[fault for fault in faults if fault.kind == name] for name in kinds]
    lines = [_count(name, group) for name, group in zip(kinds, groups, strict=True)]
    return _table(COUNTED, [*lines, _count("", faults)])


def _count(name: str, faults: Sequence[FaultOutcome]) -> tuple[str, ...]:
    """Return how often faults were made, as a row; without a name, the sum."""
    made = _made(faults)
    refused = sorted({fault.error for fault in faults if not fault.made}) if name else []
    return (
        f"`{name}`" if name else "all",
        f"{len(made):,}",
        f"{len({fault.target for fault in made}):,}",
        f"{sum(fault.differences is not None for fault in made):,}",
        f"{sum(fault.differences or 0 for fault in made):,}",
        f"{sum(fault.lost for fault in made):,}",
        f"{sum(bool(fault.failure) for fault in made):,}",
        f"{len(faults) - len(made):,}" + (f": {'; '.join(refused)}" if refused else ""),
    )


def _table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    every = [columns, ["---"] * len(columns), *lines]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in every)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.1f} s"
