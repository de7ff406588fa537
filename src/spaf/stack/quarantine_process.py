"""The process that explains records that were not accepted: `spaf.stack.quarantine_process`.

The supervisor starts it once the job runs. It may be killed at any moment: the next process does
again what was not finished. The run goes on without it.
"""

from __future__ import annotations

import logging
import os
import sys

import msgspec

from spaf import settings
from spaf.files import write_atomically
from spaf.quarantine.worker import QuarantineSource, QuarantineWorker
from spaf.stack.log import configure as configure_log
from spaf.stack.log import exit_code_of
from spaf.stack.process import ProcessIdentity
from spaf.stack.run import Run
from spaf.stack.scheduling import give_way
from spaf.stack.state import RunFolder

# Not __name__: that is __main__ in this process.
log = logging.getLogger("spaf.stack.quarantine_process")

# Every other process of the machine comes first.
NICENESS = 10


def is_ready(home: RunFolder) -> bool:
    """Return whether a process is connected and follows the ledger."""
    try:
        identity = msgspec.json.decode(home.quarantine.read_bytes(), type=ProcessIdentity)
    except (FileNotFoundError, msgspec.DecodeError):
        return False
    return identity.alive()


def source(run: Run) -> QuarantineSource:
    """Return what the quarantine of a run reads and writes."""
    return QuarantineSource(run.kafka, run.topic, run.access, run.rules)


def explain() -> None:
    """Explain records until SIGTERM.

    Raises:
        NotUpError: no run is up.

    """
    give_way(NICENESS)
    run = Run.attach(settings.load())
    worker = QuarantineWorker(source(run), run.settings.quarantine, run.settings.store.keep)
    worker.run(lambda: publish_readiness(run.home))


def publish_readiness(home: RunFolder) -> None:
    """Write down that this process is ready."""
    log.info("following the ledger")
    write_atomically(home.quarantine, msgspec.json.encode(ProcessIdentity.of(os.getpid())))


if __name__ == "__main__":
    configure_log()
    sys.exit(exit_code_of(explain))
