"""Faults that another program makes: plan, load, recovery times and proofs are `spaf chaos`'s.

A process in a container cannot kill another container. So this program runs beside the live page,
and the tests, which hold the engine, make each fault when it asks for it. It is handed to Python
as a text (`python -c`), because no image holds the tests, and imports only what the image has.
Both sides write a JSON object a line.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, TypeVar

import msgspec

from spaf import clock, settings
from spaf.bench.progress import Step
from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.chaos.plan import PlannedFault
from spaf.chaos.scenario import ChaosScenario
from spaf.errors import StackError
from spaf.stack.run import Run

Message = TypeVar("Message")


class DrillKind(msgspec.Struct, frozen=True):
    """A kind of faults, as in `FaultKind`."""

    name: str
    targets: tuple[str, ...]
    hold_s: tuple[float, ...] = (0.0,)
    weight: int = 1


class DrillPlan(msgspec.Struct, frozen=True):
    """What to do: the first line that is read."""

    seed: int
    faults: int
    seconds: float
    """After which no further fault is begun."""
    rate: float
    kinds: list[DrillKind]


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Asks for a step of a fault: `inject`, `happened` or `lift`."""

    step: str
    kind: str
    target: str


class Answered(msgspec.Struct, frozen=True):
    """The answer: whether it is so, and why it could not be done."""

    done: bool
    error: str = ""


class Note(msgspec.Struct, frozen=True, tag=True):
    """What is being done, or a line that stays."""

    text: str
    stays: bool = False


class Made(msgspec.Struct, frozen=True, tag=True):
    """The result of everything: the last line."""

    result: dict[str, Any]


class Channel:
    """Both directions; each message is a line."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        """Keep them."""
        self._source, self._target = source, target

    def send(self, message: object) -> None:
        """Write a message."""
        self._target.write(msgspec.json.encode(message) + b"\n")
        self._target.flush()

    def read(self, kind: type[Message]) -> Message:
        """Read a message.

        Raises:
            StackError: the other side has ended.

        """
        line = self._source.readline()
        if not line:
            raise StackError("The program that makes the faults has ended.")
        return msgspec.json.decode(line, type=kind)


class DelegatedFault(Fault):
    """A fault that the other side makes."""

    def __init__(self, channel: Channel, kind: str, target: str) -> None:
        """Keep whom to ask for what."""
        self._channel, self._kind, self._target = channel, kind, target

    def inject(self) -> None:
        """Have it made."""
        self._ask("inject")

    def happened(self) -> bool:
        """Have it asserted."""
        return self._ask("happened")

    def lift(self) -> None:
        """Have it ended."""
        self._ask("lift")

    def _ask(self, step: str) -> bool:
        self._channel.send(Ask(step, self._kind, self._target))
        answer = self._channel.read(Answered)
        if answer.error:
            raise StackError(answer.error)
        return answer.done


class DrillScenario(ChaosScenario, frozen=True, kw_only=True):
    """Make the faults of another program in the run that is up; verify after each of them."""

    delegated: Mapping[str, FaultKind] = {}
    seconds: float = math.inf

    @property
    def verify_share(self) -> float:
        """Verify after each, however long it takes."""
        return math.inf

    def planned(self) -> Iterator[PlannedFault]:
        """Yield the faults of the plan until the time is over."""
        end = clock.monotonic() + self.seconds
        for fault in ChaosScenario.planned(self):
            if clock.monotonic() > end:
                return
            yield fault

    def chosen(self) -> Mapping[str, FaultKind]:
        """Return the kinds of the other program."""
        return self.delegated

    def repeat(self, number: int) -> str:
        """Return which fault it is."""
        return f"fault {number} of seed {self.seed}"


class Notes:
    """The progress, for the other side."""

    def __init__(self, channel: Channel) -> None:
        """Keep where it goes."""
        self._channel = channel

    def __call__(
        self, doing: str, _done: int = 0, _of: int | None = None, /, *, step: Step | None = None
    ) -> None:
        """Say what is being done."""
        del step
        self._channel.send(Note(doing))

    def line(self, text: str) -> None:
        """Say a line that stays."""
        self._channel.send(Note(text, stays=True))


def kind_of(channel: Channel, kind: DrillKind) -> FaultKind:
    """Return a kind whose faults the other side makes."""

    def make(_: Scene, target: str, name: str) -> Fault:
        return DelegatedFault(channel, name, target)

    return FaultKind(
        kind.name,
        "",
        partial(make, name=kind.name),
        targets=kind.targets,
        hold_s=kind.hold_s,
        weight=kind.weight,
    )


def main() -> None:
    """Make the faults of the plan that is read, and write their result."""
    channel = Channel(sys.stdin.buffer, sys.stdout.buffer)
    wanted = channel.read(DrillPlan)
    scenario = DrillScenario(
        seed=wanted.seed,
        faults=wanted.faults,
        seconds=wanted.seconds,
        rate=wanted.rate,
        delegated={kind.name: kind_of(channel, kind) for kind in wanted.kinds},
    )
    run = Run.attach(settings.load())
    channel.send(Made(msgspec.to_builtins(scenario.measure_run(run, Notes(channel)))))


if __name__ == "__main__":
    main()
