"""What all tests share: their order, and settings that meddle with nobody else's run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from spaf.errors import BrowserError
from spaf.sale import Rules
from spaf.serve.run_info import JobInfo, RunInfo
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

E2E = Path(__file__).with_name("e2e")
# Integration tests that start a Flink for their module, and use no stack.
OWN_FLINK = ("/test_agreement.py", "/test_batch.py", "/test_detection.py")
# A dropped `Popen` of a process that is meant to outlive its starter warns, and warnings are
# errors here; what a test starts, it ends through the run folder.
OUTLIVES = "ignore:subprocess .* is still running:ResourceWarning"
# Below the ports that the system gives out by itself. Two stacks that start at once must not
# want the same ports: each takes the first that is free when it looks.
FIRST_PORT = 20_000
PORTS_OF_ONE = 10
# An address at which no service answers.
NOWHERE = "127.0.0.1:1"
# Begins the reason of each test that was skipped because the machine has no browser.
NO_BROWSER = "no browser"
TO_GET_IT = "to get it: "


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the whole stacks last, in the order of their files: everything else says more, sooner."""
    items.sort(key=_place)
    for item in items:
        if E2E in item.path.parents or "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings(OUTLIVES))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Sends all tests that share something slow to the same worker.

    That is what the mark `xdist_group` is for, but pytest-xdist 3.8.0 writes it into a name that
    pytest 9.2 no longer reads, and so deals every test out by itself.
    """

    def _split_scope(self, nodeid: str) -> str:
        """Return what the test shares: a whole stack, the bare stack, its module, or nothing."""
        path = nodeid.partition("::")[0]
        if path.startswith("tests/e2e/"):
            return "e2e"
        if path.startswith("tests/integration/"):
            return path if path.endswith(OWN_FLINK) else "stack"
        return nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Group the tests if `--dist loadgroup` asks for it."""
    return Scheduling(config, log) if config.getoption("dist") == "loadgroup" else None


def _place(item: pytest.Item) -> tuple[str, int]:
    """Return a place after all others for an end-to-end test, and one place for all others."""
    return (str(item.path), item.location[1] or 0) if E2E in item.path.parents else ("", 0)


@pytest.fixture(scope="session")
def no_browser() -> Callable[[BrowserError], None]:
    """Return what to do where there is no browser: skip, loudly; a failure where CI runs."""

    def tell(missing: BrowserError) -> None:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"CI must test the page in a real browser. {missing}", pytrace=False)
        pytest.skip(f"{NO_BROWSER}; {TO_GET_IT}{missing.todo}")

    return tell


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """Say last, where nobody overlooks it, that the page was not tested, and what to install."""
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
    base = FIRST_PORT + os.getpid() % 1_000 * PORTS_OF_ONE
    return Settings(
        home=tmp_path_factory.mktemp("run") / "spaf",
        kafka=KafkaSettings(port=base),
        flink=FlinkSettings(port=base + 1, slots=4),
        postgres=PostgresSettings(port=base + 2),
        locust=LocustSettings(port=base + 3),
        serve=ServeSettings(port=base + 4),
        job=JobSettings(checkpoint_ms=500),
    )


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
            "outlier_score": 5.0,
            "surge_score": 4.5,
            "started_ms": 1,
            "services": list,
            "job": lambda: JobInfo("RUNNING", "j"),
            "links": lambda: {"flink": None, "locust": None},
            "labels": Path("labels.jsonl"),
            "runs": Path(),
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
        return RunInfo(**known | fields)

    return build
