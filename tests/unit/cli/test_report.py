"""`spaf report`: what it writes, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from spaf.bench.results.folder import write
from spaf.cli import app
from tests.support.report_records import every_record, record


def test_the_records_of_a_folder_become_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file, named by its language; what is missing is printed."""
    monkeypatch.chdir(tmp_path)
    for one, _ in every_record():
        (tmp_path / "records" / one.name).mkdir(parents=True)
        write(tmp_path / "records" / one.name, one)
    result = CliRunner().invoke(app, ["report", "records", "--language", "pt"])
    assert result.exit_code == 0, result.output
    assert "report-pt.html" in result.output
    assert "The result of `spaf bench rates` has no sales.npz. 2 gaps." in result.output
    assert (tmp_path / "report-pt.html").read_text().startswith("<!doctype html>")


def test_own_records_come_before_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has measured sees that; who has not sees the reference of the repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("spaf.report.records.REFERENCE", tmp_path / "reference")
    monkeypatch.setenv("SPAF_HOME", str(tmp_path / "home"))
    own, reference = tmp_path / "home" / "results" / "mine", tmp_path / "reference" / "drain"
    for folder, us in ((reference, 5.5), (own, 4.25)):
        folder.mkdir(parents=True)
        result = {"events": 1, "events_per_second": 1_000, "cpu_us_per_event": us}
        write(folder, record("bench drain", result).record)
        assert CliRunner().invoke(app, ["report"]).exit_code == 0
        assert f"{us:.2f}\N{NO-BREAK SPACE}µs" in (tmp_path / "report-en.html").read_text()
