"""What every measurement and every proof is: options, the run that it needs, a result.

A scenario is a frozen struct. Its fields are the options of its command, its docstring is the help
text. `spaf.bench.registry` names all scenarios; the command line makes a command of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, NewType

import msgspec

from spaf.bench.progress import Progress
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


class Table(NamedTuple):
    """Rows for a person; each has a cell a column."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Result(msgspec.Struct, frozen=True):
    """The result of a scenario. Its fields are the keys of `--json`."""

    @property
    def passed(self) -> bool:
        """Whether the result is valid, or what was to be proven is true: else exit code 1."""
        return True

    def tables(self) -> Iterator[Table]:
        """Yield what a person reads in place of the JSON object."""
        yield from ()

    def summary(self) -> str:
        """Return the line below the tables, or nothing."""
        return ""

    def failure(self) -> str:
        """Return why it has not passed, where tables and summary do not say it."""
        return ""


class Scenario(msgspec.Struct, frozen=True):
    """One measurement or proof. A scenario that needs no services overrides `measure`."""

    bare: ClassVar[bool] = False
    """Whether the run is services only: the scenario submits jobs of its own."""

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
        with running(self.settings(settings), watch, bare=self.bare) as run:
            return self.measure_run(run, progress)

    def measure_run(self, run: Run, progress: Progress) -> Result:
        """Measure a run that is up.

        Raises:
            SpafError: the measurement failed.

        """
        raise NotImplementedError
