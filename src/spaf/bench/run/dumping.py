"""From Kafka into a dump: worker processes write a range of offsets each.

Formulation one counts the records on the way, while they are in memory.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from spaf.bench.progress import Progress
from spaf.topic.range_reader import read_batches
from spaf.verify.dump import Dump, file_ranges
from spaf.verify.parallel import cores, processes
from spaf.verify.python_oracle import PythonOracle

READING = "reading the topic"


def dump_range(  # noqa: PLR0913, PLR0917 - source, target, range and counter
    dump: Dump,
    source: tuple[str, str],
    begin: Mapping[int, int],
    end: Mapping[int, int],
    oracle: PythonOracle,
    progress: Progress,
) -> None:
    """Write the records of each partition from its `begin` up to its `end` into the dump.

    Args:
        dump: its folder is created if missing; other ranges in it stay.
        source: address of Kafka, and topic.
        begin: first offset of each partition.
        end: offset after the last one of each partition.
        oracle: counts the records; of each partition it has counted those before `begin`.
        progress: is called with the number of offsets.

    Raises:
        TopicError: the topic cannot be read.
        VerifyError: the dump cannot be written.

    """
    dump.create()
    ranges = list(file_ranges(begin, end))
    total = sum(stop - first for _, first, stop in ranges)
    if processes(total) == 1:
        for offsets in ranges:
            oracle.merge(_dump(dump.folder, source, oracle.next_chunk(), offsets))
        return
    # Spawned, not forked: this process has threads of Kafka's library.
    spawn = multiprocessing.get_context("spawn")
    # The workers create no reference cycles; the garbage collector would cost a tenth.
    with ProcessPoolExecutor(cores(), mp_context=spawn, initializer=gc.disable) as pool:
        jobs = [
            pool.submit(_dump, dump.folder, source, oracle.next_chunk(), offsets)
            for offsets in ranges
        ]
        done = 0
        try:
            for job, (_, first, stop) in zip(jobs, ranges, strict=True):
                oracle.merge(job.result())
                done += stop - first
                progress(READING, done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _dump(
    folder: Path, source: tuple[str, str], part: PythonOracle, offsets: tuple[int, int, int]
) -> PythonOracle:
    """Write one range of offsets and return its counts."""
    partition, first, stop = offsets
    records = read_batches(*source, {partition: first}, {partition: stop})
    for batch in Dump(folder).write_through(partition, first, records):
        part.feed_batch(batch)
    return part
