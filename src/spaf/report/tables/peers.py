"""SPAF and other programs: what each reaches, and what each does when something goes wrong."""

from __future__ import annotations

from spaf.report.figures import Figures
from spaf.report.language import Language, Words, word
from spaf.report.readings.peers import SPEED, PeerReading
from spaf.report.tables.table import NO_VALUE, ReportColumn, ReportTable, measured
from spaf.report.translation import translated

PROGRAM = ReportColumn(("program", "programa"), numeric=False)
COLUMNS = (
    PROGRAM,
    ReportColumn(("lines of code", "linhas de código")),
    ReportColumn(("records/s (* ended early)", "registros/s (* encerrado antes do fim)")),
    ReportColumn(("µs a record", "µs por registro")),
    ReportColumn(("100/s: p50 / p99, ms", "100/s: p50 / p99, ms")),
    ReportColumn(("1,000/s: p50 / p99, ms", "1.000/s: p50 / p99, ms")),
    ReportColumn(("memory, MiB", "memória, MiB")),
)
BEHAVIOUR = (
    PROGRAM,
    ReportColumn(("settings", "configurações"), numeric=False),
    ReportColumn(("a bad record", "um registro inválido"), numeric=False),
    ReportColumn(("after kill -9", "depois de kill -9"), numeric=False),
)
EARLY = "*"
FAILED: Words = ("not measured: ", "não medido: ")


def peers(figures: Figures, language: Language) -> ReportTable:
    """Return the figures of each program.

    Raises:
        FigureError: there is no valid result.

    """
    rows = []
    for peer in PeerReading.all_of(figures):
        name = f"{translated(peer.name, language)} {peer.text('version')}".rstrip()
        if peer.error and peer.drain(SPEED) is None:
            rows.append([name, word(FAILED, language) + peer.error])
            continue
        memory = peer.measured.get("memory_mib")
        cells = [
            peer.text("lines") or NO_VALUE,
            measured(peer.drain(SPEED), -3, language) + (EARLY if peer.ended_early else ""),
            measured(peer.drain("cpu_us_per_event"), 2, language),
            _latency(peer, "100", language),
            _latency(peer, "1000", language),
            measured(memory, 0, language),
        ]
        rows.append([name, *cells])
    return ReportTable(COLUMNS, rows, "small whole")


def behaviour(figures: Figures, language: Language) -> ReportTable:
    """Return how each program is set, and what it does with a bad record and after a kill.

    Raises:
        FigureError: there is no valid result.

    """
    keys = ("settings", "bad_record", "after_kill")
    rows = [
        [translated(text, language) for text in (peer.name, *map(peer.text, keys))]
        for peer in PeerReading.all_of(figures)
    ]
    return ReportTable(BEHAVIOUR, [row for row in rows if any(row[1:])], "small whole")


def _latency(peer: PeerReading, rate: str, language: Language) -> str:
    quantiles = (peer.latency(rate, quantile) for quantile in ("p50_ms", "p99_ms"))
    return " / ".join(measured(value, 1, language) for value in quantiles)
