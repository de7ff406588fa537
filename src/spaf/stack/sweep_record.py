"""The record of a measurement that the page has started: read as a file, as every program can."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from spaf.serve.sweep_view import RatePoint, SweepOutcome, SweepResult

# Begins the names of these records.
PREFIX = "measure-"
RECORD = "record.json"
# A reason that the outcome says already.
INTERRUPTED = re.compile(r"(the run was )?interrupted\b")


class MeasuredRate(msgspec.Struct, frozen=True):
    """One rate of `spaf bench rates`, as far as the page shows it."""

    rate: float
    valid: bool
    records: int = 0
    latency_ms: dict[str, dict[str, Any] | None] | None = None

    def point(self) -> RatePoint | None:
        """Return what may be drawn; None of a rate that is not valid."""
        latency = (self.latency_ms or {}).get("store")
        if not self.valid or latency is None:
            return None
        return RatePoint(self.rate, latency["p50"], latency["p99"])


class MeasuredRates(msgspec.Struct, frozen=True):
    """The result."""

    rates: list[MeasuredRate]
    interrupted: bool = False


class RecordValidity(msgspec.Struct, frozen=True):
    """Whether figures may be reported, and why not."""

    valid: bool
    reasons: list[str] = []


class SweepRecord(msgspec.Struct, frozen=True):
    """The parts of `record.json` that the page shows; see docs/reference/results.md."""

    started_us: int
    ending: str
    validity: RecordValidity
    ended_us: int | None = None
    result: MeasuredRates | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has written its end."""
        return self.ended_us is not None

    def summary(self) -> SweepResult:
        """Return what the page shows of it."""
        rates = [] if self.result is None else self.result.rates
        points = [point for rate in rates if (point := rate.point()) is not None]
        return SweepResult(
            ended_ms=(self.ended_us or self.started_us) // 1_000,
            outcome=self._outcome(points),
            reasons=[reason for reason in self.validity.reasons if not INTERRUPTED.match(reason)],
            points=sorted(points, key=lambda point: point.rate) if self.validity.valid else [],
            records=max((rate.records for rate in rates), default=0),
        )

    def _outcome(self, points: list[RatePoint]) -> SweepOutcome:
        if self.ending == "interrupted" or (self.result and self.result.interrupted):
            return SweepOutcome.INTERRUPTED
        if self.ending != "complete":
            return SweepOutcome.FAILED
        if not (self.validity.valid and points):
            return SweepOutcome.INVALID
        return SweepOutcome.PARTIAL if self.validity.reasons else SweepOutcome.VALID


def read_sweep(folder: Path) -> SweepRecord | None:
    """Return the record in a folder; None if there is none that can be read."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=SweepRecord)
    except (OSError, msgspec.DecodeError):
        return None


def report_file(folder: Path, language: str) -> Path:
    """Return where the report of a record is in a language."""
    return folder / f"report-{language}.html"


class SweepRecords:
    """The records of a run folder, the newest first; each is read once."""

    def __init__(self, results: Path) -> None:
        """Keep the folder of the results."""
        self._results = results
        self._read: dict[tuple[str, int], SweepRecord | None] = {}

    def folders(self) -> list[Path]:
        """Return the folders of the records, the newest first."""
        return sorted(self._results.glob(f"{PREFIX}*"), reverse=True)

    def newest(self, without: Path | None = None) -> SweepRecord | None:
        """Return the newest record, but not that of a run that goes on."""
        for folder in self.folders():
            record = self._of(folder)
            if record is not None and folder != without:
                return record
        return None

    def reported(self, language: str) -> tuple[Path, SweepRecord] | None:
        """Return the folder and the record of the newest report in a language."""
        for folder in self.folders():
            record = self._of(folder)
            if record is not None and report_file(folder, language).exists():
                return folder, record
        return None

    def _of(self, folder: Path) -> SweepRecord | None:
        try:
            key = (folder.name, (folder / RECORD).stat().st_mtime_ns)
        except OSError:
            return None
        if key not in self._read:
            self._read[key] = read_sweep(folder)
        return self._read[key]
