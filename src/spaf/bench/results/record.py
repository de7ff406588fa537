"""The record of one run of a scenario: `record.json` in its folder. See docs/reference/results.md.

A change that an older reader would misread needs a new number of the schema. New fields with a
default do not: older records are read without them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from spaf.measure.interference import Interference

SCHEMA = 1
RECORD_FILE = "record.json"
# Every sale with its steps; the series of every process and service.
SALES_FILE = "sales.npz"
SAMPLES_FILE = "samples.npz"


class Ending(StrEnum):
    """How a run of a scenario has ended."""

    RUNNING = "running"
    """Not yet, or it was killed."""
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    """By Ctrl-C or a signal."""
    FAILED = "failed"
    """By an error."""


class Validity(msgspec.Struct, frozen=True):
    """Whether figures of the record may be reported, and otherwise why not."""

    valid: bool
    reasons: list[str] = []


class Interval(msgspec.Struct, frozen=True):
    """A measured part of the run, and what disturbed the machine in it."""

    name: str
    start_us: int
    end_us: int
    interference: Interference
    shared: bool = False
    """Whether other programs were allowed to use the machine."""

    @property
    def reasons(self) -> list[str]:
        """Why figures of the interval are not valid."""
        return self.interference.by_machine if self.shared else self.interference.reasons


class DataFile(msgspec.Struct, frozen=True):
    """A file in the folder of the record."""

    bytes: int
    sha256: str


class ResultRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a scenario; times are UTC, microseconds since the epoch."""

    schema: int
    name: str
    scenario: str
    """Its command, such as `bench rates`."""
    command: str
    """The line that makes the result again: settings that are not the default, and options."""
    started_us: int
    ended_us: int | None = None
    ending: Ending = Ending.RUNNING
    validity: Validity
    options: dict[str, Any]
    settings: dict[str, Any]
    """Those that change what the program does; no secret, path or address."""
    machine: dict[str, Any]
    versions: dict[str, str]
    intervals: list[Interval] = []
    result: Any = None
    """As `--json` prints it; None without one."""
    files: dict[str, DataFile] = {}

    @property
    def seconds(self) -> float | None:
        """How long the run took; None if it has not ended."""
        return None if self.ended_us is None else (self.ended_us - self.started_us) / 1e6


class SchemaOnly(msgspec.Struct):
    """What every version of a record has."""

    schema: int
