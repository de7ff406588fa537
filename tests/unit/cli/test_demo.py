"""The wiring of `spaf demo`: options, the start, the session, the result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spaf.cli import app, demo, demo_session
from spaf.cli.demo_session import DemoOptions, DemoResult
from spaf.settings import Settings
from spaf.stack.state import Phase, RunState


@pytest.mark.usefixtures("bare")
def test_demo_sells_on_the_run_that_it_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that stamps rows is there before the services; the result comes last."""
    steps: list[Any] = []

    @contextlib.contextmanager
    def watching(file: Path) -> Iterator[str]:
        steps.append(file.parent.name)
        yield "watch"

    @contextlib.contextmanager
    def starting(_: Settings, show: Callable[[RunState], None]) -> Iterator[str]:
        show(RunState(1, 0.0, Phase.STARTING))
        yield "run"
        steps.append("stopped")

    def sell(run: str, watch: str, options: DemoOptions, begun: Callable[[], None]) -> DemoResult:
        begun()
        steps.append((run, watch, options))
        return DemoResult(None, None, 1.0)  # type: ignore[arg-type] # it is not looked at

    def print_result(result: DemoResult, _began: float, *, json: bool) -> None:
        steps.append((result.first_row, json))

    monkeypatch.setattr(demo, "VisibilityWatch", watching)
    monkeypatch.setattr(demo, "running", starting)
    monkeypatch.setattr(demo, "_on_interrupt", lambda _: None)
    monkeypatch.setattr(demo_session, "sell", sell)
    monkeypatch.setattr(demo_session, "print_result", print_result)
    done = CliRunner().invoke(app, ["demo", "--rate", "50", "--for", "90s", "--json"])
    assert done.exit_code == 0, done.output
    options = DemoOptions(50.0, 90.0, None, json=True)
    assert steps == ["runs", ("run", "watch", options), "stopped", (1.0, True)]
