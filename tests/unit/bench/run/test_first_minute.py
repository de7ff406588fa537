"""The first minute of new runs: what is refused, and what is kept if one fails."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from spaf import settings
from spaf.bench.progress import no_progress
from spaf.bench.run import first_minute
from spaf.bench.run.first_minute import FirstMinuteScenario
from spaf.errors import StackError
from spaf.stack import control
from tests.support.outcomes import OUTCOME


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the runs and their measurement, and note them; the second run does not start."""
    noted: list[str] = []

    @contextlib.contextmanager
    def running(*_: object) -> Iterator[str]:
        noted.append("up")
        if noted.count("up") == 2:
            raise StackError("Kafka does not start.")
        yield "run"

    def measure(*_: object, **options: Any) -> Any:
        noted.append(f"warm-up {options['warm_up_s']:g}")
        return SimpleNamespace(as_dict=lambda: OUTCOME)

    monkeypatch.setattr(first_minute, "running", running)
    monkeypatch.setattr(first_minute, "following", contextlib.nullcontext)
    monkeypatch.setattr(first_minute, "measure_rate", measure)
    monkeypatch.setattr(control, "down", lambda *_, **__: noted.append("wipe"))
    return noted


@pytest.mark.usefixtures("bare")
def test_each_repeat_is_a_new_run_from_its_first_sale_on(log: list[str]) -> None:
    """A run that does not start has its reason, and no figure."""
    found = FirstMinuteScenario().measure(settings.load(), lambda _: None, no_progress)
    measured = ("wipe", "up", "warm-up 0")
    assert log == [*measured, "wipe", "up", *measured, "wipe"]
    (figures,) = found.figures
    assert (figures.valid, figures.repeats) == (2, 3)
    assert found.reasons == ["100 sales/s (repeat 2): Kafka does not start."]
    assert not found.invalid


@pytest.mark.usefixtures("bare")
def test_a_run_that_is_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take part of the processors."""
    monkeypatch.setattr(control, "is_up", lambda _: True)
    with pytest.raises(StackError, match="A run is up"):
        FirstMinuteScenario().prepare(settings.load())
