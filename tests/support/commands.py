"""The types of what runs the `spaf` command, and a run that it has started."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaf.settings import Settings
from spaf.stack.process import ProcessIdentity
from tests.support.start_page import StartPage

Done = subprocess.CompletedProcess[str]
Spaf = Callable[..., Done]
Answer = Callable[[Done], Any]
Processes = Callable[[Path], list[ProcessIdentity]]
# Follows the text of a lesson in a folder, with variables in the environment.
Student = Callable[..., None]


@dataclass
class FullRun:
    """A run that `spaf up` has started: its `settings`, and the `variables` that say the same."""

    path: Path
    wanted_port: int
    settings: Settings
    variables: dict[str, str]
    up: Done
    # What the folder held before the start; the run folder is a link in it.
    before: set[Path]
    # What a browser showed of the start.
    page: StartPage

    @property
    def home(self) -> Path:
        """Return the run folder that is used if no setting names another."""
        return self.path / ".spaf"
