"""The log of each process of SPAF: the standard library's `logging`, in one format.

A module logs through `logging.getLogger(__name__)`. A process configures the output once, at its
start; the supervisor has redirected the standard error to the file that `spaf logs NAME` prints.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from spaf.errors import SpafError

log = logging.getLogger(__name__)

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class UtcFormatter(logging.Formatter):
    """Formats the time of a record as ISO 8601 in UTC, with milliseconds."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - the base class has named it
        """Return the time of the record."""
        del datefmt
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure() -> None:
    """Write the records of SPAF from level INFO, and those of libraries from WARNING, to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(UtcFormatter(FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("spaf").setLevel(logging.INFO)


def exit_code_of(work: Callable[[], None]) -> int:
    """Do the work of a process and return its exit code; log why it failed.

    A failure that SPAF foresees is logged as its message, a defect with its traceback.
    """
    try:
        work()
    except SpafError as error:
        log.error("stopped: %s", error)
        return error.exit_code
    except Exception:
        log.exception("stopped by a defect of SPAF")
        return 1
    return 0
