"""The tables of the report that are made from one record, or from many.

Each takes the figures and the language, and returns a `ReportTable`. A figure that is missing
raises `FigureError`, unless the rest of the table says something without it.
"""

from __future__ import annotations

from collections.abc import Callable

from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.tables.goals import goals
from spaf.report.tables.machine import machine, settings
from spaf.report.tables.peers import behaviour, peers
from spaf.report.tables.recovery import recovery
from spaf.report.tables.table import ReportTable
from spaf.report.tables.tuning import tuning

TABLES: dict[str, Callable[[Figures, Language], ReportTable]] = {
    "goals": goals,
    "peers": peers,
    "behaviour": behaviour,
    "tuning": tuning,
    "recovery": recovery,
    "machine": machine,
    "settings": settings,
}
