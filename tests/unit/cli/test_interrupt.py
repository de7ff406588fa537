"""Ctrl-C ends the sales of `demo` and `load`, and the command goes on to its result."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf import clock
from spaf.cli import demo_session, load
from spaf.errors import LoadError

RESULT = object()


class InterruptedView:
    """A live view with a row at the second refresh and Ctrl-C at the third."""

    def __init__(self) -> None:
        """Count the refreshes."""
        self.refreshes = 0
        self.closed = False

    @property
    def has_rows(self) -> bool:
        """Return whether the run has rows."""
        return self.refreshes > 1

    def __enter__(self) -> None:
        """Open the view."""

    def __exit__(self, *_: object) -> None:
        """Close the view."""
        self.closed = True

    def refresh(self) -> None:
        """Show the run, until Ctrl-C."""
        self.refreshes += 1
        if self.refreshes > 2:
            raise KeyboardInterrupt


# A run whose sales reach the tables.
HEALTHY = SimpleNamespace(trouble=lambda: None)


class RunningLoad:
    """A load that was started and can be stopped; without a first sale it has no result."""

    done = False

    def __init__(self, *, has_result: bool) -> None:
        """Start."""
        self.stopped = False
        self.has_result = has_result

    def stop(self) -> None:
        """Stop the sales."""
        self.stopped = True

    def result(self) -> Any:
        """Return the result, if there is one."""
        if not self.has_result:
            raise LoadError("The load ended without a result.")
        return RESULT


@pytest.fixture
def ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C when a command waits."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "sleep", interrupt)


def test_ctrl_c_ends_the_sales_of_a_demo() -> None:
    """The view is closed, and the demo continues with the time of its first row."""
    view = InterruptedView()
    measurement = SimpleNamespace(sampler=SimpleNamespace(sample_if_due=lambda: None))
    first_row = demo_session._watch(cast("Any", view), cast("Any", measurement), seconds=None)
    assert first_row is not None
    assert view.closed


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_the_sales_of_a_load() -> None:
    """The load is stopped, and its result is that of the sales until then."""
    running = RunningLoad(has_result=True)
    assert load._wait(cast("Any", HEALTHY), cast("Any", running), 100.0, 60.0) is RESULT
    assert running.stopped


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_before_the_first_sale_is_no_failure_of_the_load() -> None:
    """The command ends as interrupted, because there is no result."""
    running = RunningLoad(has_result=False)
    with pytest.raises(KeyboardInterrupt):
        load._wait(cast("Any", HEALTHY), cast("Any", running), 100.0, 60.0)
    assert running.stopped
