"""What a fault and a kind of fault are.

A new kind is a subclass of `Fault` and an entry in the `KINDS` of a module of `spaf.chaos.faults`;
`spaf.chaos.registry` names the modules. Plan, command, record, runbook and tests follow from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from spaf.settings import Settings
from spaf.stack.run import Run

# Joins the names of services into one target: all of them are hit at the same moment.
JOIN = "+"


class Surroundings(ABC):
    """What has to be built around the run before it starts, such as a disk, a proxy or a clock.

    A kind that needs one names the class; it is made once a run, if the plan has such a fault.
    """

    @abstractmethod
    def open(self, settings: Settings) -> Settings:
        """Build it; return the settings of the run in it.

        Raises:
            OSError: this kernel or user cannot.
            SpafError: the same, with a reason of its own.

        """

    @abstractmethod
    def close(self) -> None:
        """Remove it, after the run; also if it was built in part only."""


Around = TypeVar("Around", bound=Surroundings)


@dataclass(frozen=True)
class Scene:
    """The run in which a fault is made."""

    run: Run
    # Starts the run again after its supervisor has ended, as `spaf up` does.
    up: Callable[[], None]
    # Sales a second of the load.
    rate: float = 0.0
    surroundings: Mapping[type[Surroundings], Surroundings] = field(default_factory=dict)
    # Records that faults have appended to the topic: they are not those of the load.
    appended: list[int] = field(default_factory=list)

    def around(self, kind: type[Around]) -> Around:
        """Return the surroundings of a kind, which were built before the run."""
        surroundings = self.surroundings[kind]
        if not isinstance(surroundings, kind):
            raise TypeError(kind)
        return surroundings


class Fault(ABC):
    """One fault. The engine injects it, waits until it happened, holds it, and lifts it."""

    @abstractmethod
    def inject(self) -> None:
        """Make the fault.

        Raises:
            OSError: this kernel or user cannot make it.
            SpafError: the same, with a reason of its own.

        """

    @abstractmethod
    def happened(self) -> bool:
        """Return whether it is certain that the fault has taken place.

        It is asked again and again. A fault that never happened proves nothing and is void.
        """

    def lift(self) -> None:  # noqa: B027 - a kill has nothing to lift
        """End the fault; it may not have been injected, or be lifted already.

        Raises:
            OSError: it could not be ended.
            SpafError: the same, with a reason of its own.

        """


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: what it may hit, for how long, and how it is made."""

    name: str
    summary: str
    """What is done, in one sentence."""
    make: Callable[[Scene, str], Fault]
    """Returns the fault that hits a target."""
    targets: tuple[str, ...]
    pairs: tuple[str, ...] = ()
    """Targets of `--pairs`, two services each; empty: the kind has no pairs."""
    hold_s: tuple[float, ...] = (0.0,)
    """How long it may last, seconds; 0: it ends by itself."""
    weight: int = 1
    """How many faults of this kind a plan has before it has one more of each other kind."""
    surroundings: type[Surroundings] | None = None
    by_name: bool = False
    """Whether it is made only if `--kinds` names it: its surroundings make it another run."""
    response: str = (
        "The supervisor restarts what has ended; the job goes on from its last checkpoint."
    )
    """What SPAF does about it, for the runbook."""
    todo: str = "Nothing."
    """What a person does about it, for the runbook."""
    unavailable: Callable[[], str] = lambda: ""
    """Returns the error for which this kernel or user cannot make it, or ""; asked before a run."""
