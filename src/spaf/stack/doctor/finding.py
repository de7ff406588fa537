"""What a check of `spaf doctor` finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from spaf.errors import SpafError
from spaf.settings import Settings
from spaf.stack.state import RunFolder, RunState


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARN = "warn"
    """A run works, but not as well as it could, or not as the user may expect."""
    FAIL = "fail"
    """A run does not work; `spaf up` refuses to start if it can know."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    level: Level
    what: str
    todo: str = ""


@dataclass(frozen=True)
class Subject:
    """What is examined: the settings, the run folder, and the run that is up in it."""

    settings: Settings
    home: RunFolder
    run: RunState | None

    @classmethod
    def of(cls, settings: Settings) -> Subject:
        """Return what the settings describe."""
        home = RunFolder(settings.home)
        state = home.read()
        alive = state is not None and state.supervisor().alive()
        return cls(settings, home, state if alive else None)


Check = Callable[[Subject], Iterator[Finding]]


def ok(what: str) -> Finding:
    """Return a finding that needs nothing to be done."""
    return Finding(Level.OK, what)


def warn(what: str, todo: str) -> Finding:
    """Return a finding that should be mended."""
    return Finding(Level.WARN, what, todo)


def fail(what: str, todo: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(Level.FAIL, what, todo)


def findings(check: Check, subject: Subject) -> Iterator[Finding]:
    """Yield what a check finds; an error in it becomes a finding."""
    try:
        yield from check(subject)
    except SpafError as error:
        yield fail(error.what, error.todo)
    except Exception as error:  # noqa: BLE001 - a report must not end at an odd machine
        yield warn(
            f"The check {check.__name__} was not possible: {type(error).__name__}: {error}",
            "Report it as a defect of SPAF.",
        )
