"""A supervisor that starts nothing: what it logs and publishes when something fails."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Never

import pytest

from spaf import settings
from spaf.errors import ServiceError
from spaf.stack import supervisor
from spaf.stack.process import ServiceProcess
from spaf.stack.service_names import KAFKA, QUARANTINE, SERVE
from spaf.stack.service_specs import SPECS
from spaf.stack.state import Phase, RunFolder, RunState
from spaf.stack.stop_signal import StopSignal
from spaf.stack.supervisor import Supervisor, supervise
from spaf.stack.topology import Topology
from spaf.store.access import Access


class Asked(StopSignal):
    """A stop signal that has been received."""

    def __init__(self) -> None:
        """Leave the signals of the test's process alone."""
        self.reason = "SIGTERM from pid 1 (spaf down)"


@pytest.fixture
def home(
    bare: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> RunFolder:
    """Return a run folder of a run without any service."""
    access = Access.own("127.0.0.1", 5432, "public", {"spaf_read": "secret"})
    empty = Topology("k:1", "http://f:1", access, notes=["port 1 is taken"])
    monkeypatch.setattr(supervisor, "make", lambda *_: empty)
    monkeypatch.setattr(supervisor, "prepare", lambda *_: [])
    caplog.set_level(logging.INFO)
    folder = RunFolder(bare / ".spaf")
    folder.create()
    return folder


def ended(home: RunFolder) -> tuple[int, RunState]:
    """Supervise a bare run to its end; return the exit code and the last state."""
    code = supervise(settings.load(), home, Asked(), bare=True)
    state = home.read()
    assert state is not None
    assert state.supervisor_pid == os.getpid()
    return code, state


def test_a_run_that_is_stopped_says_by_whom(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In its log, and to a command that still waits for its start."""
    monkeypatch.setattr(Supervisor, "_poll", lambda _: None)
    code, state = ended(home)
    assert (code, state.phase, state.message) == (0, Phase.STOPPING, Asked().reason)
    assert caplog.messages[-1] == f"the run ended: {Asked().reason}"
    assert "port 1 is taken" in caplog.messages


FAILURES = [
    (ServiceError("kafka", "ended 6 times"), "kafka: ended 6 times", "the run ended: kafka: ended"),
    (OSError(28, "No space left"), "The supervisor failed: [Errno 28] No space left", "Traceback"),
    (ZeroDivisionError("a defect"), "SPAF has a defect; see", "ZeroDivisionError: a defect"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure[0]).__name__)
def test_a_run_that_fails_says_why(
    home: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: tuple[Exception, str, str],
) -> None:
    """In its log and in its state; where the traceback helps, it is there."""
    error, message, logged = failure

    def fail(_: object) -> Never:
        raise error

    monkeypatch.setattr(Supervisor, "_poll", fail)
    code, state = ended(home)
    assert (code, state.phase) == (1, Phase.FAILED)
    assert state.message.startswith(message)
    assert logged in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


def test_a_refusal_of_the_system_does_not_end_a_run_that_is_up(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be over at the next poll; the log has it once."""
    polls = iter([True, True, True, False])
    made = Supervisor(settings.load(), Asked(), bare=True)
    ends = iter([False] * 4 + [True])
    monkeypatch.setattr(StopSignal, "wait", lambda *_: next(ends))

    def poll_if_possible(_: Supervisor) -> None:
        if next(polls):
            raise OSError(24, "Too many open files")

    monkeypatch.setattr(Supervisor, "_poll_services", poll_if_possible)
    monkeypatch.setattr(Supervisor, "_poll", poll_if_possible)
    made._watch()
    assert (
        caplog.messages.count("the run cannot be watched for now: [Errno 24] Too many open files")
        == 1
    )
    state = home.read()
    assert state is not None
    assert state.phase is Phase.RUNNING


def test_a_state_that_cannot_be_written_does_not_end_the_run(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so once, and once more when the disk has space again."""
    write: Callable[[RunFolder, RunState], None] = RunFolder.write
    full = iter([True, True, True, False, True, False])

    def write_if_possible(folder: RunFolder, state: RunState) -> None:
        if next(full):
            raise OSError(28, "No space left on device")
        write(folder, state)

    made = Supervisor(settings.load(), Asked(), bare=True)
    monkeypatch.setattr(RunFolder, "write", write_if_possible)
    for _ in range(6):
        made._publish()
    failed = "the state of the run cannot be written: [Errno 28] No space left on device"
    again = "the state of the run is written again"
    assert caplog.messages == [failed, again, failed, again]
    assert home.read() is not None


class Part:
    """A service that is never started; it notes when it is stopped."""

    started, ready = True, False

    def __init__(self, name: str, stopped: list[str]) -> None:
        """Keep the name."""
        self.spec = SPECS[name]
        self.service = SimpleNamespace(name=name)
        self._stopped = stopped

    def stop(self) -> None:
        """Note it."""
        self._stopped.append(self.spec.name)


@pytest.mark.parametrize(
    ("failure", "step", "last"),
    [
        (ServiceError("kafka", "ended"), "kafka", "serve"),
        (OSError(28, "No space left"), "", "serve"),
        (None, "", "kafka"),
    ],
)
def test_page_outlives_the_services_of_a_start_that_fails(
    home: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception | None,
    step: str,
    last: str,
) -> None:
    """It shows the cause for as long as it can; a run that is stopped needs no page."""
    stopped: list[str] = []

    def start(made: Supervisor) -> bool:
        names = ("serve", "kafka", "locust")
        made._services = [Part(name, stopped) for name in names]  # type: ignore[misc]
        if failure is not None:
            raise failure
        return False

    monkeypatch.setattr(Supervisor, "_start", start)
    _, state = ended(home)
    assert state.failed_step == step
    assert stopped[-1] == last
    assert stopped.index("locust") < stopped.index("kafka")


class Replaced:
    """A service, and whether its process was started again."""

    def __init__(self, name: str) -> None:
        """Nothing was replaced yet."""
        self.spec = SPECS[name]
        self.service = ServiceProcess(name, ["true"], "", Path(), lambda: True)
        self.restarts: list[bool] = []

    def replace(self, service: ServiceProcess, *, restart: bool) -> None:
        """Note what the service runs from now on."""
        self.service = service
        self.restarts.append(restart)


@pytest.mark.parametrize(
    ("changed", "restarts"),
    [
        ({"job": {"surge_score": 7.5, "outlier_hours": 3, "parallelism": 2}}, False),
        ({"job": {"deduplicate_minutes": 5}}, True),
        ({"sale": {"max_lateness_s": 300}}, True),
    ],
    ids=["thresholds", "deduplication", "lateness"],
)
@pytest.mark.usefixtures("home")
def test_page_goes_on_unless_other_records_are_accepted(
    changed: dict[str, dict[str, int]],
    restarts: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """An upgrade brings other settings: their next process has them, and the retention."""
    made = Supervisor(settings.load(), Asked(), bare=True)
    services = [Replaced(SERVE), Replaced(QUARANTINE), Replaced(KAFKA)]
    made._services = services  # type: ignore[assignment]
    chosen = settings.load(**changed)
    made._change_settings(chosen)
    assert [one.restarts for one in services] == [[restarts], [restarts], []]
    assert settings.environment(chosen).items() <= services[0].service.env.items()
    assert made._retention._settings is chosen
