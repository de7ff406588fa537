"""The graph of the job as Flink's client hands it to a cluster, kept in a file with blanks.

A blank stands for a value that each run has of its own: an address, a password, the id of the job,
the checkpoint to resume from. Java's serialisation writes the length of a text before the text, so
a blank is exactly as long as what replaces it. There is a graph for a job that starts at the
committed offsets, and one for a job that resumes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

from spaf.errors import JobError
from spaf.files import write_atomically

# The blank of the id: 16 random bytes, which occur nowhere else.
BLANK_ID = "9d41f2c86b0e5a73c81f64d90a2b7e35"
# The blank of the checkpoint. A path may end with slashes, so a shorter one is filled up.
BLANK_RESUME = "file:///blank-checkpoint".ljust(192, "-")
FILLER = "/"
# The text repeats itself: 10 MB become 1 MB, and more effort would save little.
COMPRESSION = 1


def file_of(graph: Path, *, resumes: bool) -> Path:
    """Return the file of one of the two graphs."""
    return graph.with_suffix(".resumed" if resumes else ".new")


def write(file: Path, graph: bytes) -> None:
    """Keep a graph, on the disk before it has its name: a start that meets a part of it fails.

    Raises:
        OSError: the file could not be written.

    """
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, zlib.compress(graph, COMPRESSION), durable=True)


def read(file: Path) -> bytes:
    """Return a kept graph.

    Raises:
        JobError: the file is missing or damaged.

    """
    try:
        return zlib.decompress(file.read_bytes())
    except (OSError, zlib.error) as error:
        file.unlink(missing_ok=True)
        raise JobError(f"The kept graph of the job cannot be read: {error}.") from error


def fill(graph: bytes, job_id: str, values: Mapping[str, str]) -> bytes:
    """Return a graph with its blanks replaced.

    Args:
        graph: as it is kept.
        job_id: 32 hexadecimal digits.
        values: the value of each blank, as long as the blank.

    Raises:
        JobError: a blank does not occur, or its value has another length.

    """
    replaced = {bytes.fromhex(BLANK_ID): bytes.fromhex(job_id)}
    replaced |= {blank.encode(): value.encode() for blank, value in values.items()}
    for blank, value in replaced.items():
        if len(blank) != len(value) or blank not in graph:
            raise JobError("The kept graph of the job has no place for a value of this run.")
        graph = graph.replace(blank, value)
    return graph


def resume_value(uri: str) -> str:
    """Return the value of BLANK_RESUME for a checkpoint."""
    return uri.ljust(len(BLANK_RESUME), FILLER)
