"""`spaf size`: bad input in one sentence, and the sizes from the committed records."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from spaf.cli import app
from spaf.errors import SettingsError


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no record of a run folder be found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPAF_HOME", str(tmp_path / "home"))


def test_the_committed_records_size_a_million() -> None:
    """As one JSON object that names its sources."""
    result = CliRunner().invoke(app, ["size", "--rate", "1e6", "--json"])
    assert result.exit_code == 0, result.output
    found = msgspec.json.decode(result.stdout)
    assert found["request"]["rate"] == 1_000_000.0
    assert found["job"][0]["tasks"] > found["job"][1]["tasks"] > 1
    assert "bench sustain" in found["sources"]


def test_a_person_reads_tables() -> None:
    """With what breaks, and where the figures come from."""
    result = CliRunner().invoke(app, ["size", "--rate", "50k", "--keep", "36h"])
    assert result.exit_code == 0, result.output
    for text in ("50,000 sales a second, kept for 1.5 days", "what breaks first", "record"):
        assert text in result.output


@pytest.mark.parametrize(("rate", "is_enough"), [("100", True), ("1E6", False), ("100K", False)])
def test_small_rate_needs_one_machine(rate: str, is_enough: bool) -> None:  # noqa: FBT001
    """It is said first; nothing that a service needs is shown as nothing."""
    result = CliRunner().invoke(app, ["size", "--rate", rate])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{float(rate.replace('K', 'e3')):,.0f} sales a second")
    assert ("One machine with everything on it holds this rate" in result.output) is is_enough
    for nothing in (" 0.00 ", " 0.0 ", "0 and 0"):
        assert nothing not in result.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--rate", "0"), "--rate 0: must be above 0 and at most 1,000,000,000 sales a second."),
        (("--rate", "2e9"), "--rate 2e9: must be above 0"),
        (("--rate", "5 apples"), "--rate 5 apples: not a rate."),
        (("--rate", "-1"), "--rate -1: must be above 0"),
        (("--rate", "1e-400"), "--rate 1e-400: must be above 0"),
        (("--rate", "nan"), "--rate nan: not a rate."),
        (("--rate", ""), "--rate : not a rate."),
        (("--rate", "1,000"), "--rate 1,000: not a rate."),
        (("--rate", "1k", "--keep", "2 weeks"), "--keep 2 weeks: not a duration."),
        (("--rate", "1k", "--keep", "0"), "--keep 0: must be above 0"),
    ],
)
def test_bad_input_is_one_sentence(options: tuple[str, ...], sentence: str) -> None:
    """It names the option and what it was."""
    result = CliRunner().invoke(app, ["size", *options])
    assert isinstance(result.exception, SettingsError)
    assert result.exception.what.startswith(sentence)
