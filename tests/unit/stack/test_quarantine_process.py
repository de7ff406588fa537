"""The process that explains: when it counts as ready, and what it does when it cannot begin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from spaf.errors import NotUpError
from spaf.stack import quarantine_process
from spaf.stack.process import ProcessIdentity
from spaf.stack.quarantine_process import is_ready
from spaf.stack.state import RunFolder


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Make a run folder in which nothing runs."""
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


def test_it_is_ready_once_it_has_said_so(home: RunFolder) -> None:
    """Not before, and not by what was left half written."""
    assert not is_ready(home)
    home.quarantine.write_bytes(b'{"pid":')
    assert not is_ready(home)
    quarantine_process.publish_readiness(home)
    assert is_ready(home)


def test_the_word_of_a_process_that_has_died_does_not_count(home: RunFolder) -> None:
    """Nor does a later process that happens to have its number."""
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        home.quarantine.write_bytes(msgspec.json.encode(ProcessIdentity.of(child.pid)))
        assert is_ready(home)
    assert not is_ready(home)
    home.quarantine.write_bytes(msgspec.json.encode(ProcessIdentity(me.pid, me.started - 60)))
    assert not is_ready(home)


@pytest.mark.usefixtures("bare")
def test_without_a_run_there_is_nothing_to_explain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends with the error of every command."""
    monkeypatch.setattr(os, "nice", lambda _: 0)
    with pytest.raises(NotUpError):
        quarantine_process.explain()
