"""What is known of a peer: its description, its version, its lines of code."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

from spaf.bench.peers import peer
from spaf.bench.peers.peer import Peer, lines_of_code, peers
from spaf.errors import SettingsError

PYTHON = '''"""What it is for,
in two lines."""
import os  # why

# A comment.
def half(n):
    """Return half."""

    text = """one
two"""
    return n / len(text)
'''
JAVA = """/* Several
   lines. */
// One.
class Peer {

    int half(int n) { return n / 2; } // why
}
"""
SQL = "-- Grain: second.\nSELECT 1,\n\n2 /* and */\n"


@pytest.mark.parametrize(
    ("name", "text", "lines"), [("a.py", PYTHON, 5), ("A.java", JAVA, 3), ("a.sql", SQL, 2)]
)
def test_lines_of_code(tmp_path: Path, name: str, text: str, lines: int) -> None:
    """Blank lines, comments and docstrings are none; a text of several lines is several."""
    (tmp_path / name).write_text(text)
    assert lines_of_code(tmp_path / name) == lines


def test_a_folder_with_a_description_is_a_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is that of the folder, its version that of the lock, of a package or of a jar."""
    monkeypatch.setattr(peer, "PROGRAMS", tmp_path)
    description = 'version = "{}"\ncommand = ["{{python}}", "a.py"]\nsettings = "none"\n'
    locks = {
        "one": ("other", peer.PYTHON_LOCK, "another==1\nother==2.5 ; x \\\n    --hash=sha256:0\n"),
        "two": ("org.x:y", peer.JAR_LOCK, "two org.x:y:3.1 0abc\n"),
    }
    for name, (version, lock, text) in locks.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "peer.toml").write_text(description.format(version))
        (folder / lock).write_text(text)
    (tmp_path / "README").mkdir()
    assert [
        (name, described.name, described.installed_version) for name, described in peers().items()
    ] == [
        ("one", "one", "2.5"),
        ("two", "two", "3.1"),
    ]
    assert Peer("confluent-kafka", (), "", name="one").installed_version == metadata.version(
        "confluent-kafka"
    )
    assert not Peer("no-such-package", (), "", name="one").installed_version
    before = peers()["one"].digest
    (tmp_path / "one" / peer.PYTHON_LOCK).write_text("other==2.6\n")
    assert peers()["one"].digest != before


def test_a_malformed_description_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, with the file."""
    monkeypatch.setattr(peer, "PROGRAMS", tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "peer.toml").write_text('version = "a"\nspeed = 3\n')
    with pytest.raises(SettingsError, match=r"one/peer\.toml"):
        peers()


@pytest.mark.parametrize("one", peers().values(), ids=lambda one: str(one.name))
def test_every_peer_is_locked_and_alone(one: Peer) -> None:
    """Its locks have a hash for everything, its version is known, and no program imports spaf."""
    assert one.installed_version
    assert one.lines()
    for file in one.folder.rglob("*"):
        if file.name == peer.PYTHON_LOCK:
            packages = re.split(r"\n(?=[a-z0-9])", file.read_text())
            assert all("sha256:" in package for package in packages)
        elif file.name == peer.JAR_LOCK:
            assert all(len(line.split()[2]) == 64 for line in file.read_text().splitlines())
        elif file.suffix == ".py":
            assert not re.search(r"^\s*(import|from) spaf\b", file.read_text(), re.MULTILINE)
