"""The `spaf` command as a user runs it: in a folder of its own, with nothing of ours around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from spaf.stack.process import ProcessIdentity
from spaf.stack.state import RunFolder

SPAF = Path(sys.executable).with_name("spaf")
# A command that takes longer than this hangs, seconds.
COMMAND_S = 100.0


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """Return this environment without settings of SPAF."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPAF_")}


@pytest.fixture(scope="session")
def spaf(clean_environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs `spaf` in a folder with settings in the environment."""

    def run(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [SPAF, *words],
            cwd=folder,
            env={**clean_environment, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def answer() -> Callable[[subprocess.CompletedProcess[str]], Any]:
    """Return what reads the one JSON value that a command printed, and fails if it failed."""

    def read(done: subprocess.CompletedProcess[str]) -> Any:
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.fixture(scope="session")
def processes() -> Callable[[Path], list[ProcessIdentity]]:
    """Return what lists supervisor, services and all their children of a run folder."""

    def known(folder: Path) -> list[ProcessIdentity]:
        state = RunFolder(folder).running()
        heads = [state.supervisor(), *filter(None, (s.identity() for s in state.services.values()))]
        found = list(heads)
        for head in heads:
            for child in psutil.Process(head.pid).children(recursive=True):
                identity = ProcessIdentity.of(child.pid)
                if identity is not None and identity not in found:
                    found.append(identity)
        return found

    return known
