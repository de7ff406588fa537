"""Whether the service that `spaf service` runs in a run folder is ready.

An engine of containers asks every few seconds, with a process of its own each time. So a service
that is ready leaves a file with its process id, and the question is whether both are there. The
launcher of `spaf` answers it by itself if SPAF_HOME is set: without Python that takes a hundredth
of the processor time.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from spaf.errors import SettingsError
from spaf.files import write_atomically
from spaf.stack.service_specs import ALONE
from spaf.stack.state import RunFolder


def health_file(home: RunFolder, name: str) -> Path:
    """Return the file that is there while the service is ready."""
    return home.runs / f"{name}.healthy"


def note_health(home: RunFolder, name: str, *, ready: bool) -> None:
    """Note whether the service that this process runs is ready.

    Raises:
        OSError: the run folder cannot be written.

    """
    file = health_file(home, name)
    if not ready:
        file.unlink(missing_ok=True)
    elif not file.exists():
        write_atomically(file, f"{os.getpid()}\n".encode())


def is_healthy(home: RunFolder, name: str) -> bool:
    """Return whether the service of the run folder is ready.

    Raises:
        SettingsError: there is no such service.

    """
    require_service(name)
    try:
        return psutil.pid_exists(int(health_file(home, name).read_text()))
    except (OSError, ValueError):
        return False


def require_service(name: str) -> None:
    """Check that there is a service of this name.

    Raises:
        SettingsError: there is none.

    """
    if name not in ALONE:
        raise SettingsError(
            f"There is no service {name!r}.", todo=f"Name one of {', '.join(ALONE)}."
        )
