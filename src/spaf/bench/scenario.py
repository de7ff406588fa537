"""What every measurement and every proof is: options, the run that it needs, a result.

A scenario is a frozen struct. Its fields are the options of its command, its docstring is the help
text. `spaf.bench.registry` names all scenarios; the command line makes a command of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, NewType

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.results.recording import following
from spaf.generate.rate import MAX_RATE, MIN_RATE
from spaf.settings import Settings
from spaf.stack.control import Watcher
from spaf.stack.run import Run, running

# Types of options that have a notation of their own: 90, 60s, 5m or 1.5h; 10,100,1000; 101-120.
Seconds = NewType("Seconds", float)
Rates = tuple[float, ...]
SeedRange = range
Names = tuple[str, ...]


def option(
    description: str, *, flag: str | None = None, ge: float | None = None, le: float | None = None
) -> msgspec.Meta:
    """Return what the command line says of a field and which values it accepts.

    Args:
        description: help text.
        flag: name of the option; without it, the name of the field.
        ge: smallest value.
        le: largest value.

    """
    return msgspec.Meta(description=description, ge=ge, le=le, extra={"flag": flag})


RATE_OPTION = option("Sales a second.", ge=MIN_RATE, le=MAX_RATE)


class Table(NamedTuple):
    """Rows for a person; each has a cell a column."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def table_of(items: Iterable[Any], columns: Mapping[str, str], title: str = "") -> Table:
    """Return a table with a row an item; `columns` are attributes by their heading."""
    row = attrgetter(*columns.values())
    return Table(title, tuple(columns), list(map(row, items)))


class Result(msgspec.Struct, frozen=True):
    """The result of a scenario. Its fields are the keys of `--json`."""

    @property
    def reasons(self) -> list[str]:
        """Why the result is not valid, or what is not proven: exit code 1 if there is a reason."""
        return []

    @property
    def invalid(self) -> list[str]:
        """Why a measurement has no figure to report; a reason of a part only is not among them."""
        return self.reasons

    def tables(self) -> Iterable[Table]:
        """Return what a person reads in place of the JSON object."""
        return ()

    def summary(self) -> str:
        """Return the text below the tables, or nothing."""
        return ""


class Scenario(msgspec.Struct, frozen=True):
    """One measurement or proof. A scenario that needs no services overrides `measure`."""

    bare: ClassVar[bool] = False
    """Whether the run is services only: the scenario submits jobs of its own."""
    judges_intervals: ClassVar[bool] = False
    """Whether the result says of each interval what disturbed it, and has no figure of that one."""

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the run, from those of the user."""
        return settings

    def prepare(self, settings: Settings) -> Iterable[str]:  # noqa: ARG002 - for those who need it
        """Check what can be checked before a service is started; return notices for the user.

        Raises:
            SpafError: the scenario cannot run here.

        """
        return ()

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> Result:
        """Start the run, or use the one that is up, and measure it.

        Args:
            settings: of the user.
            watch: is called with each state of a run that starts.
            progress: is called while the scenario works.

        Raises:
            SpafError: a service does not start, or the measurement failed.

        """
        with (
            running(self.settings(settings), watch, bare=self.bare) as run,
            # A run of services only has no job yet, and its tables come and go.
            nullcontext() if self.bare else following(run),
        ):
            return self.measure_run(run, progress)

    def measure_run(self, run: Run, progress: Progress) -> Result:
        """Measure a run that is up.

        Raises:
            SpafError: the measurement failed.

        """
        raise NotImplementedError
