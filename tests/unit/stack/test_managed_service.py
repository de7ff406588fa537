"""The restart policy, with processes that end at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Never

import pytest

from spaf import clock
from spaf.errors import ServiceError
from spaf.stack import process
from spaf.stack.managed_service import (
    MAX_RESTARTS,
    OPTIONAL_BACKOFF_S,
    REFUSED_BACKOFF_S,
    RESTART_WINDOW_S,
    START_TIMEOUT_S,
    ManagedService,
)
from spaf.stack.process import ServiceProcess
from spaf.stack.service_names import KAFKA, QUARANTINE, SERVE
from spaf.stack.state import ServiceStatus

ENDS = ["/bin/sh", "-c", "echo a reason; exit 3"]
LASTS = ["/bin/sleep", "60"]


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Hold the clock."""
    now = [1_000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str, list[str]], ManagedService]]:
    """Yield what makes a service that has been started and is never ready; stop them at the end."""
    services: list[ManagedService] = []

    def started(name: str, argv: list[str]) -> ManagedService:
        process = ServiceProcess(name, argv, "", tmp_path / f"{name}.log", ready=lambda: False)
        service = ManagedService(process)
        services.append(service)
        service.start()
        return service

    yield started
    for service in services:
        service.stop()


def poll(service: ManagedService, *, run_is_starting: bool = False) -> bool:
    """Poll once the process has ended."""
    assert service._child is not None
    service._child.wait()
    return service.poll(run_is_starting=run_is_starting)


def status(service: ManagedService) -> ServiceStatus:
    """Return the present status."""
    return service.state.state


@pytest.mark.parametrize("name", [SERVE, QUARANTINE])
def test_an_optional_service_backs_off_when_its_restarts_are_exhausted(
    make: Callable[[str, list[str]], ManagedService], moment: list[float], name: str
) -> None:
    """It is restarted later, for as long as the run lasts; the run goes on."""
    service = make(name, ENDS)
    for _ in range(20):
        poll(service)
        moment[0] += 0.25
    assert service.state.restarts == MAX_RESTARTS
    assert status(service) is ServiceStatus.FAILED
    moment[0] += OPTIONAL_BACKOFF_S
    assert poll(service)
    assert service.state.restarts == MAX_RESTARTS + 1
    assert status(service) is ServiceStatus.RESTARTING


def test_a_required_service_fails_the_run_when_its_restarts_are_exhausted(
    make: Callable[[str, list[str]], ManagedService],
    moment: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error has the last lines of its log; the log of the run has each exit before."""
    caplog.set_level(logging.INFO)
    service = make(KAFKA, ENDS)
    for _ in range(MAX_RESTARTS):
        assert poll(service)
        moment[0] += 0.25
    with pytest.raises(ServiceError, match=r"kafka: ended 6 times within 60 s; .* code 3\n.*a rea"):
        poll(service)
    assert caplog.messages.count("kafka: ended with exit code 3; restarting") == MAX_RESTARTS


def test_a_service_whose_data_cannot_be_written_waits(
    make: Callable[[str, list[str]], ManagedService], moment: list[float], tmp_path: Path
) -> None:
    """Its disk has become read-only: it would end at each start, and at last the run with it."""
    service = make(KAFKA, ENDS)
    data = tmp_path / "data"
    service.service = replace(service.service, data=data)
    for _ in range(3 * MAX_RESTARTS):
        poll(service)
        moment[0] += 0.25
    assert service.state.restarts == 0
    assert service.state.reason == f"The folder {data} cannot be written: No such file or directory"
    data.mkdir()
    assert poll(service)
    assert service.state.restarts == 1


def test_a_program_that_the_system_does_not_start_is_tried_again(
    make: Callable[[str, list[str]], ManagedService],
    moment: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No file descriptor is free: neither the run ends, nor does it count against the service."""
    service = make(KAFKA, ENDS)
    usual = process.start
    attempts = []

    def refuse(_: ServiceProcess) -> Never:
        attempts.append(moment[0])
        raise ServiceError("kafka", "cannot be started: [Errno 24] Too many open files")

    monkeypatch.setattr(process, "start", refuse)
    for _ in range(8 * MAX_RESTARTS):
        poll(service)
        moment[0] += 1.0
    assert attempts == [1_000.0 + REFUSED_BACKOFF_S * number for number in range(4 * MAX_RESTARTS)]
    assert status(service) is ServiceStatus.RESTARTING
    assert "Too many open files" in service.state.reason
    monkeypatch.setattr(process, "start", usual)
    assert poll(service)
    assert service.state.restarts == 1


def test_a_service_that_ends_on_a_full_disk_waits_for_space(
    make: Callable[[str, list[str]], ManagedService], moment: list[float]
) -> None:
    """It is not restarted meanwhile, and its exits do not count against it."""
    service = make(KAFKA, ENDS)
    assert service._child is not None
    service._child.wait()
    for number in range(3 * MAX_RESTARTS):
        changed = service.poll(run_is_starting=False, may_start=False)
        assert changed == (number == 0)
        moment[0] += 0.25
    assert status(service) is ServiceStatus.RESTARTING
    assert service.state.restarts == 0
    assert poll(service)
    assert service.state.restarts == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "ended with exit code 3"),
        ("kill -KILL $$", "was ended by SIGKILL"),
        (
            "echo '12:00:01 ERROR Main - Disk broke java.io.IOException: no'; exit 1",
            "ended with exit code 1: Main - Disk broke java.io.IOException: no",
        ),
        (
            "echo '2026 UTC FATAL:  could not write'; exit 1",
            "ended with exit code 1: could not write",
        ),
    ],
)
def test_the_reason_of_an_exit_is_in_the_state(
    make: Callable[[str, list[str]], ManagedService],
    moment: list[float],
    script: str,
    reason: str,
    tmp_path: Path,
) -> None:
    """With the last error that this process has logged, not one of an earlier process."""
    (tmp_path / f"{KAFKA}.log").write_text("ERROR of an earlier process\n")
    service = make(KAFKA, ["/bin/sh", "-c", script])
    assert poll(service)
    assert service.state.reason == reason
    assert moment == [1_000.0]


