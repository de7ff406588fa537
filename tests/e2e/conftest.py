"""The `spaf` command as a user runs it: in an empty folder, without settings from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from spaf.settings import (
    FlinkSettings,
    JobSettings,
    KafkaSettings,
    LocustSettings,
    PostgresSettings,
    ServeSettings,
    Settings,
)
from spaf.stack import control
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import ProcessIdentity
from spaf.stack.run import Run
from spaf.stack.state import RunFolder
from tests.support.commands import Answer, Done, FullRun, Processes, Spaf, Student
from tests.support.hostile import FOLDER, UMASK, furnish
from tests.support.start_page import watched_start
from tests.support.terminal import follow

SPAF = Path(sys.executable).with_name("spaf")
# A command that takes longer than this hangs, seconds.
COMMAND_S = 100.0


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """Return this environment without settings of SPAF."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPAF_")}


@pytest.fixture(scope="session")
def spaf(clean_environment: dict[str, str]) -> Spaf:
    """Return a function that runs `spaf` in a folder, with variables in its environment."""
    launcher = Path(__file__).parents[2] / "tools" / "launcher.sh"
    assert SPAF.read_bytes() == launcher.read_bytes(), "The installed spaf is old: `make setup`"

    def run(folder: Path, *words: str, **variables: str) -> Done:
        done = subprocess.run(
            [SPAF, *words],
            cwd=folder,
            env={**clean_environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
            umask=UMASK,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def student(clean_environment: dict[str, str]) -> Student:
    """Return a function that follows a lesson, with `spaf` on the path as after `activate`."""
    path = f"{SPAF.parent}{os.pathsep}{clean_environment['PATH']}"

    def learn(text: str, folder: Path, **variables: str) -> None:
        follow(text, folder, {**clean_environment, **variables, "PATH": path})

    return learn


@pytest.fixture(scope="session")
def answer() -> Answer:
    """Return a function that reads the JSON value that a command printed, if it succeeded."""

    def read(done: Done) -> Any:
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.fixture(scope="session")
def processes() -> Processes:
    """Return a function that lists supervisor, services and their children of a run folder."""

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


@pytest.fixture(scope="session")
def full_run(
    spaf: Spaf, small_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FullRun]:
    """Yield the run of the tests of commands and page; another program has its broker's port.

    It is started from a shell and in a folder that nothing helps, and its run folder is a link. Its
    job has the default settings, whose graph set-up has kept. Its TaskManager has one compiler;
    that of `spaf demo`'s test has the usual two.
    """
    path = tmp_path_factory.mktemp("full_run") / FOLDER
    path.mkdir(parents=True)
    large = tmp_path_factory.mktemp("large")
    (path / ".spaf").symlink_to(large)
    with socket.socket() as other:
        port = small_settings.kafka.port + 8
        patience = small_settings.flink.heartbeat_timeout_s
        other.bind((LOOPBACK, port))
        other.listen()
        settings = small_settings.model_copy(
            update={
                "home": path / ".spaf",
                "kafka": KafkaSettings(port=port),
                "flink": FlinkSettings(
                    port=port - 4, heartbeat_timeout_s=patience, second_compiler=False
                ),
                "postgres": PostgresSettings(port=port - 3),
                "locust": LocustSettings(port=port - 2),
                "serve": ServeSettings(port=port - 1),
                "job": JobSettings(),
            }
        )
        variables = furnish(path) | {
            "SPAF_KAFKA__PORT": str(port),
            "SPAF_FLINK__PORT": str(port - 4),
            "SPAF_FLINK__HEARTBEAT_TIMEOUT_S": str(patience),
            "SPAF_FLINK__SECOND_COMPILER": "false",
            "SPAF_POSTGRES__PORT": str(port - 3),
            "SPAF_LOCUST__PORT": str(port - 2),
            "SPAF_SERVE__PORT": str(port - 1),
        }
        before = set(path.iterdir())
        try:
            with watched_start(large, tmp_path_factory.mktemp("browser")) as page:
                up = spaf(path, "up", "--json", **variables)
            yield FullRun(path, port, settings, variables, up, before, page)
        finally:
            down = spaf(path, "down", "--wipe", **variables)
    assert down.returncode == 0, down.stderr


@pytest.fixture(scope="session")
def recovery_settings(small_settings: Settings) -> Iterator[Settings]:
    """Yield the settings of the run whose services are killed; end it at the end.

    Its cluster has the usual patience with a process that is silent. Its job has settings of its
    own, so that the first start makes the graph, and seldom a checkpoint: what waits for one
    requests it.
    """
    usual = FlinkSettings().heartbeat_timeout_s
    settings = small_settings.model_copy(
        update={
            "home": small_settings.home.with_name("recovery"),
            "flink": small_settings.flink.model_copy(update={"heartbeat_timeout_s": usual}),
            "job": JobSettings(checkpoint_ms=4_000),
        }
    )
    yield settings
    control.down(settings, wipe=True)


@pytest.fixture
def recovery_run(recovery_settings: Settings) -> Run:
    """Return the run whose services are killed, started unless it is up."""
    return Run(recovery_settings, control.up(recovery_settings, lambda _: None, end_with_us=True))
