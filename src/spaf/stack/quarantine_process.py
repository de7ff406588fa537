"""The process that explains what is not accepted: `python -m spaf.stack.quarantine_process`.

The supervisor starts it when the job runs. It may be killed at any moment: what it has not
finished it does again. Whatever goes wrong in it must not end the run.
"""

from __future__ import annotations

import logging
import os
import sys

import msgspec

from spaf import clock, settings
from spaf.errors import SpafError
from spaf.files import write_atomically
from spaf.quarantine.worker import QuarantineSource, QuarantineWorker
from spaf.settings import Settings
from spaf.stack.log import configure as configure_log
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import RunFolder

log = logging.getLogger(__name__)

QUARANTINE = "quarantine"
# Every other process of the machine comes first.
NICENESS = 10
# Before it ends after a failure that is not understood, seconds: started again at once and for ever
# it would use up the supervisor's patience, and the run would end for its sake.
PAUSE_AFTER_DEFECT_S = 20.0


def is_watching(home: RunFolder) -> bool:
    """Say whether the process is connected and watches."""
    try:
        found = msgspec.json.decode(home.watching.read_bytes(), type=ProcessIdentity)
    except (FileNotFoundError, msgspec.DecodeError):
        return False
    return found.alive()


def source(chosen: Settings, home: RunFolder) -> QuarantineSource:
    """Return what the run in the run folder reads and writes.

    Raises:
        NotUpError: nothing runs there.

    """
    state = home.running()
    dsn = None if chosen.postgres.dsn is None else chosen.postgres.dsn.get_secret_value()
    # The rules that the job was started with.
    rules = state.contract.rules()
    access = home.access(state, chosen.postgres.schema_name, dsn)
    return QuarantineSource(state.kafka, chosen.kafka.topic, access, rules)


def main() -> int:
    """Explain until SIGTERM."""
    os.nice(NICENESS)
    try:
        chosen = settings.load()
        home = RunFolder(chosen.home)
        QuarantineWorker(source(chosen, home), chosen.quarantine).run(lambda: _say_ready(home))
    except SpafError as error:
        log.error("stopped: %s", error)  # noqa: TRY400 - the message says all of it
        return error.exit_code
    except Exception:
        log.exception("stopped by a defect")
        clock.sleep(PAUSE_AFTER_DEFECT_S)
        return 1


def _say_ready(home: RunFolder) -> None:
    log.info("watching")
    write_atomically(home.watching, msgspec.json.encode(ProcessIdentity.of(os.getpid())))


if __name__ == "__main__":
    configure_log()
    sys.exit(main())
