"""Each setting that was tried alone, with its effect on latency and cost."""

from __future__ import annotations

from spaf.report.figures import Figures
from spaf.report.language import Language, Words, word
from spaf.report.readings.tuning import TuningReading
from spaf.report.tables.table import NO_VALUE, ReportColumn, ReportTable, measured
from spaf.report.translation import translated

COLUMNS = (
    ReportColumn(("setting", "configuração"), numeric=False),
    ReportColumn(("SPAF's → tried", "do SPAF → testado"), numeric=False),
    ReportColumn(("p50, ms", "p50, ms")),
    ReportColumn(("p99, ms", "p99, ms")),
    ReportColumn(("µs a record", "µs por registro")),
    ReportColumn(("cores", "núcleos")),
    ReportColumn(("verdict", "veredito"), numeric=False),
)
FIGURES = {"p50_ms": 1, "p99_ms": 1, "cpu_us_per_event": 2, "cores": 2}
BASELINE: Words = ("as SPAF is set", "como o SPAF é configurado")


def tuning(figures: Figures, language: Language) -> ReportTable:
    """Return the medians of the baseline and of every setting.

    Raises:
        FigureError: there is no valid result.

    """
    reading = TuningReading.of(figures)
    baseline = [measured(reading.median(of), digits, language) for of, digits in FIGURES.items()]
    rows = [[word(BASELINE, language), "", *baseline, ""]]
    for setting in reading.settings:
        cells = [measured(setting.median(of), digits, language) for of, digits in FIGURES.items()]
        differences = setting.text("verdict").split(", ")
        said = ", ".join(translated(difference, language) for difference in differences)
        verdict = ": ".join(text for text in (said, setting.text("reason")) if text)
        ours, tried = (translated(setting.text(key), language) for key in ("ours", "tried"))
        change = f"{ours or NO_VALUE} → {tried}"
        rows.append([translated(setting.name, language), change, *cells, verdict])
    return ReportTable(COLUMNS, rows, "small")
