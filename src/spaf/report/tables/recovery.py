"""The faults that were made: how long each kept the rows back, and what was said and lost."""

from __future__ import annotations

from collections.abc import Sequence

from spaf.chaos.fault import JOIN
from spaf.chaos.faults.failover import LEADER
from spaf.chaos.faults.signals import ALL
from spaf.chaos.faults.supervisor import RUN
from spaf.report.figures import Figures
from spaf.report.language import Language, Words, number, word
from spaf.report.names import fault_name
from spaf.report.readings.recovery import FaultGroup, fault_groups
from spaf.report.tables.table import ReportColumn, ReportTable, measured
from spaf.report.verdict import GoalVerdict
from spaf.stack.service_names import JOBMANAGER, KAFKA, POSTGRES, SUPERVISOR, TASKMANAGER

COLUMNS = (
    ReportColumn(("fault", "falha"), numeric=False),
    ReportColumn(("made", "feitas")),
    ReportColumn(("median / p95 / largest, s", "mediana / p95 / maior, s")),
    ReportColumn(("goal, p95", "meta, p95"), numeric=False),
    ReportColumn(("status / page say so after, s", "status / página avisam após, s")),
    ReportColumn(("sales late", "vendas atrasadas")),
    ReportColumn(("differences", "diferenças")),
    ReportColumn(("sales lost", "vendas perdidas")),
)
# Recovery under 500 sales a second on two cores, p95 in seconds.
GOALS_S = {
    ("kill", TASKMANAGER): 5.0,
    ("kill", POSTGRES): 4.0,
    ("kill", KAFKA): 7.0,
    ("kill", JOBMANAGER): 8.0,
    ("kill", JOIN.join((JOBMANAGER, KAFKA))): 10.0,
    ("failover", LEADER): 8.0,
    ("kill", ALL): 14.0,
    ("restart", SUPERVISOR): 12.0,
    ("restart", RUN): 12.0,
}
NOT_MADE: Words = ("cannot be made here: ", "não pode ser feita aqui: ")


def recovery(figures: Figures, language: Language) -> ReportTable:
    """Return a row a kind and target.

    Raises:
        FigureError: there is no valid result.

    """
    rows = []
    for group in fault_groups(figures):
        name = fault_name(group.kind, group.target, language)
        if group.error:
            rows.append([name, word(NOT_MADE, language) + group.error])
        else:
            rows.append([name, *_cells(group, language)])
    return ReportTable(COLUMNS, rows, "small")


def _cells(group: FaultGroup, language: Language) -> list[str]:
    times, goal_s = group.seconds(), GOALS_S.get((group.kind, group.target))
    reached = ""
    if goal_s is not None and group.p95 is not None:
        verdict = GoalVerdict(group.p95, goal_s, "s", 1)
        reached = f"≤ {number(goal_s, 0, language, 's')}: {verdict.text(language)}"
    return [
        number(len(group.made), 0, language),
        _joined((group.median(), group.p95, times[-1] if times else None), language),
        reached,
        _joined((group.median("status_after_s"), group.median("page_after_s")), language),
        *(number(group.total(of), 0, language) for of in ("sales_late", "differences", "lost")),
    ]


def _joined(seconds: Sequence[float | None], language: Language) -> str:
    return " / ".join(measured(second, 1, language) for second in seconds)
