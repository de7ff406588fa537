"""`spaf report`: what it writes, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from spaf.bench.results.folder import write
from spaf.cli import app
from tests.support.report_records import every_record


def test_the_records_of_a_folder_become_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file, named by its language; what is missing is printed."""
    monkeypatch.chdir(tmp_path)
    for record, _ in every_record():
        (tmp_path / "records" / record.name).mkdir(parents=True)
        write(tmp_path / "records" / record.name, record)
    result = CliRunner().invoke(app, ["report", "records", "--language", "pt"])
    assert result.exit_code == 0, result.output
    assert "report-pt.html" in result.output
    assert "The result of `spaf bench rates` has no sales.npz. 2 gaps." in result.output
    assert "There is no result of `spaf chaos`. 1 gap." in result.output
    assert (tmp_path / "report-pt.html").read_text().startswith("<!doctype html>")
