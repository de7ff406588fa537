"""The page during the start of the shared run, as a browser showed it."""

from __future__ import annotations

import pytest

from tests.support.commands import FullRun

# The page listens about a second after the supervisor; far more on a busy machine, seconds.
ANSWERS_S = 15.0
DONE = {"ready", "external"}

# Without a browser there is no run of the page's tests.
pytestmark = pytest.mark.usefixtures("run")


def test_page_shows_the_start_stage_by_stage(full_run: FullRun) -> None:
    """From its first second on: some stages are ready while others start or wait."""
    looks = full_run.page.looks
    assert full_run.page.after_s[0] < ANSWERS_S
    first = next(look for look in looks if look["stages"])
    assert (first["live"], first["start"]) == ("starting", "only")
    assert "starting" in first["stages"].values()
    between = [
        look for look in looks if DONE & {*look["stages"].values()} and look["start"] == "only"
    ]
    assert any("starting" in look["stages"].values() for look in between)


def test_page_shows_the_run_without_a_reload(full_run: FullRun) -> None:
    """With a line that no sale has arrived yet."""
    looks = full_run.page.looks
    assert (looks[-1]["live"], looks[-1]["start"]) == ("live", "idle")
    assert len({look["loads"] for look in looks if look["stages"] or look is looks[-1]}) == 1
