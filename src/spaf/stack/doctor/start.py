"""The checks that `spaf up` makes before it creates or starts anything."""

from __future__ import annotations

from itertools import chain

from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack.doctor import folder, installation, machine, page
from spaf.stack.doctor.finding import Check, Level, Subject, findings

# What can prevent a start and is checked within milliseconds. What a check of external services
# finds, the start finds as well.
START_CHECKS: dict[str, tuple[Check, ...]] = {
    "installation": (installation.programs, installation.location),
    "machine": (
        machine.memory,
        machine.address_space,
        machine.processor_time,
        machine.file_size,
        machine.open_files,
        machine.tasks,
        machine.encoding,
        machine.account,
        machine.loopback,
        machine.temporary_files,
    ),
    "run folder": (
        folder.place,
        folder.writable,
        folder.file_system,
        folder.space,
        folder.version,
    ),
    "environment": (page.roles,),
}
"""By area of the report of `spaf doctor`, which makes them too."""


def require_startable(settings: Settings) -> None:
    """Check what can prevent a start.

    Raises:
        StackError: what prevents it; nothing was started or created.

    """
    subject = Subject.of(settings)
    for check in chain.from_iterable(START_CHECKS.values()):
        for finding in findings(check, subject):
            if finding.level is Level.FAIL:
                raise StackError(finding.what, todo=finding.todo)
