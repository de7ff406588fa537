"""The machine and the settings of the newest record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spaf.bench.results.record import ResultRecord
from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.language import Language, Words, decimal, word
from spaf.report.tables.table import ReportColumn, ReportTable

NAME = ReportColumn(("name", "nome"), numeric=False)
VALUE = ReportColumn(("value", "valor"), numeric=False)
MACHINE: dict[str, Words] = {
    "cpu": ("processor", "processador"),
    "cores": ("cores", "núcleos"),
    "memory_gib": ("memory, GiB", "memória, GiB"),
    "system": ("system", "sistema"),
    "governor": ("frequency governor", "controle de frequência"),
    "cpu_limit_cores": ("limit of the container, cores", "limite do contêiner, núcleos"),
    "memory_limit_mib": ("limit of the container, MiB", "limite do contêiner, MiB"),
}


def machine(figures: Figures, language: Language) -> ReportTable:
    """Return what is known of the machine, and the versions of the programs.

    Raises:
        FigureError: there is no record.

    """
    record = _newest(figures)
    known = {word(words, language): record.machine.get(key) for key, words in MACHINE.items()}
    rows = [[name, _text(value, language)] for name, value in known.items() if value]
    rows += [[name, version] for name, version in record.versions.items() if version]
    return ReportTable((NAME, VALUE), rows, "small whole")


def settings(figures: Figures, language: Language) -> ReportTable:
    """Return the settings that change what the program does.

    Raises:
        FigureError: there is no record.

    """
    rows = [[name, _text(v, language)] for name, v in _flat(_newest(figures).settings)]
    half = (len(rows) + 1) // 2
    # In two columns of names: it is a long list of short words.
    right_column = [*rows[half:], ["", ""]]
    pairs = [[*left, *right] for left, right in zip(rows[:half], right_column, strict=False)]
    return ReportTable((NAME, VALUE, NAME, VALUE), pairs, "small")


def _newest(figures: Figures) -> ResultRecord:
    """Return the record of the sweep, which has the usual settings; without it, the newest one.

    Raises:
        FigureError: there is none.

    """
    records = [stored.record for stored in figures.stored.values()]
    if not records:
        raise FigureError("There is no result.", code="no_result", scenario="bench rates")
    return max(records, key=lambda record: (record.scenario == "bench rates", record.started_us))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested settings as a user writes them: flink.slots."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any, language: Language) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return decimal(value, language)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
