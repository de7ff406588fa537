"""Mistakes of a user: one message, an exit code, no traceback."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Spaf = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SPAF_KAFKA__PORT": "99999"}, ("kafka.port", "99999", "less than or equal to 65535")),
        ({"SPAF_JOB__FLUSH_MS": "soon"}, ("job.flush_ms", "soon", "valid integer")),
        ({"SPAF_SALE__CURRENCY": "reais"}, ("sale.currency", "reais", "[A-Z]{3}")),
        ({"SPAF_KAFKA__PROT": "9092"}, ("kafka.prot", "9092", "not permitted")),
    ],
)
def test_a_bad_setting(
    spaf: Spaf, tmp_path: Path, settings: dict[str, str], words: tuple[str, ...]
) -> None:
    """The field, its value and what is allowed are named; nothing is started or created."""
    done = spaf(tmp_path, "up", **settings)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert [word for word in words if word not in said] == [], said
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file(spaf: Spaf, tmp_path: Path) -> None:
    """A mistake in `spaf.toml` is reported like any other."""
    (tmp_path / "spaf.toml").write_text("[kafka]\nport = 0\n")
    done = spaf(tmp_path, "status")
    assert done.returncode == 2
    assert "kafka.port = 0" in done.stderr
    (tmp_path / "spaf.toml").write_text("[kafka\n")
    done = spaf(tmp_path, "status")
    assert done.returncode == 2
    assert "spaf.toml" in done.stderr


def test_a_bad_connection_string_is_not_repeated(spaf: Spaf, tmp_path: Path) -> None:
    """A password never reaches the screen, however wrong its setting is."""
    done = spaf(tmp_path, "up", SPAF_POSTGRES__DSN="postgresql//me:hunter2@host", SPAF_HOME="home")
    assert done.returncode != 0
    assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "words", [("query",), ("verify", "--json"), ("status",), ("load", "--for", "1")]
)
def test_nothing_runs(spaf: Spaf, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A command that needs a run says how to start one."""
    done = spaf(tmp_path, *words)
    assert done.returncode == 1
    assert "spaf up" in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("load", "--rate", "0"),
        ("load", "--for", "soon"),
        ("demo", "--for", "-5"),
        ("query", "--limit", "0"),
        ("dance",),
    ],
)
def test_a_bad_word(spaf: Spaf, tmp_path: Path, words: tuple[str, ...]) -> None:
    """An argument that makes no sense is refused before anything is done."""
    done = spaf(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert list(tmp_path.iterdir()) == []


def test_down_of_nothing(spaf: Spaf, tmp_path: Path) -> None:
    """There may be nothing to stop, and nothing to delete."""
    for words in (("down",), ("down", "--wipe")):
        done = spaf(tmp_path, *words)
        assert done.returncode == 0
        assert "Nothing was running." in done.stderr
        assert list(tmp_path.iterdir()) == []
