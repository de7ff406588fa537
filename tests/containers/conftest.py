"""An engine of the tests' own, the image that it builds, and the record of what is measured.

Not collected by `make test`: `make test-containers`, as root. Nothing is skipped: what the machine
lacks ends the run, in one sentence.

    TEST_RECORD=FOLDER    keep the record of the whole run
    TEST_FOLDER=FOLDER    keep the engine there: a second run builds only what has changed
    TEST_FAULTS=N         so many faults in place of FAULTS
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import base_image, record
from tests.support.containers.compose import ROOT, Compose, timed
from tests.support.containers.engine import Engine, delete
from tests.support.containers.record import Parts
from tests.support.containers.requirements import missing_here

# In this order: what is wrong with the image is known before anything is started from it, and the
# cluster needs the most.
ORDER = ("test_image", "test_cluster", "test_spread", "test_compose", "test_refusals")
IMAGE = "spaf:test"
# The plan of faults: at least sixty, two rounds of all kinds.
SEED = 1
FAULTS = 60
# Sales a second while they are made: each verification reads all of them.
RATE = 50.0
BUILD_S = 900.0
PARTS = pytest.StashKey[Parts]()
# A name with a length that leaves room for the path of a socket.
PREFIX = "spaf-"

Project = Callable[..., Compose]


def pytest_sessionstart(session: pytest.Session) -> None:
    """End the run if the machine lacks something."""
    session.config.stash[PARTS] = Parts()
    problem = "" if session.config.option.collectonly else missing_here()
    if problem:
        raise pytest.UsageError(problem)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the modules; the tests of one stay in its own order."""
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.stem in ORDER else -1)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the record, if that is asked for and everything was measured."""
    parts = session.config.stash[PARTS]
    folder = os.environ.get("TEST_RECORD")
    if folder and parts.faults is not None:
        failed = session.testsfailed
        reasons = [f"{failed} tests have failed"] if failed else []
        options = {"seed": SEED, "faults": faults(), "rate": RATE}
        record.write(ROOT / folder, parts, options, reasons)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the table of the recovery times, and which goals are reached."""
    parts = config.stash[PARTS]
    if parts.faults is not None:
        terminalreporter.section("from the fault to current rows, seconds")
        for one in parts.faults.summary_by_target:
            times = f"median {one.median}, p95 {one.p95}, max {one.max}"
            terminalreporter.line(f"{one.kind} {one.target}: {one.count} times; {times}")
        terminalreporter.line(parts.faults.summary())
    terminalreporter.section("goals")
    for goal in parts.goals:
        terminalreporter.line(goal.line)


def faults() -> int:
    """Return how many faults are made."""
    return int(os.environ.get("TEST_FAULTS", FAULTS))


@pytest.fixture(scope="session")
def parts(request: pytest.FixtureRequest) -> Parts:
    """Return what the tests measure, for the record."""
    return request.config.stash[PARTS]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Yield the folder of the engine; nothing of it is left, unless it is to be kept."""
    kept = os.environ.get("TEST_FOLDER")
    made = Path(kept) if kept else Path(tempfile.mkdtemp(dir="/var/tmp", prefix=PREFIX))
    made.mkdir(exist_ok=True)
    # PostgreSQL and SPAF run under accounts of their own.
    made.chmod(0o711)
    yield made
    if not kept:
        delete(made)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Yield a folder for the files and disks of tests, which accounts in containers may enter."""
    made = Path(tempfile.mkdtemp(dir="/var/tmp", prefix=PREFIX))
    made.chmod(0o711)
    yield made
    delete(made)


@pytest.fixture(scope="session")
def image(folder: Path, parts: Parts) -> str:
    """Return the name of the image, built as a person does; the base image is made before."""
    with Engine(folder, isolated=False) as engine:
        if not base_image.exists(engine):
            base_image.make(engine, folder)
        parts.build_s = round(timed(lambda: build(engine)), 1)
    return IMAGE


def build(engine: Engine) -> None:
    """Build the image; only this step reaches the package registries."""
    engine.docker(
        *("build", "--network", "host", "--build-arg", f"BASE={base_image.NAME}"),
        *("--build-arg", f"VERSION={version('spaf')}", "--tag", IMAGE, ROOT),
        timeout=BUILD_S,
        # The builder that every engine has.
        DOCKER_BUILDKIT="0",
    )


@pytest.fixture(scope="session")
def engine(folder: Path, image: str) -> Iterator[Engine]:
    """Yield the engine of all containers, in a network of its own."""
    del image
    with Engine(folder, isolated=True) as engine:
        yield engine


@pytest.fixture(scope="session")
def project(engine: Engine, image: str) -> Project:
    """Return a function that makes a project of compose.yaml with this image."""

    def make(name: str, **options: Any) -> Compose:
        variables = {"SPAF_IMAGE": image, **options.pop("variables", {})}
        return Compose(engine, name, variables=variables, **options)

    return make
