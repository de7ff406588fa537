"""Whether a service in the foreground is ready, from what it has noted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spaf.errors import SettingsError
from spaf.stack.service_health import health_file, is_healthy, note_health
from spaf.stack.service_specs import ALONE
from spaf.stack.state import RunFolder

LAUNCHER = Path(__file__).parents[3] / "tools" / "launcher.sh"
# Larger than any process id that Linux gives.
NO_PROCESS = 2**22 + 1


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Make a run folder."""
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


def launched(home: RunFolder, folder: Path, name: str = "kafka") -> tuple[int, str]:
    """Ask the launcher, with a Python that only says that it was called."""
    (folder / "spaf").write_bytes(LAUNCHER.read_bytes())
    python = folder / "python"
    python.write_text("#!/bin/sh\necho Python\n")
    python.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(folder / "spaf"), "service", name, "--healthy"],
        env={"SPAF_HOME": str(home.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_service_is_healthy_while_it_is_ready(home: RunFolder) -> None:
    """One that hangs is not, although its process is there."""
    assert not is_healthy(home, "kafka")
    note_health(home, "kafka", ready=False)
    note_health(home, "kafka", ready=True)
    note_health(home, "kafka", ready=True)
    assert health_file(home, "kafka").read_text() == f"{os.getpid()}\n"
    assert is_healthy(home, "kafka")
    assert not is_healthy(home, "postgres")
    note_health(home, "kafka", ready=False)
    assert not is_healthy(home, "kafka")


def test_service_that_was_killed_is_not_healthy(home: RunFolder) -> None:
    """It could not take its note away."""
    health_file(home, "kafka").write_text(f"{NO_PROCESS}\n")
    assert not is_healthy(home, "kafka")


def test_folder_without_a_service_is_not_healthy(bare: Path) -> None:
    """An engine asks before the service has made its folder."""
    assert not is_healthy(RunFolder(bare / "nowhere"), "kafka")


@pytest.mark.parametrize("name", ALONE)
def test_launcher_answers_without_python(home: RunFolder, tmp_path: Path, name: str) -> None:
    """The same as the command; what is no service is for Python to say."""
    folder = tmp_path / "bin"
    folder.mkdir()
    not_ready = (1, f"{name} is not ready.\n")
    assert launched(home, folder, name) == not_ready
    health_file(home, name).write_text(f"{NO_PROCESS}\n")
    assert launched(home, folder, name) == not_ready
    note_health(home, name, ready=False)
    note_health(home, name, ready=True)
    assert launched(home, folder, name) == (0, "")
    assert launched(home, folder, "serve") == (0, "Python\n")


def test_unknown_service_is_refused_with_the_names(home: RunFolder) -> None:
    """Also a part of the page, which has no container."""
    with pytest.raises(SettingsError, match="There is no service 'serve'") as caught:
        is_healthy(home, "serve")
    assert ", ".join(ALONE) in caught.value.todo


def test_answer_imports_little(bare: Path) -> None:
    """It comes every few seconds where the launcher is not used."""
    code = "import sys, spaf.cli.service; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=bare, capture_output=True, text=True, check=True
    )
    assert not {"confluent_kafka", "psycopg", "httpx", "locust"} & set(done.stdout.split())
