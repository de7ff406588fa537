"""The figures of several starts, and when none is made."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from spaf import settings
from spaf.bench.start.start import NEW, USED, Start, StartResult, StartScenario
from spaf.errors import StackError
from spaf.stack import control


def start(folder: str, row: float, *, exact: bool = True, **spent: float) -> Start:
    """Return a start with a timeline of two steps."""
    return Start(folder, row, row / 10, exact, {"first row": row, "supervisor": 0.3}, spent)


STARTS = [
    start(NEW, 9.0, kafka=2.0, initdb=0.5),
    start(USED, 7.0, kafka=1.0),
    start(NEW, 11.0, kafka=3.0, initdb=0.7),
    start(USED, 6.0, kafka=2.0),
    start(NEW, 8.0, kafka=2.5, initdb=0.6),
    start(USED, 6.5, kafka=1.5),
]


def test_figures_are_medians_with_their_range() -> None:
    """One for each kind of folder."""
    result = msgspec.to_builtins(StartResult.of(STARTS))
    assert result["repeats"] == 3
    assert result["first_row_s"] == {
        "new": {"median": 9.0, "min": 8.0, "max": 11.0},
        "used": {"median": 6.5, "min": 6.0, "max": 7.0},
    }
    assert result["page_s"]["used"]["median"] == pytest.approx(0.65)


def test_timeline_is_in_order_and_processor_time_has_a_sum() -> None:
    """Steps by time; processes by what they spend, then all of them."""
    result = StartResult.of(STARTS)
    assert list(result.timeline_s[NEW].items()) == [("supervisor", 0.3), ("first row", 9.0)]
    spent = {"kafka": 2.5, "initdb": 0.6, "together": 3.1}
    assert result.processor_s[NEW] == spent
    assert list(result.processor_s[NEW]) == list(spent)


def test_table_has_a_column_for_each_kind_of_folder() -> None:
    """A step that only one of them has leaves the other's cell empty."""
    times, _, spent = StartResult.of(STARTS).tables()
    assert times.rows[0] == ("first true row", "9.0 (8.0 to 11.0)", "6.5 (6.0 to 7.0)")
    assert ("initdb", 0.6, "-") in spent.rows


def test_start_whose_rows_are_not_exact_is_not_valid() -> None:
    """A wrong row is no true row."""
    assert StartResult.of(STARTS).reasons == []
    wrong = StartResult.of([*STARTS, start(NEW, 1.0, exact=False)])
    assert wrong.reasons == ["the tables of a start are not exact"]


@pytest.mark.usefixtures("bare")
def test_services_of_the_user_are_not_touched() -> None:
    """Folder, topic and services are its own; what the job counts is the user's choice."""
    chosen = settings.load(
        home=Path("mine"),
        kafka={"bootstrap_servers": "k:1"},
        flink={"rest_url": "http://f:1"},
        postgres={"dsn": "postgresql://u@h/d"},
        job={"flush_ms": 7},
    )
    found = StartScenario().settings(chosen)
    assert found.home == Path("mine/start")
    assert (found.kafka.bootstrap_servers, found.flink.rest_url) == (None, None)
    assert not found.postgres.external
    assert found.job == chosen.job


@pytest.mark.usefixtures("bare")
def test_run_that_is_up_would_be_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, before anything is started."""
    monkeypatch.setattr(control, "is_up", lambda _: True)
    with pytest.raises(StackError, match=r"A run is up in .*: it would be measured too"):
        StartScenario().prepare(settings.load())
