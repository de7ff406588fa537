"""Formulation one over a dump: a process for each core, a stretch at a time, joined in order."""

from __future__ import annotations

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from spaf.verify.dump import Dump, DumpFile, DumpHeader, read
from spaf.verify.python_oracle import PythonOracle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spaf.verify.answers import Answers

# Fewer are done sooner by one process than others start: each needs a second to import us.
FEW_RECORDS = 200_000


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def processes(records: int) -> int:
    """Return how many processes so many records are worth."""
    return 1 if records <= FEW_RECORDS else cores()


def recompute(
    dump: Dump,
    cut: Mapping[int, int],
    processes: int,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Answers:
    """Return what the dump comes to.

    Args:
        dump: the records, complete.
        cut: for each partition of the topic the first offset that is not counted.
        processes: how many to use.
        progress: is told stretches done, and of how many.

    """
    about, stretches = dump.about(), dump.stretches()
    whole = PythonOracle(about.rules, cut, about.detection, about.begin)
    if processes == 1 or len(stretches) == 1:
        for number, stretch in enumerate(stretches):
            whole.absorb(_recount(stretch, about, dict(cut)))
            progress(number + 1, len(stretches))
        return whole.answers()
    # Spawned, not forked: this process has threads of Kafka's library.
    spawn = multiprocessing.get_context("spawn")
    # Nothing that is made there refers to itself, and looking for it would cost a tenth.
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=gc.disable) as pool:
        parts = pool.map(_recount, *zip(*((s, about, dict(cut)) for s in stretches), strict=True))
        for number, part in enumerate(parts):
            whole.absorb(part)
            progress(number + 1, len(stretches))
    return whole.answers()


def _recount(stretch: DumpFile, about: DumpHeader, cut: dict[int, int]) -> PythonOracle:
    """Count one stretch; its sales are judged when it is joined to those before it."""
    part = PythonOracle(about.rules, cut, about.detection)
    part.feed(read(stretch.path))
    return part
