"""A measurement of a run that starts needs a machine without another one."""

from __future__ import annotations

from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack import control


def require_no_run(*settings: Settings) -> None:
    """Check that nothing runs in the run folders of these settings.

    Raises:
        StackError: a run is up.

    """
    for chosen in settings:
        if control.is_up(chosen):
            raise StackError(
                f"A run is up in {chosen.home}: it would be measured too.",
                todo="Stop it with `spaf down` first.",
            )
