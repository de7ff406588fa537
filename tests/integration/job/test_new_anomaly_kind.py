"""A kind of anomaly that was added by the how-to: the job's SQL finds what the verifier finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spaf.bench.detection.batch import Batch, files_table, rows, sale_log

COLUMNS = "kafka_offset BIGINT, kind STRING, amount DOUBLE, expected DOUBLE, score DOUBLE"
INSERT = (
    "INSERT INTO alert SELECT kafka_offset, kind, CAST(amount AS DOUBLE), "
    "CAST(expected AS DOUBLE), score FROM sale_outlier"
)


def test_the_job_reports_the_new_kind(
    flink: Batch, new_kind: dict[str, Any], tmp_path: Path
) -> None:
    """Under the same offset, with the same amounts and score."""
    log, alerts = tmp_path / "log.json", tmp_path / "alerts"
    log.write_text("".join(json.dumps(row) + "\n" for row in new_kind["rows"]))
    alert_table = files_table("alert", COLUMNS, alerts)
    flink.run([*sale_log(log), *new_kind["views"], alert_table, INSERT])
    (row,) = rows(alerts)
    ((_, offset, kind, _, _, cents, expected, score),) = new_kind["python"]
    assert (row["kafka_offset"], row["kind"]) == (offset, kind)
    assert row["amount"] == cents / 100
    assert row["expected"] == pytest.approx(expected / 100, abs=0.01)
    assert row["score"] == pytest.approx(score, rel=1e-9)
