"""What all tests share: their groups and order, and settings with free ports and folders."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from spaf.bench.detection.batch import Batch
from spaf.errors import BrowserError
from spaf.measure.browser import find
from spaf.sale import Rules
from spaf.serve.run_info import JobInfo, RunInfo, Thresholds
from spaf.settings import (
    FlinkSettings,
    JobSettings,
    KafkaSettings,
    LocustSettings,
    PostgresSettings,
    ServeSettings,
    Settings,
)
from spaf.stack.run import Run
from spaf.store.access import Access
from tests.support.flink import batch_worker
from tests.support.hostile import FOLDER
from tests.support.sweeps import FakeSweep

# Tests that share something slow: each group runs in one worker, in the order of its paths, and the
# groups are begun before all other tests. Other tests go file by file.
GROUPS: dict[str, tuple[str, ...]] = {
    "browser": (
        "tests/integration/measure/",
        "tests/integration/report/",
        "tests/integration/serve/test_login.py",
    ),
    "agreement": (
        # SQL over files, before a stack is started.
        "tests/integration/job/test_agreement.py",
        "tests/integration/job/test_batch.py",
        "tests/integration/job/test_new_anomaly_kind.py",
        "tests/integration/job/test_once.py",
        "tests/integration/bench/detection/",
        "tests/integration/bench/agreement/",
        "tests/integration/job/",
    ),
    "stack": ("tests/integration/",),
    "run": (
        "tests/e2e/test_commands.py",
        # Before the tests of the page, which write rows that no sale explains.
        "tests/e2e/test_lessons.py",
        "tests/e2e/page/",
        # What all of the tests before it have left in the run folder is searched.
        "tests/e2e/test_security.py",
        "tests/e2e/test_wipe.py",
    ),
    "recovery": (
        # Before the tests that leave transactions in the topic.
        "tests/e2e/test_recovery_lesson.py",
        "tests/e2e/test_stops.py",
        "tests/e2e/test_recovery.py",
        "tests/e2e/test_topic_changes.py",
    ),
    "disk": ("tests/e2e/test_full_disk.py",),
    "demo": ("tests/e2e/test_demo.py",),
}
# Groups in the order in which they are begun, the longest first.
FIRST = ("stack", "run", "recovery", "agreement", "demo", "browser", "disk")
# A `Popen` that is deleted while its process runs warns, and warnings are errors here. The
# processes of a run are ended through its run folder.
OUTLIVES = "ignore:subprocess .* is still running:ResourceWarning"
# Below the ephemeral ports of the system. Two stacks that start at the same time must not ask for
# the same ports: each takes the first port that is free at that moment.
FIRST_PORT = 20_000
PORTS_OF_ONE = 20
# Silence after which Flink takes a process for dead, seconds. The tests load a machine of two
# cores: a JVM may not answer for longer than the usual timeout, and tests suspend a JobManager. The
# run whose services are killed has the usual one.
HEARTBEAT_TIMEOUT_S = 120
# An address at which no service answers.
NOWHERE = "127.0.0.1:1"
# Begins the reason of each test that was skipped because the machine has no browser.
NO_BROWSER = "no browser"
TO_GET_IT = "to get it: "


def pytest_configure() -> None:
    """Hear Ctrl-C, so that the commands that tests start hear it too.

    A shell that starts a command in the background makes it and all of its children ignore SIGINT.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their length, so that every worker collects a test by the same name.

    A compressed file holds the second in which it was made, and a name that holds such bytes is
    another one in the next second. pytest numbers names that are alike.
    """
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without the collector of garbage: nearly all that is made stays, and it looks at all.

    A quarter of the processor time of a collection, in every process.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of each group together: after all others, but before them in a worker."""
    first = hasattr(config, "workerinput")
    items.sort(key=lambda item: place(item, groups_first=first))
    for item in items:
        if group(item.nodeid) is not None:
            item.add_marker(pytest.mark.filterwarnings(OUTLIVES))


def group(nodeid: str) -> str | None:
    """Return the group of a test, or None if it shares nothing."""
    return next((name for name, paths in GROUPS.items() if nodeid.startswith(paths)), None)


