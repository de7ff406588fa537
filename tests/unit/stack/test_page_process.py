"""The process of the page: its token, and the start that it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spaf.errors import NotUpError
from spaf.serve.start_view import StageState
from spaf.serve.web.page_options import PageOptions
from spaf.stack import page_process
from spaf.stack.page_process import StartReader
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import Phase, RunFolder, RunState

# Of these none may be imported before the run is up: each costs the start processor time.
HEAVY = ("fastapi", "pydantic", "httpx", "psycopg", "confluent_kafka", "spaf.serve.app")


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Make a run folder in which nothing runs."""
    made = RunFolder(bare / ".spaf")
    made.create()
    return made


def test_the_token_is_made_once_and_is_ours_alone(home: RunFolder) -> None:
    """A page that is open keeps it when the process starts again."""
    first = page_process.token(home)
    assert len(first) >= 43
    assert page_process.token(home) == first
    assert (home.runs / "page-token").stat().st_mode & 0o777 == 0o600


def test_a_token_that_was_cut_off_is_made_anew(home: RunFolder) -> None:
    """An empty one would let everybody in."""
    (home.runs / "page-token").touch()
    assert len(page_process.token(home)) >= 43


def test_without_a_run_there_is_nothing_to_show(home: RunFolder) -> None:
    """The process ends with the error of every command."""
    with pytest.raises(NotUpError):
        page_process.serve(home.folder, 0, PageOptions())


def test_start_is_read_again_when_it_has_changed(home: RunFolder) -> None:
    """The last one stays when the state is gone: the run ends, and the page shows why."""
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    state = RunState(me.pid, me.started, Phase.STARTING)
    home.write(state)
    reader = StartReader(home)
    assert reader.view().phase == "starting"
    state.phase, state.failed_step, state.message = Phase.FAILED, "kafka", "kafka: ended"
    home.write(state)
    for _ in range(2):
        view = reader.view()
        assert (view.phase, view.message) == ("failed", "kafka: ended")
        failed = [stage.name for stage in view.stages if stage.state is StageState.FAILED]
        assert failed == ["kafka"]
        home.state.unlink(missing_ok=True)


def test_process_imports_little_before_the_run_is_up() -> None:
    """Its start takes processor time from the services that it waits for."""
    code = f"import sys, spaf.stack.page_process; print(*sys.modules.keys() & {set(HEAVY)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""
