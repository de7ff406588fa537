"""The status of a headless load, in a file: unlike Locust's page it has no address to poll."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def write(path: Path, status: LoadStatus) -> None:
    """Write the status."""
    write_atomically(path, msgspec.json.encode(status))


def read_all(folder: Path) -> list[LoadStatus]:
    """Return the statuses of the headless loads that sell now."""
    statuses = []
    oldest_s = clock.now_ms() / 1_000 - MAX_AGE_S
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            if path.stat().st_mtime >= oldest_s:
                statuses.append(msgspec.json.decode(path.read_bytes(), type=LoadStatus))
        except (OSError, msgspec.DecodeError):
            continue  # the load has ended and removed it
    return [status for status in statuses if status.selling]
