"""`spaf slides`: what it writes, and what it says of a wrong folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from spaf.bench.results.folder import write
from spaf.cli import app
from spaf.errors import BrowserError, ResultsError, SettingsError
from tests.support.report_records import every_record


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, which is the run folder's too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPAF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("spaf.report.records.REFERENCE", tmp_path / "no-reference")
    return tmp_path


def run(*arguments: str) -> str:
    """Run the command and return what it prints."""
    result = CliRunner().invoke(app, ["slides", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def refusal(*arguments: str) -> BaseException | None:
    """Return the error with which the command ends."""
    return CliRunner().invoke(app, ["slides", *arguments]).exception


def test_the_records_of_a_folder_become_a_talk(in_folder: Path) -> None:
    """In Portuguese, in a folder of its own."""
    for record, _ in every_record():
        (in_folder / "records" / record.name).mkdir(parents=True)
        write(in_folder / "records" / record.name, record)
    printed = run("records", "--language", "pt")
    assert "talk/slides-pt.html" in printed
    assert "gap" not in printed
    assert "1.216,1" in (in_folder / "talk" / "slides-pt.html").read_text()


def test_without_a_measurement_every_gap_is_named(in_folder: Path) -> None:
    """The slides can be read before anything was measured."""
    printed = run("--output", "mine")
    assert "There is no result of `spaf bench rates`. 8 gaps." in printed
    assert (in_folder / "mine" / "slides-en.html").exists()


def test_what_is_wrong_is_said_before_the_work(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such records, a folder that is taken, no browser for --pdf; nothing is written."""
    (in_folder / "thesis").mkdir()
    (in_folder / "thesis" / "text").write_text("mine")
    monkeypatch.setenv("SPAF_SERVE__BROWSER", "no-such-browser")
    assert isinstance(refusal("nowhere"), ResultsError)
    assert isinstance(refusal("--output", "thesis"), SettingsError)
    assert isinstance(refusal("--pdf"), BrowserError)
    assert sorted(path.name for path in in_folder.iterdir()) == ["thesis"]
