"""What is wrong around the containers is said in one sentence, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spaf.stack.process import wait_until
from spaf.stack.state import MARKER
from tests.containers.conftest import Project
from tests.support.containers.compose import FILE, Compose
from tests.support.containers.engine import Engine, run
from tests.support.containers.requirements import compose_command

NOBODY = 65_534
LISTEN = (
    "import socket, sys;"
    "server = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
    "sys.stdin.read()"
)
PAGE_PORT = 8080
# A container that says why it ends does so within this; seconds.
SAID_S = 60.0
# So little that no JVM starts.
TOO_LITTLE = "96m"

pytestmark = pytest.mark.timeout(300)


def sentences(text: str) -> list[str]:
    """Return the lines of an output that say something."""
    return [line for line in text.splitlines() if line.strip()]


def left_behind(compose: Compose) -> dict[str, list[str]]:
    """Return what the engine has of a project."""
    own = ("--filter", f"label=com.docker.compose.project={compose.project}", "--quiet")
    kinds = {"ps": ("ps", "--all"), "volume": ("volume", "ls"), "network": ("network", "ls")}
    found = {kind: compose.engine.docker(*words, *own).stdout for kind, words in kinds.items()}
    return {kind: lines.split() for kind, lines in found.items() if lines.split()}


def test_without_an_engine(engine: Engine, image: str) -> None:
    """Compose names the address at which none answers."""
    nowhere = f"unix://{engine.folder}/nowhere"
    command = compose_command()
    assert command is not None
    variables = engine.variables(SPAF_IMAGE=image) | {"DOCKER_HOST": nowhere}
    done = run([*command, "--file", str(FILE), "up", "--detach"], variables, check=False, wait=60)
    assert done.returncode != 0
    (said,) = sentences(done.stderr)
    assert nowhere in said


def test_without_rights(engine: Engine, image: str) -> None:
    """An account that may not use the engine."""
    done = subprocess.run(
        ["docker", "run", "--rm", image],  # noqa: S607
        env=engine.variables(HOME="/nonexistent"),
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "permission denied" in sentences(done.stderr)[0]


def test_a_taken_port(project: Project, engine: Engine) -> None:
    """It is named; what was made until then is gone with `down`."""
    listening = ["python3", "-c", LISTEN, str(PAGE_PORT)]
    with (
        subprocess.Popen(engine.inside(*listening), stdin=subprocess.PIPE) as other,
        project("spaf-port") as compose,
    ):
        done = compose("up", "--detach", "--no-deps", "page", check=False)
        assert done.returncode != 0
        said = sentences(done.stderr)[-1]
        assert f"127.0.0.1:{PAGE_PORT}" in said
        assert "address already in use" in said
        compose("down", "--volumes")
        assert left_behind(compose) == {}
        assert other.stdin is not None
        other.stdin.close()


@contextmanager
def refused(compose: Compose, service: str) -> Iterator[list[str]]:
    """Start a service that has to refuse, and yield what it has said."""
    compose("up", "--detach", "--no-deps", service)
    container = compose.container(service)

    def said() -> bool:
        state = compose.engine.inspect(container)
        return bool(state["RestartCount"] or state["State"]["Status"] == "exited")

    assert wait_until(said, SAID_S), compose.logs(service)
    log = compose("logs", "--no-color", "--no-log-prefix", service).stdout
    assert "Traceback" not in log
    yield sentences(log)
    compose("down", "--volumes")
    assert left_behind(compose) == {}


@pytest.mark.parametrize("service", ["kafka", "taskmanager"])
def test_too_little_memory(project: Project, scratch: Path, service: str) -> None:
    """The end of the service says what it lacked."""
    override = scratch / "memory.json"
    override.write_text(json.dumps({"services": {service: {"mem_limit": TOO_LITTLE}}}))
    with project("spaf-memory", files=(override,)) as compose, refused(compose, service) as said:
        assert [line for line in said if "memory" in line]


@pytest.mark.parametrize("service", ["kafka", "postgres"])
def test_a_volume_of_another_program(project: Project, scratch: Path, service: str) -> None:
    """It is neither used nor changed."""
    disk = scratch / f"foreign-{service}"
    disk.mkdir()
    (disk / "letter.txt").write_text("mine")
    os.chown(disk, 10_001, 10_001)
    with over(project, scratch, service, disk) as compose, refused(compose, service) as said:
        assert "SPAF" in " ".join(said[:2])
    assert [path.name for path in disk.iterdir()] == ["letter.txt"]


def test_a_volume_without_rights(project: Project, scratch: Path) -> None:
    """The account of the container may not write there."""
    disk = scratch / "locked"
    disk.mkdir(mode=0o755)
    # An empty volume would take over the owner that the image has at its place.
    (disk / MARKER).touch()
    with over(project, scratch, "kafka", disk) as compose, refused(compose, "kafka") as said:
        assert "Permission denied" in " ".join(said[:2])
    assert [path.name for path in disk.iterdir()] == [MARKER]


def test_a_half_built_volume(project: Project) -> None:
    """A container that was killed while it made its data makes them again."""
    with project("spaf-half") as compose:
        for service in ("postgres", "kafka"):
            compose("up", "--detach", "--no-deps", service)
            container = compose.container(service)
            for _ in range(3):
                wait_until(lambda: compose.engine.pid_of(container) > 0, SAID_S)  # noqa: B023
                os.kill(compose.engine.pid_of(container), 9)
        compose.wait_until_healthy()


@contextmanager
def over(project: Project, scratch: Path, service: str, disk: Path) -> Iterator[Compose]:
    """Yield a project in which the data of a service are in a folder."""
    volume = {"type": "none", "o": "bind", "device": str(disk)}
    override = scratch / f"volume-{service}.json"
    override.write_text(json.dumps({"volumes": {service: {"driver_opts": volume}}}))
    with project(f"spaf-{service}", files=(override,)) as compose:
        yield compose
