"""Figures by name: what a text says comes from a record of a measurement, or shows as a gap."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from numpy.typing import NDArray

from spaf.bench.results.folder import read_arrays
from spaf.bench.results.record import ResultRecord
from spaf.bench.results.sales import of_valid
from spaf.errors import FigureError
from spaf.report.language import Language, number

# A step of a path: a key of an object, and which item of a list.
STEP = re.compile(r"(?P<key>[^.\[\]]+)(?:\[(?P<field>\w+)=(?P<value>[^\]]+)\])?(?:\.|$)")
# Options that choose a part of what a scenario measures.
SELECTIONS = ("rates", "levels", "names")
PARAMETER = re.compile(r"\\\{(\w+)\\\}")
# A parameter stands for one part of a name: no dot.
PART = r"(?P<\1>[^.]+)"


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a figure is found, and how it is written."""

    name: str
    scenario: str
    path: str
    unit: str = ""
    digits: int = 0

    def match(self, name: str) -> str | None:
        """Return the path of a figure if this defines it."""
        match = re.fullmatch(PARAMETER.sub(PART, re.escape(self.name)), name)
        return None if match is None else self.path.format_map(match.groupdict())


class StoredRecord(NamedTuple):
    """A record, and the folder that holds its data."""

    record: ResultRecord
    folder: Path


class Figure(NamedTuple):
    """A measured value, as a text shows it."""

    value: float
    unit: str
    digits: int

    def text(self, language: Language) -> str:
        """Return the number with its unit, as the language writes both."""
        return number(self.value, self.digits, language, self.unit)


class Figures:
    """The figures of a set of records."""

    def __init__(self, stored: Iterable[StoredRecord]) -> None:
        """Keep the best record of each scenario: a valid one, a full one, the newest one."""
        self.all = sorted(stored, key=_merit)
        """Every record, the best last."""
        self.stored: dict[str, StoredRecord] = {item.record.scenario: item for item in self.all}

    def result(self, scenario: str) -> Any:
        """Return the valid result of a scenario.

        Raises:
            FigureError: there is no record of it, or it is not valid.

        """
        return self._valid(scenario).record.result

    def results(self, scenario: str) -> list[Any]:
        """Return the valid results of a scenario whose records add to each other.

        Raises:
            FigureError: there is no valid one.

        """
        self._valid(scenario)
        return [stored.record.result for stored in self._of_scenario(scenario)]

    def quick_seconds(self, scenario: str) -> float:
        """Return how long the short way of a scenario took the last time.

        Raises:
            FigureError: no valid record has been measured the short way.

        """
        seconds = [
            (stored.record.started_us, stored.record.seconds)
            for stored in self._of_scenario(scenario)
            if _is_quick(stored) and stored.record.seconds is not None
        ]
        if not seconds:
            raise _no_result(f"{scenario} --quick")
        return max(seconds)[1]

    def digest(self) -> str:
        """Return a sum of everything that was measured: what is made from it carries the sum."""
        contents = sorted(
            msgspec.json.encode((r.name, r.command, r.started_us, r.validity, r.result, r.files))
            for r in (stored.record for stored in self.all)
        )
        return hashlib.sha256(b"".join(contents)).hexdigest()

    def rates(self) -> list[str]:
        """Return the rates of `spaf bench rates` in order, as the names of figures write them.

        Raises:
            FigureError: there is no valid result.

        """
        rates: Sequence[Mapping[str, Any]] = self.result("bench rates")["rates"]
        return [f"{rate:g}" for rate in sorted(result["rate"] for result in rates)]

    def arrays(self, scenario: str, file: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of a file of a valid record, such as the steps of every sale.

        Those of its intervals that are not valid are left out.

        Raises:
            FigureError: there is no valid record, or it has no such file.
            ResultsError: the file is damaged.

        """
        stored = self._valid(scenario)
        arrays = of_valid(read_arrays(stored.folder, stored.record, file))
        if not arrays:
            raise _no_value(scenario, file)
        return arrays

    def figure(self, name: str) -> Figure:
        """Return a figure by its name.

        Raises:
            FigureError: no record has it, the record is not valid, or no figure has this name.

        """
        missing = FigureError(f"No figure is named {name}; see figures.toml.")
        # Several scenarios may measure the same: the first that has it counts.
        for definition in reversed(definitions()):
            path = definition.match(name)
            if path is None:
                continue
            try:
                return self._of(definition, path)
            except FigureError as error:
                missing = error
        raise missing

    def _of(self, definition: Definition, path: str) -> Figure:
        quick = _is_quick(self._valid(definition.scenario))
        # What the best record of a scenario lacks may be in another one, such as a higher rate.
        for stored in reversed(self._of_scenario(definition.scenario)):
            value = _at(stored.record.result, path)
            is_figure = isinstance(value, int | float) and not isinstance(value, bool)
            if is_figure and _is_quick(stored) == quick:
                return Figure(value, definition.unit, definition.digits)
        raise _no_value(definition.scenario, path)

    def _valid(self, scenario: str) -> StoredRecord:
        stored = self.stored.get(scenario)
        if stored is None:
            raise _no_result(scenario)
        if not stored.record.validity.valid:
            reason = "; ".join(stored.record.validity.reasons)
            raise FigureError(
                f"The result of `spaf {scenario}` is not valid: {reason}.",
                code="not_valid",
                scenario=scenario,
                reason=reason,
            )
        return stored

    def _of_scenario(self, scenario: str) -> list[StoredRecord]:
        """Return the valid records of a scenario."""
        of_scenario = (stored for stored in self.all if stored.record.scenario == scenario)
        return [stored for stored in of_scenario if stored.record.validity.valid]

    def values(self, names: Sequence[str]) -> list[float]:
        """Return the values of several figures, as a plot needs them.

        Raises:
            FigureError: one of them is missing.

        """
        return [self.figure(name).value for name in names]


@cache
def definitions() -> tuple[Definition, ...]:
    """Return the definition of every figure; of two that match a name, the later one counts."""
    text = files("spaf.report").joinpath("figures.toml").read_bytes()
    return tuple(msgspec.toml.decode(text, type=dict[str, list[Definition]])["figure"])


def _merit(stored: StoredRecord) -> tuple[bool, bool, bool, int]:
    """Return what makes a record better than another: a part or a quick look hides no full one."""
    chosen = any(stored.record.options.get(option) for option in SELECTIONS)
    record = stored.record
    return record.validity.valid, not _is_quick(stored), not chosen, record.started_us


def _is_quick(stored: StoredRecord) -> bool:
    return bool(stored.record.options.get("quick"))


def _no_result(scenario: str) -> FigureError:
    what = f"There is no result of `spaf {scenario}`."
    return FigureError(what, code="no_result", scenario=scenario)


def _no_value(scenario: str, path: str) -> FigureError:
    what = f"The result of `spaf {scenario}` has no {path}."
    return FigureError(what, code="no_value", scenario=scenario, path=path)


def _at(result: Any, path: str) -> Any:
    """Return what stands at a path of a result; None if it is not there."""
    value = result
    for step in STEP.finditer(path):
        value = value.get(step["key"]) if isinstance(value, Mapping) else None
        if step["field"] is not None and value is not None:
            value = next((item for item in value if _is(item, step["field"], step["value"])), None)
    return value


def _is(item: Mapping[str, Any], field: str, value: str) -> bool:
    """Return whether a field of an item has a value, which the path writes as text."""
    actual = item.get(field)
    return f"{actual:g}" == value if isinstance(actual, float) else str(actual) == value
