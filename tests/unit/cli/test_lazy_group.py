"""A command is imported when it is called, and its group lists it without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from spaf.cli import app
from spaf.cli.lazy_group import LazyGroup

# Packages that take 10 to 100 ms each to import. Those that read the state of a run:
STATE = {"pydantic_settings", "psutil", "psycopg"}
# Those that do the work of the longer commands:
WORK = {
    *("httpx", "ruamel", "confluent_kafka", "pyflink", "locust", "gevent", "fastapi"),
    *("numpy", "mimesis", "duckdb"),
}


def imported(folder: Path, *arguments: str) -> set[str]:
    """Return the packages that a command has imported by its end."""
    code = (
        "import atexit, sys; sys.argv = ['spaf', *sys.argv[1:]]; "
        "atexit.register(lambda: print('\\0', *{name.partition('.')[0] for name in sys.modules}));"
        "from spaf.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stdout.rpartition("\0")[2].split())


@pytest.mark.parametrize(
    ("line", "unneeded"),
    [
        ("--help", {"pydantic", *STATE, *WORK}),
        ("quarantine --help", {*STATE, *WORK}),
        ("status", WORK),
        ("query", WORK),
    ],
)
def test_a_command_imports_what_it_needs(tmp_path: Path, line: str, unneeded: set[str]) -> None:
    """Nothing of the packages that other commands need."""
    packages = imported(tmp_path, *line.split())
    assert "spaf" in packages
    assert packages & unneeded == set()


def lazy_commands(group: LazyGroup) -> Iterator[tuple[str, str]]:
    """Yield summary and help of every lazy command, those of nested groups too."""
    for name, stub in group.lazy_commands.items():
        command = group.load(name)
        yield stub.summary, command.help
        if isinstance(command, LazyGroup):
            yield from lazy_commands(command)


def test_a_summary_is_the_first_paragraph_of_the_help() -> None:
    """The group says of a command what the command says of itself."""
    group = get_command(app)
    assert isinstance(group, LazyGroup)
    for summary, text in lazy_commands(group):
        assert summary == " ".join(text.partition("\n\n")[0].split())


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    """As Typer does for commands that are imported."""
    result = CliRunner().invoke(app, ["statsu"])
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.output
