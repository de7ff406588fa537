"""The command line as a whole: every verb has its help, every failure is one message."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from spaf import settings
from spaf.bench import registry
from spaf.cli import COMMANDS, app, main
from spaf.errors import SettingsError, SpafError
from spaf.stack import control

pytestmark = pytest.mark.usefixtures("bare")
VERBS = [
    *(
        "up",
        "down",
        "status",
        "logs",
        "doctor",
        "service",
        "job",
        "load",
        "sell",
        "demo",
        "query",
        "verify",
        "detect",
    ),
    *("quarantine", "bench", "prove", "chaos", "results", "size", "report", "slides"),
]
INSIDE = [
    *(f"quarantine {name}" for name in ("list", "show", "export", "replay")),
    *(f"job {name}" for name in ("stop", "start", "upgrade")),
    *registry.SCENARIOS,
    "bench page",
    *("results list", "results show"),
]
WITH_JSON = [
    *("up", "status", "doctor", "load", "sell", "demo", "query", "verify", "detect"),
    *registry.SCENARIOS,
    *("quarantine list", "quarantine show", "quarantine replay"),
    *("results list", "results show", "size"),
    *("job stop", "job start", "job upgrade"),
]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the help enough room and no colours."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERMINAL_WIDTH", "160")
    monkeypatch.setenv("NO_COLOR", "1")


def helped(line: str) -> str:
    """Return the help of a verb, as plain text."""
    found = CliRunner().invoke(app, [*line.split(), "--help"])
    assert found.exit_code == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", found.output)


def test_no_verb_is_without_a_test() -> None:
    """The list above is the command line."""
    assert list(getattr(get_command(app), "commands", {})) == VERBS


@pytest.mark.parametrize("line", [*VERBS, *INSIDE])
def test_every_verb_has_help(line: str) -> None:
    """How it is called, and what it does."""
    text = helped(line)
    assert re.search(rf"Usage: \S+ {line}\b", text)
    assert len(text.splitlines()) > 5


@pytest.mark.parametrize("line", WITH_JSON)
def test_verbs_that_scripts_call_speak_json(line: str) -> None:
    """The flag of the architecture."""
    assert "--json" in helped(line)


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ("load", ["--rate", "--for", "--seed", "--anomaly-rate"]),
        ("demo", ["--rate", "--for"]),
        ("query", ["--limit"]),
        ("down", ["--wipe"]),
        ("job stop", ["--savepoint"]),
        ("bench rates", ["--rates", "--for"]),
        ("bench first-minute", ["--rate", "--for", "--repeats", "--screen"]),
        ("bench drain", ["--events", "--drains", "--tables"]),
        ("bench start", ["--repeats"]),
        ("bench scale", ["--factors", "--levels", "--for", "--repeats", "--quick"]),
        ("bench tuning", ["--settings", "--for", "--events", "--quick"]),
        ("bench page screen", ["--rates", "--for"]),
        ("prove detection", ["--seeds", "--rate", "--for"]),
        ("detect", ["--kind", "--out"]),
    ],
)
def test_flags_of_the_architecture_are_there(line: str, flags: list[str]) -> None:
    """Scripts call them by these names."""
    text = helped(line)
    assert [flag for flag in flags if flag not in text] == []


def test_overview_names_every_verb() -> None:
    """Without arguments a person sees what there is."""
    text = CliRunner().invoke(app, []).output
    assert [verb for verb in VERBS if not re.search(rf"\b{verb}\b", text)] == []


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line as the program does; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["spaf", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.mark.parametrize("verb", ["status", "verify", "query", "load", "job stop"])
def test_verb_on_a_run_that_is_not_there_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """Exit code 1, the folder, and how to start."""
    assert ended(monkeypatch, *verb.split()) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Nothing runs in " in printed.err
    assert "spaf up" in printed.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["load", "--for", "soon"],
        ["load", "--rate", "0"],
        ["logs", "nothing"],
        ["detect", "nothing.csv"],
        ["prove", "detection", "--seeds", "9-1"],
        ["prove", "detection", "--seeds", "all"],
    ],
)
def test_wrong_value_has_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """As a wrong flag has."""
    assert ended(monkeypatch, *arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_wrong_setting_has_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Field, value and bound are on the screen."""
    monkeypatch.setenv("SPAF_KAFKA__PORT", "0")
    assert ended(monkeypatch, "status") == 2
    assert "kafka.port = '0': " in capsys.readouterr().err


def test_log_of_another_folder_cannot_be_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path in the name of a service is none."""
    assert ended(monkeypatch, "logs", "../../etc/passwd") == 2
    assert "There is no log of " in capsys.readouterr().err


def test_logs_without_a_name_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Who does not know the names sees them."""
    monkeypatch.setenv("SPAF_HOME", str(tmp_path / "run"))
    assert ended(monkeypatch, "logs") == 0
    assert "no logs yet" in capsys.readouterr().out
    (tmp_path / "run/logs").mkdir(parents=True)
    (tmp_path / "run/logs/kafka.log").write_text("a line\n")
    assert ended(monkeypatch, "logs") == 0
    assert capsys.readouterr().out == "kafka\n"


@pytest.mark.parametrize(
    ("failure", "code"), [(SpafError("x"), 1), (SettingsError("x"), 2), (KeyboardInterrupt(), 130)]
)
def test_failures_have_their_exit_codes(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException, code: int
) -> None:
    """One for a failure, two for a wrong setting, 130 for Ctrl-C."""

    def fail() -> None:
        raise failure

    monkeypatch.setattr(settings, "load", fail)
    assert ended(monkeypatch, "status") == code


def test_ctrl_c_is_answered_by_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also within a group; `make` would add its error only."""
    for line in ("demo", "bench rates"):

        def interrupt() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(settings, "load", interrupt)
        assert ended(monkeypatch, *line.split()) == 130
        assert capsys.readouterr().err == "Interrupted; what this command had started is stopped.\n"


def test_ctrl_c_of_up_leaves_the_run_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It starts in the background, so the sentence says how to end it."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(control, "up", interrupt)
    assert ended(monkeypatch, "up") == 130
    assert "the start goes on" in capsys.readouterr().err


def test_down_without_a_run_is_fine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was asked is true: nothing runs."""
    assert ended(monkeypatch, "down") == 0
    assert "Nothing was running." in capsys.readouterr().err


def test_every_verb_is_a_module_of_its_own() -> None:
    """Named like the verb; a group is a package."""
    targets = [command.target for command in COMMANDS.values()]
    groups = {"job", "quarantine", "bench", "prove", "results"}
    assert targets == [f"spaf.cli.{name}:{'app' if name in groups else name}" for name in COMMANDS]
