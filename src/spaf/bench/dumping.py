"""From Kafka into a dump: each stretch of the topic by a process of its own, a few at a time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from spaf.topic.read import read
from spaf.verify.dump import Dump, parts
from spaf.verify.parallel import FEW_RECORDS, cores

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""

READING = "reading the topic"


def dump_range(
    dump: Dump,
    place: tuple[str, str],
    begin: Mapping[int, int],
    end: Mapping[int, int],
    progress: Progress,
) -> None:
    """Write the records of each partition from its `begin` up to its `end` into the dump.

    Args:
        dump: its folder is made if need be; what it holds of other ranges stays.
        place: address of Kafka, and topic.
        begin: first offset of each partition.
        end: first offset of each partition that is not wanted.
        progress: is told offsets.

    Raises:
        TopicError: the topic cannot be read.
        VerifyError: the dump cannot be written.

    """
    dump.create()
    stretches = list(parts(begin, end))
    total = sum(stop - first for _, first, stop in stretches)
    if total <= FEW_RECORDS:
        for stretch in stretches:
            _dump(dump.folder, place, stretch)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores(), mp_context=spawn) as pool:
        jobs = [pool.submit(_dump, dump.folder, place, stretch) for stretch in stretches]
        done = 0
        try:
            for job in as_completed(jobs):
                done += job.result()
                progress(READING, done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _dump(folder: Path, place: tuple[str, str], stretch: tuple[int, int, int]) -> int:
    """Write one stretch and return its offsets."""
    partition, first, stop = stretch
    records = read(*place, {partition: first}, {partition: stop})
    Dump(folder).write(partition, first, records)
    return stop - first
