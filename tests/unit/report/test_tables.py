"""The tables of the report, and the goals: what a record does not hold is said, never zero."""

from __future__ import annotations

import pytest

from spaf.bench.peers.result import AGGREGATES, FULL_JOB
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.names import fault_name
from spaf.report.readings.peers import PeerReading
from spaf.report.readings.recovery import fault_groups, recovery_p95
from spaf.report.renderer import Renderer
from spaf.report.tables import TABLES
from spaf.report.tables.table import ReportColumn, ReportTable
from spaf.report.verdict import GoalVerdict
from tests.support.report_records import FAULTS, every_record, record

FIGURES = Figures(every_record())
NO_VALUE = "\N{EN DASH}"


def rows(name: str, language: Language = Language.en, figures: Figures = FIGURES) -> dict[str, str]:
    """Return the rows of a table: the first cell, and the others as one text."""
    table = TABLES[name](figures, language)
    plain = [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in table.rows]
    return {first: " | ".join(others) for first, *others in plain}


def test_programs_are_listed_ours_first() -> None:
    """The fastest first; one that was wrong has no figure, one that failed has its error."""
    names = [reading.name for reading in PeerReading.all_of(FIGURES)]
    assert names[:4] == [AGGREGATES, FULL_JOB, "a consumer", "a slow one"]
    shown = rows("peers")
    consumer = "180 | 200,000 | 4.90 | 4.0 / 21.5 | 4.0 / 21.5 | 212"
    assert shown["a consumer 1.2.3"] == consumer
    assert shown["a slow one 1.2.3"].startswith("180 | 31,000* | 44.00 |")
    assert shown["another"] == "not measured: no wheel for <this> Python"
    assert f"| {NO_VALUE} | {NO_VALUE} |" in shown["a wrong one 1.2.3"]
    assert rows("behaviour")["a consumer"] == (
        "batches of 5 ms | is skipped <and logged> | counts twice"
    )


def test_goals_say_what_was_reached_and_by_how_much_not() -> None:
    """In the unit of the goal; what was not measured says which command measures it."""
    goals = list(rows("goals").values())
    assert goals[0] == "≤ 0 | 0 | met"
    assert goals[3] == "≤ 10.0 ms | 1,216.1 ms | <strong>missed by 1,206.1 ms</strong>".replace(
        "10.0", "10"
    )
    assert goals[-3] == "≥ 2.5 times | 2.55 times | met"
    assert goals[-2] == "≥ 1.2 times | 1.15 times | <strong>missed by 4%</strong>"
    assert "<code>spaf bench rates --quick</code>" in goals[-1]
    assert "não há resultado de" in list(rows("goals", Language.pt).values())[-1]


@pytest.mark.parametrize(
    ("value", "at_least", "text"),
    [(10.0, False, "met"), (12.5, False, "missed by 2.5 s"), (9.0, True, "missed by 1.0 s")],
)
def test_a_verdict_knows_its_side(value: float, text: str, *, at_least: bool) -> None:
    """The limit itself is reached."""
    verdict = GoalVerdict(value, 10.0, "s", 1, at_least=at_least)
    assert verdict.text(Language.en).replace("\N{NO-BREAK SPACE}", " ") == text


def test_settings_stand_beside_the_baseline() -> None:
    """Medians; what was not measured is a dash."""
    shown = rows("tuning")
    assert shown["as SPAF is set"] == " | 3.0 | 10.0 | 5.30 | 0.41 | "
    assert shown["buffer timeout"] == (
        "5 ms → 100 ms | 53.0 | 104.0 | 5.00 | 0.36 | worse: a buffer waits until it is full"
    )
    missing = f"{NO_VALUE} → off | {NO_VALUE} | 10.2 | {NO_VALUE} | {NO_VALUE} | "
    assert shown["object reuse"] == missing


def test_faults_are_counted_by_kind_and_target() -> None:
    """Of all records together; one that cannot be made here is named with its error."""
    once = rows("recovery")
    reached = "20 | 5.0 / 5.9 / 5.9 | ≤ 5 s: missed by 0.9 s | 0.4 / 0.7 | 240 | 0 | 0"
    assert once["killed: TaskManager"] == reached
    assert once["slow disk: PostgreSQL"] == "cannot be made here: no <device-mapper> here"
    assert "suspended: TaskManager + broker" in once
    assert once["connections reset"].startswith("2 | 1.5 / 2.0 / 2.0")
    again = record("chaos", {"faults": FAULTS}, started_us=2)
    both = Figures([*every_record(), again])
    assert rows("recovery", figures=both)["killed: TaskManager"].startswith("40 | ")
    assert fault_name("kill", "serve", Language.pt) == "encerramento forçado: página"


def test_a_recovery_time_in_a_sentence_is_the_slowest() -> None:
    """A fault that was not made leaves a gap."""
    assert recovery_p95(FIGURES, "kill", "kafka") == 6.5
    renderer = Renderer(FIGURES, Language.pt)
    assert renderer.recovery("kill", "kafka", "postgres") == "6,5\N{NO-BREAK SPACE}s"
    assert 'class="gap"' in renderer.recovery("kill", "locust")
    assert len(fault_groups(FIGURES)) == 7


def test_texts_of_a_record_are_escaped_and_short_rows_reach_the_end() -> None:
    """No markup comes from a record."""
    table = ReportTable(
        [ReportColumn(("a", "b"), numeric=False), ReportColumn(("c", "d"))], [["<i>"]]
    )
    html = table.html(Language.pt)
    assert '<td colspan="2">&lt;i&gt;</td>' in html
    assert '<th>b</th><th class="number">d</th>' in html
