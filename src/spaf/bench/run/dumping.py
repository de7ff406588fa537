"""From Kafka into a dump: each stretch of the topic by a process of its own, a few at a time.

What is written down is counted by formulation one on the way, while it is in memory.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from spaf.topic.range_reader import read
from spaf.verify.dump import Dump, file_ranges
from spaf.verify.parallel import cores, processes
from spaf.verify.python_oracle import PythonOracle

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""

READING = "reading the topic"


def dump_range(  # noqa: PLR0913, PLR0917 - from where, to where, and who counts
    dump: Dump,
    place: tuple[str, str],
    begin: Mapping[int, int],
    end: Mapping[int, int],
    whole: PythonOracle,
    progress: Progress,
) -> None:
    """Write the records of each partition from its `begin` up to its `end` into the dump.

    Args:
        dump: its folder is made if need be; what it holds of other ranges stays.
        place: address of Kafka, and topic.
        begin: first offset of each partition.
        end: first offset of each partition that is not wanted.
        whole: counts the records; of each partition it has those before `begin`.
        progress: is told offsets.

    Raises:
        TopicError: the topic cannot be read.
        VerifyError: the dump cannot be written.

    """
    dump.create()
    stretches = list(file_ranges(begin, end))
    total = sum(stop - first for _, first, stop in stretches)
    if processes(total) == 1:
        for stretch in stretches:
            whole.merge(_dump(dump.folder, place, whole.next_chunk(), stretch))
        return
    # Spawned, not forked: this process has threads of Kafka's library.
    spawn = multiprocessing.get_context("spawn")
    # Nothing that is made there refers to itself, and looking for it would cost a tenth.
    with ProcessPoolExecutor(cores(), mp_context=spawn, initializer=gc.disable) as pool:
        jobs = [
            pool.submit(_dump, dump.folder, place, whole.next_chunk(), stretch)
            for stretch in stretches
        ]
        done = 0
        try:
            for job, (_, first, stop) in zip(jobs, stretches, strict=True):
                whole.merge(job.result())
                done += stop - first
                progress(READING, done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _dump(
    folder: Path, place: tuple[str, str], part: PythonOracle, stretch: tuple[int, int, int]
) -> PythonOracle:
    """Write one stretch and return what it comes to."""
    partition, first, stop = stretch
    records = read(*place, {partition: first}, {partition: stop})
    part.feed(Dump(folder).write_through(partition, first, records))
    return part
