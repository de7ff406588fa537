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
NOT_MEASURED = "not measured yet"
# A sentence that is longer is cut: the rest of it is the system's own error.
MAX_SAID_CHARS = 160


class RecordedFaults(msgspec.Struct, frozen=True):
    """The part of a result that the runbook needs."""

    faults: list[FaultOutcome] = []


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


def recorded(folder: Path) -> list[FaultOutcome]:
    """Return the faults of all records below a folder that were made."""
    faults: list[FaultOutcome] = []
    for path in sorted(folder.rglob(RECORD_FILE)):
        record = msgspec.json.decode(path.read_bytes(), type=ChaosRecord)
        if record.scenario == SCENARIO and record.result is not None:
            faults += [fault for fault in record.result.faults if fault.made]
    return faults


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
    """Return what was proven, and the table of the runbook, in Markdown."""
    faults = recorded(folder)
    lines = [COLUMNS, tuple("---" for _ in COLUMNS)]
    lines += [tuple(map(_cell, row.cells)) for row in rows(faults)]
    return proven(faults) + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def proven(faults: Sequence[FaultOutcome]) -> str:
    """Return in a sentence what the verifications after the faults have found; empty without."""
    if not faults:
        return ""
    verified = sum(fault.differences is not None for fault in faults)
    differences = sum(fault.differences or 0 for fault in faults)
    return (
        f"{len(faults):,} faults were made, and after {verified:,} of them everything was "
        f"recomputed at once: {differences:,} differences, "
        f"{sum(fault.lost for fault in faults):,} acknowledged sales lost.\n\n"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.1f} s"
