"""A kind of anomaly that was added by the how-to: the job's SQL finds what the verifier finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spaf.bench.detection import batch

COLUMNS = "kafka_offset BIGINT, kind STRING, amount DOUBLE, expected DOUBLE, score DOUBLE"
INSERT = (
    "INSERT INTO alert SELECT kafka_offset, kind, CAST(amount AS DOUBLE), "
    "CAST(expected AS DOUBLE), score FROM sale_outlier"
)


def test_the_job_reports_the_new_kind(new_kind: dict[str, Any], tmp_path: Path) -> None:
    """Under the same offset, with the same amounts and score."""
    log, alerts = tmp_path / "log.json", tmp_path / "alerts"
    log.write_text("".join(json.dumps(row) + "\n" for row in new_kind["rows"]))
    with batch.running(tmp_path / "flink.log") as flink:
        flink.run(
            [
                *batch.sale_log(log),
                *new_kind["views"],
                batch.files_table("alert", COLUMNS, alerts),
                INSERT,
            ]
        )
    (row,) = batch.rows(alerts)
    ((_, offset, kind, _, _, cents, expected, score),) = new_kind["python"]
    assert (row["kafka_offset"], row["kind"]) == (offset, kind)
    assert row["amount"] == cents / 100
    assert row["expected"] == pytest.approx(expected / 100, abs=0.01)
    assert row["score"] == pytest.approx(score, rel=1e-9)
