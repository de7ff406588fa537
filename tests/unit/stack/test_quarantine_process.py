"""The process that explains: when it counts as ready, and what it does when it cannot begin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from spaf import clock, settings
from spaf.errors import NotUpError
from spaf.stack import quarantine_process
from spaf.stack.process import ProcessIdentity
from spaf.stack.quarantine_process import is_watching, source
from spaf.stack.state import RunFolder


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Make a run folder in which nothing runs."""
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


def test_it_is_ready_once_it_has_said_so(home: RunFolder) -> None:
    """Not before, and not by what was left half written."""
    assert not is_watching(home)
    home.watching.write_bytes(b'{"pid":')
    assert not is_watching(home)
    quarantine_process._say_ready(home)
    assert is_watching(home)


def test_the_word_of_a_process_that_has_died_does_not_count(home: RunFolder) -> None:
    """Nor does a later process that happens to have its number."""
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        home.watching.write_bytes(msgspec.json.encode(ProcessIdentity.of(child.pid)))
        assert is_watching(home)
    assert not is_watching(home)
    home.watching.write_bytes(msgspec.json.encode(ProcessIdentity(me.pid, me.started - 60)))
    assert not is_watching(home)


def test_without_a_run_there_is_nothing_to_explain(home: RunFolder) -> None:
    """It says so, as every command does."""
    with pytest.raises(NotUpError):
        source(settings.load(), home)


def test_a_failure_that_we_know_is_one_line(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells it, and the exit code."""
    monkeypatch.setattr(os, "nice", lambda _: 0)
    assert quarantine_process.main() == NotUpError.exit_code
    assert f"stopped: Nothing runs in {home.folder}" in caplog.text


def test_a_defect_leaves_a_trace_and_takes_its_time(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So often that the supervisor would end the run for it, it never dies."""
    slept: list[float] = []

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(quarantine_process, "source", fail)
    monkeypatch.setattr(clock, "sleep", slept.append)
    assert quarantine_process.main() == 1
    assert "ZeroDivisionError: a defect" in caplog.text
    assert sum(slept) * 5 > 60
    assert not is_watching(home)
