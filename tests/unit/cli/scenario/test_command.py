"""The command of a scenario: options from its fields, JSON and exit code from its result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from spaf.bench import registry
from spaf.bench.progress import Progress
from spaf.bench.scenario import (
    Names,
    Rates,
    Result,
    Scenario,
    Seconds,
    SeedRange,
    Table,
    option,
    table_of,
)
from spaf.cli import app
from spaf.cli.scenario.command import command
from spaf.settings import Settings
from spaf.stack.control import Watcher

pytestmark = pytest.mark.usefixtures("bare")


class EchoResult(Result, frozen=True):
    """The options as they were understood."""

    rates: list[float]
    seconds: float
    seeds: list[int]
    names: list[str]
    size: int

    @property
    def reasons(self) -> list[str]:
        """A reason for the size of the failure."""
        return ["[the reason]"] if self.size == 9 else []

    def tables(self) -> list[Table]:
        """Return one row."""
        return [table_of([self], {"size": "size", "for": "seconds"}, "options")]

    def summary(self) -> str:
        """Return a line."""
        return "[the summary]"


class EchoScenario(Scenario, frozen=True):
    """Return the options."""

    rates: Annotated[Rates, option("Rates.")] = (10, 1_000)
    seconds: Annotated[Seconds, option("How long.", flag="--for")] = Seconds(60)
    seeds: Annotated[SeedRange, option("Seeds.")] = range(101, 104)
    some_names: Annotated[Names, option("Names.")] = ()
    size: Annotated[int, option("Size.", ge=1, le=9)] = 5

    def prepare(self, settings: Settings) -> list[str]:  # noqa: ARG002 - the interface
        """Return a notice."""
        return ["[a notice]"]

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> EchoResult:  # noqa: ARG002 - no run
        """Return the options."""
        progress("working", 1, 2)
        return EchoResult(
            list(self.rates),
            self.seconds,
            list(self.seeds),
            list(self.some_names),
            self.size,
        )


def invoke(*arguments: str) -> Any:
    """Run the command of the scenario above."""
    echo = typer.Typer()
    echo.command()(command(EchoScenario))
    return CliRunner().invoke(echo, list(arguments))


def test_a_field_is_an_option_with_its_default() -> None:
    """One JSON object with the machine and the fields of the result; notices go to stderr."""
    done = invoke("--json")
    record = json.loads(done.stdout)
    assert record.pop("machine")["cores"] > 0
    assert Path(record.pop("record")).is_dir()
    assert record == {
        "valid": True,
        "reasons": [],
        "rates": [10.0, 1_000.0],
        "seconds": 60.0,
        "seeds": [101, 102, 103],
        "names": [],
        "size": 5,
    }
    assert (done.exit_code, "[a notice]" in done.stderr) == (0, True)


def test_values_are_read_by_their_notation() -> None:
    """Durations, rates, ranges of seeds and lists of names."""
    given = ("--rates", "5,7.5", "--for", "1.5m", "--seeds", "7", "--some-names", "a, b", "--size")
    record = json.loads(invoke(*given, "2", "--json").stdout)
    assert (record["rates"], record["seconds"], record["seeds"]) == ([5, 7.5], 90, [7])
    assert (record["names"], record["size"]) == (["a", "b"], 2)


@pytest.mark.parametrize("size", ["0", "10", "many"])
def test_a_value_out_of_its_bounds_is_refused(size: str) -> None:
    """Before anything runs, with the exit code of a wrong option."""
    done = invoke("--size", size)
    assert (done.exit_code, "[a notice]" in done.stderr) == (2, False)


def test_a_result_that_has_not_passed_has_exit_code_1() -> None:
    """With its table on standard output and the reason on standard error."""
    done = invoke("--size", "9")
    assert done.exit_code == 1
    assert "options" in done.stdout
    assert "[the summary]" in done.stdout
    assert "[the reason]" in done.stderr
    assert "[the reason]" not in invoke("--size", "8").stderr


def test_help_says_defaults_as_they_are_written() -> None:
    """In the notation of each option."""
    text = " ".join(invoke("--help").output.split())
    assert "Return the options." in text
    assert [default for default in ("10,1000", "60s", "101-103") if default not in text] == []


@pytest.mark.parametrize("name", registry.SCENARIOS)
def test_every_scenario_can_be_loaded(name: str) -> None:
    """Its class has a docstring, and every field says what it is for."""
    scenario = registry.load(name)
    assert scenario.__doc__
    assert command(scenario).__doc__


def test_the_names_of_the_groups_import_no_scenario() -> None:
    """A command that is not used costs nothing at start-up."""
    code = "import sys, spaf.bench.registry as r; print(*r.children('bench'), *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert {"rates", "drain", "start", "verify", "detection-delay", "page"} <= set(names)
    assert "spaf.bench.run.rates" not in names
    assert "duckdb" not in names


def test_the_self_test_needs_nothing_to_run() -> None:
    """One JSON object with the numbers that scripts read."""
    done = CliRunner().invoke(app, ["prove", "self-test", "--seeds", "1", "--json"])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["damages"] == record["caught"] > 40
    assert record["false_alarms"] == 0
    assert record["passed"] is True
    assert Path(record["record"]).parent == Path.cwd() / ".spaf" / "results"
    assert list(Path.cwd().iterdir()) == [Path.cwd() / ".spaf"]
