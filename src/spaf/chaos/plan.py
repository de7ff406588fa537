"""The plan of faults: a pure function of the seed, of the kinds, and of `--pairs`.

The n-th fault does not depend on how many there are: a fault of a long plan is repeated alone by
the same seed and its number. It does not depend on the machine either: a kind that this machine
cannot make stays in the plan and is reported.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from spaf.chaos.fault import FaultKind

Item = TypeVar("Item")


class PlannedFault(msgspec.Struct, frozen=True):
    """One fault of a plan."""

    number: int
    """From 1 on."""
    kind: str
    target: str
    hold_s: float

    @property
    def name(self) -> str:
        """The fault in words."""
        held = f", {self.hold_s:g} s" if self.hold_s else ""
        return f"{self.kind} {self.target}{held}"


def plan(
    seed: int, faults: int, kinds: Mapping[str, FaultKind], *, pairs: bool = False
) -> list[PlannedFault]:
    """Return the faults of a seed.

    Args:
        seed: of the plan.
        faults: how many.
        kinds: to choose from, by name; with `pairs`, those without pairs are left out.
        pairs: hit two services at the same moment.

    """
    return list(islice(endless(seed, kinds, pairs=pairs), faults))


def endless(
    seed: int, kinds: Mapping[str, FaultKind], *, pairs: bool = False
) -> Iterator[PlannedFault]:
    """Yield the faults of a seed without an end."""
    rng = random.Random(seed)  # noqa: S311 - a plan that can be repeated
    chosen = [kind for _, kind in sorted(kinds.items()) if not pairs or kind.pairs]
    variants = {
        kind.name: _rounds(rng.randrange(2**32), _variants(kind, pairs=pairs)) for kind in chosen
    }
    # Each kind comes in each round of kinds, as often as its weight says.
    names = [kind.name for kind in chosen for _ in range(kind.weight)]
    for number, name in enumerate(_rounds(rng.randrange(2**32), names), 1):
        target, hold_s = next(variants[name])
        yield PlannedFault(number, name, target, hold_s)


def _variants(kind: FaultKind, *, pairs: bool) -> list[tuple[str, float]]:
    targets = kind.pairs if pairs else kind.targets
    return [(target, hold_s) for target in targets for hold_s in kind.hold_s]


def _rounds(seed: int, items: Sequence[Item]) -> Iterator[Item]:
    """Yield all items in an order of chance, then all again in another one."""
    rng = random.Random(seed)  # noqa: S311 - a plan that can be repeated
    while items:
        yield from rng.sample(items, len(items))
