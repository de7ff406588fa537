"""`spaf doctor` as a command: lines or JSON, an exit code, and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from spaf import environment, settings
from spaf.cli import app
from spaf.errors import SettingsError
from spaf.stack.doctor import folder, report, surroundings
from spaf.stack.doctor.finding import Finding, Subject, fail, ok, warn


@pytest.fixture(autouse=True)
def checks(bare: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace the checks, which read the machine, by none."""
    monkeypatch.chdir(bare)
    chosen: dict[str, Any] = {}
    monkeypatch.setattr(report, "CHECKS", chosen)
    return chosen


def called(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["doctor", *words])


def fine(_: Subject) -> Iterator[Finding]:
    """Find nothing wrong."""
    yield ok("two cores")


def poor(_: Subject) -> Iterator[Finding]:
    """Find something to mend."""
    yield warn("slow disk \x1b[2J", "Buy one.")


def broken(_: Subject) -> Iterator[Finding]:
    """Find what prevents a start."""
    yield fail("no memory", "End programs.")


def odd(_: Subject) -> Iterator[Finding]:
    """Fail as a check may on an unknown machine."""
    yield ok("before")
    raise ZeroDivisionError


def test_warnings_leave_the_exit_code(checks: dict[str, Any]) -> None:
    """One line a finding, and one below it on how to mend it."""
    checks["machine"] = (fine, poor, odd)
    done = called()
    assert done.exit_code == 0
    lines = [line.split() for line in done.output.splitlines()]
    assert lines[0] == ["ok", "machine", "two", "cores"]
    assert lines[1][:4] == ["warn", "machine", "slow", "disk"]
    assert lines[2] == ["Buy", "one."]
    assert "The check odd was not possible: ZeroDivisionError" in done.output
    assert "\x1b[2J" not in done.output


def test_failure_is_the_exit_code(checks: dict[str, Any]) -> None:
    """As JSON too, with level, area, text and remedy of each."""
    checks["machine"] = (broken, fine)
    assert called().exit_code == 1
    done = called("--json")
    assert done.exit_code == 1
    value = json.loads(done.output)
    assert value["ok"] is False
    assert value["findings"][0] == {
        "area": "machine",
        "level": "fail",
        "what": "no memory",
        "todo": "End programs.",
    }


def test_bad_settings_are_a_finding_and_the_rest_is_checked(
    checks: dict[str, Any], bare: Path
) -> None:
    """A mistake in `spaf.toml` hides nothing."""
    checks["machine"] = (fine,)
    (bare / "spaf.toml").write_text("[kafka]\nport = 0\n")
    done = called()
    assert done.exit_code == 1
    assert "The settings: kafka.port = 0" in done.output
    assert "two cores" in done.output


def test_ignored_variables_are_listed_by_what_they_are_about(
    checks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user finds out why a proxy or an option of Java has no effect."""
    names = ["HTTP_PROXY", "_JAVA_OPTIONS", "PGHOST", "LD_PRELOAD", "TZ", "SHELL"]
    monkeypatch.setattr(environment, "_ignored", names)
    checks["environment"] = (surroundings.variables,)
    output = called().output
    for words in ("proxy: HTTP_PROXY", "Java: _JAVA_OPTIONS", "PostgreSQL: PGHOST", "zone: TZ"):
        assert words in output
    assert "6 variables of the shell are ignored" in output


@pytest.mark.parametrize("home", ["loop", "x" * 300, "file/run"])
def test_odd_run_folder_is_a_finding(
    bare: Path, monkeypatch: pytest.MonkeyPatch, checks: dict[str, Any], home: str
) -> None:
    """A link to itself, a name that is too long, a folder below a file."""
    (bare / "loop").symlink_to("loop")
    (bare / "file").touch()
    monkeypatch.setenv("SPAF_HOME", home)
    checks["run folder"] = (folder.place, folder.writable, folder.file_system)
    done = called()
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit)
    assert "fail" in done.output


def test_deleted_current_folder_is_a_finding(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other command says the same."""
    (bare / "gone").mkdir()
    monkeypatch.chdir(bare / "gone")
    (bare / "gone").rmdir()
    done = called()
    assert done.exit_code == 1
    assert "The current folder does not exist any more" in done.output
    with pytest.raises(SettingsError, match="does not exist any more"):
        settings.load()
