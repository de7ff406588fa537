"""The status of a headless load, in a file: unlike Locust's page it has no address to poll."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spaf import clock
from spaf.files import write_atomically
from spaf.generate.locust.protocol import LoadStatus

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".status"
WRITE_EVERY_S = 1.0
# A load that was killed leaves its file; one that sells renews it each second.
MAX_AGE_S = 4.0


class WrittenStatus(NamedTuple):
    """A status, and when it was written, by the monotonic clock in seconds."""

    status: LoadStatus
    written_at: float


def write(path: Path, status: LoadStatus) -> None:
    """Write the status; on a full disk the one of the next second has to do.

    It runs in a thread of gevent, which prints a traceback for an error before it reports that the
    thread has ended. If the log is on the full disk too, that report never comes.
    """
    with suppress(OSError):
        write_atomically(path, msgspec.json.encode(status))


def read_all(folder: Path) -> list[WrittenStatus]:
    """Return the statuses of the headless loads that sell now."""
    statuses = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            age_s = clock.now_us() / 1e6 - path.stat().st_mtime
            status = msgspec.json.decode(path.read_bytes(), type=LoadStatus)
        except (OSError, msgspec.DecodeError):
            continue  # the load has ended and removed it
        if age_s <= MAX_AGE_S and status.selling:
            # The same for each reading of one file.
            statuses.append(WrittenStatus(status, round(clock.monotonic() - age_s, 2)))
    return statuses
