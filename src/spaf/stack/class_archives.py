"""Class-data archives: a JVM writes its loaded classes when it ends, later ones map the file."""

from __future__ import annotations

import signal
from dataclasses import replace

from spaf.stack import runtime
from spaf.stack.process import ServiceProcess
from spaf.stack.service_names import JOBMANAGER, KAFKA, TASKMANAGER

# Services with an archive.
ARCHIVED = (KAFKA, JOBMANAGER, TASKMANAGER)
# A JVM writes its archive at exit within this, on a busy machine, seconds.
ARCHIVE_TIMEOUT_S = 60.0


def archiving(service: ServiceProcess) -> ServiceProcess:
    """Return the service with the option that writes its archive when it ends."""
    if service.name not in ARCHIVED:
        return service
    archive = runtime.ARCHIVES / f"{service.name}.partial"
    argv = [service.argv[0], f"-XX:ArchiveClassesAtExit={archive}", *service.argv[1:]]
    # It writes nothing if it is killed.
    return replace(service, argv=argv, stop_signal=signal.SIGTERM, stop_timeout_s=ARCHIVE_TIMEOUT_S)
