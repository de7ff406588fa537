"""Files of other programs, from their bytes to the alert."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import pytest

from spaf.bench.detection import batch
from spaf.bench.detection.batch import Batch
from spaf.bench.detection.csv_series import LEVEL, SALES, CsvSeries, SeriesRow, read_series
from spaf.bench.detection.detect import detect
from spaf.settings import Settings
from tests.support.csv_exports import PLANTED, exports


@pytest.mark.parametrize("kind", [LEVEL, SALES])
def test_the_planted_row_is_flagged_and_no_other(
    tmp_path: Path,
    flink: Batch,
    small_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """Each export is a series, or products, of its own in one query."""
    monkeypatch.setattr(batch, "running", lambda _: contextlib.nullcontext(flink))
    rows: list[SeriesRow] = []
    planted = []
    for number, (name, export) in enumerate(exports().items()):
        if export.kind != kind:
            continue
        file = tmp_path / str(number)
        file.write_bytes(export.content)
        for row in read_series(file).rows:
            product = f"{name} {row.product}"
            rows.append(msgspec.structs.replace(row, series=name, product=product))
        place = PLANTED + (name == "row of units")
        planted.append((name, place))
    flagged = [
        (row.series, row.row)
        for row in detect(small_settings, CsvSeries(kind, rows))
        if row.flagged
    ]
    assert sorted(flagged) == sorted(planted)
