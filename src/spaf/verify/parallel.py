"""Run the Python oracle over a dump: one process a core, one file at a time, merged in order."""

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

# A process needs about a second to start, in which one process counts this number of records.
MAX_RECORDS_OF_ONE_PROCESS = 200_000


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def processes(records: int) -> int:
    """Return the number of processes to use for this number of records."""
    return 1 if records <= MAX_RECORDS_OF_ONE_PROCESS else cores()


def recompute(
    dump: Dump,
    upper_bound: Mapping[int, int],
    processes: int,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Answers:
    """Return the rows that follow from the records of a dump.

    Args:
        dump: the records, complete.
        upper_bound: for each partition of the topic the first offset that is not counted.
        processes: number of processes.
        progress: called with the number of files that are done, and of all files.

    """
    header, files, bound = dump.header(), dump.files(), dict(upper_bound)
    whole = PythonOracle(header.rules, bound, header.detection, header.begin)
    if processes == 1 or len(files) == 1:
        for number, file in enumerate(files):
            whole.merge(_count(file, header, bound))
            progress(number + 1, len(files))
        return whole.answers()
    # Spawned, not forked: this process has threads of Kafka's library.
    spawn = multiprocessing.get_context("spawn")
    # The workers create no reference cycles, so the garbage collector would only cost time: 10 %.
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=gc.disable) as pool:
        parts = pool.map(_count, *zip(*((file, header, bound) for file in files), strict=True))
        for number, part in enumerate(parts):
            whole.merge(part)
            progress(number + 1, len(files))
    return whole.answers()


def _count(file: DumpFile, header: DumpHeader, upper_bound: dict[int, int]) -> PythonOracle:
    """Count one file; its sales are scored when it is merged with the files before it."""
    part = PythonOracle(header.rules, upper_bound, header.detection)
    for batch in read(file.path):
        part.feed_batch(batch)
    return part