def test_restarts_before_the_window_do_not_count(
    make: Callable[[str, list[str]], ManagedService], moment: list[float]
) -> None:
    """A service that ends now and then is restarted for ever."""
    service = make(KAFKA, ENDS)
    for _ in range(3 * MAX_RESTARTS):
        assert poll(service)
        moment[0] += RESTART_WINDOW_S / MAX_RESTARTS
    assert service.state.restarts == 3 * MAX_RESTARTS


def test_a_required_service_that_ends_at_the_start_fails_the_run(
    make: Callable[[str, list[str]], ManagedService], moment: list[float]
) -> None:
    """It is not restarted: its configuration or its data are wrong. An optional one is."""
    with pytest.raises(ServiceError, match=r"ended while it was starting \(exit code 3\)"):
        poll(make(KAFKA, ENDS), run_is_starting=True)
    assert poll(make(SERVE, ENDS), run_is_starting=True)
    assert moment == [1_000.0]


def test_only_a_required_service_must_be_ready_in_time(
    make: Callable[[str, list[str]], ManagedService], moment: list[float]
) -> None:
    """An optional one keeps the state `starting`."""
    kafka, serve = make(KAFKA, LASTS), make(SERVE, LASTS)
    try:
        moment[0] += START_TIMEOUT_S + 1
        assert not serve.poll(run_is_starting=False)
        assert serve.state.state is ServiceStatus.STARTING
        with pytest.raises(ServiceError, match="was not ready after 90 s"):
            kafka.poll(run_is_starting=False)
    finally:
        for service in (kafka, serve):
            service.stop()
    assert [service.state.pid for service in (kafka, serve)] == [None, None]


def test_a_service_is_ready_once_it_answers(tmp_path: Path, moment: list[float]) -> None:
    """Its state changes once; an external change of the answer later does not matter."""
    answers = iter([False, True])
    process = ServiceProcess(KAFKA, LASTS, "a:1", tmp_path / "log", ready=lambda: next(answers))
    service = ManagedService(process)
    assert not service.started
    assert not service.poll(run_is_starting=True)
    service.start()
    try:
        assert [service.poll(run_is_starting=True) for _ in range(3)] == [False, True, False]
        assert service.ready
        assert status(service) is ServiceStatus.RUNNING
    finally:
        service.stop()
    assert status(service) is ServiceStatus.STOPPED
    assert moment == [1_000.0]


def test_service_that_waits_for_others_is_not_asked(tmp_path: Path) -> None:
    """A question costs both sides, and the answer is known."""
    asked: list[bool] = []

    def ready() -> bool:
        asked.append(True)
        return True

    service = ManagedService(ServiceProcess(SERVE, LASTS, "", tmp_path / "serve.log", ready=ready))
    service.start()
    try:
        assert not service.poll(run_is_starting=True, may_be_ready=False)
        assert asked == []
        assert service.poll(run_is_starting=True)
        assert service.ready
    finally:
        service.stop()