def place(item: pytest.Item, *, groups_first: bool) -> tuple[int, int, str, int]:
    """Return the place of a test in the order; equal for tests whose order is left to chance."""
    name = group(item.nodeid)
    if name is None:
        return (len(FIRST) if groups_first else -1, 0, "", 0)
    path = [item.nodeid.startswith(path) for path in GROUPS[name]].index(True)
    if not item.nodeid.startswith("tests/e2e/"):
        return (FIRST.index(name), path, "", 0)
    return (FIRST.index(name), path, str(item.path), item.location[1] or 0)


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Sends all tests of a group to the same worker, the groups first.

    That is what the mark `xdist_group` is for, but pytest-xdist 3.8.0 writes it into a name that
    pytest 9.2 no longer reads, and so deals every test out by itself.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        """Keep the order of the collection; by default xdist orders by the number of tests."""
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        """Return the group of a test, or its file."""
        return group(nodeid) or nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Group the tests if `--dist loadgroup` asks for it."""
    return Scheduling(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.fixture(scope="session")
def no_browser() -> Callable[[BrowserError], None]:
    """Return the action for a machine without a browser: skip the test; in CI, fail."""

    def skip(missing: BrowserError) -> None:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"CI must test the page in a real browser. {missing}", pytrace=False)
        pytest.skip(f"{NO_BROWSER}; {TO_GET_IT}{missing.todo}")

    return skip


@pytest.fixture(scope="session")
def chromium(no_browser: Callable[[BrowserError], None]) -> Path:
    """Return the program of the browser; without one the tests that need it are skipped."""
    try:
        return find(os.environ.get("SPAF_SERVE__BROWSER"))
    except BrowserError as missing:
        no_browser(missing)
        raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """State at the end of the output that the page was not tested, and what to install."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    missed = [reason for reason in reasons if NO_BROWSER in reason]
    if missed:
        terminalreporter.section("NOT TESTED: the live page", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(missed)} tests need a real browser and did NOT run.")
        terminalreporter.line(missed[0].partition(TO_GET_IT)[2])


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings with a run folder and ports of this process."""
    base = FIRST_PORT + os.getpid() % 500 * PORTS_OF_ONE
    return Settings(
        home=tmp_path_factory.mktemp("run") / FOLDER,
        kafka=KafkaSettings(port=base),
        # Its jobs run for seconds; the run of `spaf demo` has the usual options.
        flink=FlinkSettings(
            port=base + 1,
            slots=4,
            second_compiler=False,
            heartbeat_timeout_s=HEARTBEAT_TIMEOUT_S,
        ),
        postgres=PostgresSettings(port=base + 2),
        locust=LocustSettings(port=base + 3),
        serve=ServeSettings(port=base + 4),
        # A checkpoint costs 0.07 s of processor time. Not the default, so a run with
        # these settings makes its own graph.
        job=JobSettings(checkpoint_ms=1_000),
    )


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """Yield the one process of this process that runs SQL over files and submits jobs."""
    with batch_worker(tmp_path_factory.mktemp("flink") / "flink.log") as flink:
        yield flink


@pytest.fixture(scope="session")
def run_info() -> Callable[..., RunInfo]:
    """Return the builder of the page's RunInfo: of a run or, without one, of silent services.

    Fields that a test names replace those of the run.
    """

    def build(run: Run | None = None, **fields: Any) -> RunInfo:
        known: dict[str, Any] = {
            "kafka": NOWHERE,
            "topic": "vendas-simuladas",
            "group": "spaf-job",
            "flink": f"http://{NOWHERE}",
            "access": Access.own("127.0.0.1", 1, "public", {"spaf_read": "secret"}),
            "rules": Rules("BRL", 600_000, 60_000),
            "started_ms": 1,
            "thresholds": lambda: Thresholds(5.0, 4.5, 4.8),
            "services": list,
            "job": lambda: JobInfo("RUNNING", "j"),
            "links": lambda: {"flink": None, "locust": None},
            "labels": Path("labels.jsonl"),
            "runs": Path(),
            "sweep": FakeSweep(),
        }
        if run is not None:
            known |= {
                "kafka": run.kafka,
                "topic": run.topic,
                "group": run.topic,
                "flink": run.flink,
                "access": run.access,
                "rules": run.rules,
                "labels": run.home.runs / "none.jsonl",
                "runs": run.home.runs,
            }
        known |= fields
        return RunInfo(**{"public_links": known["links"], **known})

    return build


@pytest.fixture(scope="session")
def source_with_new_kind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sources and apply the changes of docs/how-to/add-an-anomaly-kind.md to the copy."""
    root, copy = Path(__file__).parents[1], tmp_path_factory.mktemp("new-kind")
    for name in ("src", "docs", "tests", "tools"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "images")
        shutil.copytree(root / name, copy / name, ignore=ignored)
    page = (root / "docs/how-to/add-an-anomaly-kind.md").read_text(encoding="utf-8")
    patch = "".join(re.findall(r"```diff\n(.*?)```", page, re.DOTALL))
    subprocess.run(["git", "apply"], cwd=copy, input=patch, text=True, check=True)  # noqa: S607
    return copy


@pytest.fixture(scope="session")
def new_kind(source_with_new_kind: Path) -> dict[str, Any]:
    """Return what the parts of the changed package make of the new kind."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("support") / "new_kind.py")],
        env={**os.environ, "PYTHONPATH": str(source_with_new_kind / "src")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
