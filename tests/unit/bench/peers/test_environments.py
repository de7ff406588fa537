"""The environment of a peer: made once, named in commands, and explained where it cannot be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spaf.bench.peers import environments, peer
from spaf.bench.peers.environments import PeerEnvironment
from spaf.bench.peers.peer import Peer
from spaf.bench.progress import no_progress
from spaf.errors import SetupError
from spaf.stack import process, runtime

Calls = list[list[str]]


class Answer:
    """What every command prints, and its exit code."""

    output, code = "", 0


@pytest.fixture
def answer() -> Answer:
    """Return the answer of the commands, to be changed."""
    return Answer()


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> Calls:
    """Return the commands that are run; none of them is."""
    made: Calls = []

    def run(_: str, argv: Sequence[str], **__: Any) -> subprocess.CompletedProcess[str]:
        made.append(list(argv))
        return subprocess.CompletedProcess(argv, answer.code, answer.output)

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path / "made")
    monkeypatch.setattr(peer, "PROGRAMS", tmp_path)
    return made


def described(folder: Path, **fields: Any) -> Peer:
    """Return a peer that needs a package and a jar."""
    (folder / "one").mkdir()
    (folder / "one" / peer.PYTHON_LOCK).write_text("a==1 --hash=sha256:0\n")
    (folder / "one" / peer.JAR_LOCK).write_text("one g:b:2 0\n")
    return Peer("a", ("{python}", "-m", "a", "{jars}"), "none", name="one", **fields)


def test_environment_is_made_once(tmp_path: Path, calls: Calls) -> None:
    """Python, packages by their hashes, jars, then what is built; anew if a lock changes."""
    one = described(tmp_path, build=("{java}", "-jar", "{environment}/x"))
    environment = PeerEnvironment(one)
    for _ in range(2):
        environment.make(no_progress)
    folder = tmp_path / "made" / "one"
    assert len(calls) == 4
    assert calls[0][-3:] == ["-m", "venv", str(folder)]
    assert calls[1][-3:] == ["--require-hashes", "-r", peer.PYTHON_LOCK]
    assert calls[2][-2:] == [str(tmp_path / "one" / peer.JAR_LOCK), str(folder / "jars")]
    assert calls[3] == [str(runtime.java()), "-jar", f"{folder}/x"]
    (tmp_path / "one" / peer.JAR_LOCK).write_text("one g:b:3 0\n")
    assert not environment.complete


def test_command_has_the_paths_of_this_machine(tmp_path: Path, calls: Calls) -> None:
    """Placeholders become the programs, and all jars together one class path."""
    assert not calls
    one = described(tmp_path, variables={"X": "{environment}"})
    environment = PeerEnvironment(one)
    jars = environment.folder / "jars"
    jars.mkdir(parents=True)
    for name in ("b", "a"):
        (jars / f"{name}.jar").touch()
    words = environment.words(one.command)
    assert words == [f"{environment.folder}/bin/python", "-m", "a", f"{jars}/a.jar:{jars}/b.jar"]
    assert environment.variables()["X"] == str(environment.folder)
    assert environment.variables()["JAVA_HOME"] == runtime.java_home()


def test_peer_without_packages_has_the_python_of_spaf(tmp_path: Path, calls: Calls) -> None:
    """Such as one that runs the Flink that set-up has installed."""
    assert not calls
    one = described(tmp_path)
    (one.folder / peer.PYTHON_LOCK).unlink()
    assert PeerEnvironment(one).words(["{python}"]) == [sys.executable]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("x\nNewConnectionError(...)\n", "the package registry cannot be reached"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES\n", "another hash than the lock names"),
        ("one\ntwo is missing.\n\n", "two is missing"),
        ("", "it says nothing"),
    ],
)
@pytest.mark.usefixtures("calls")
def test_failure_is_one_sentence(tmp_path: Path, answer: Answer, output: str, reason: str) -> None:
    """It names the peer and the reason, and the environment does not count as made."""
    answer.output, answer.code = output, 1
    environment = PeerEnvironment(described(tmp_path))
    with pytest.raises(SetupError, match=f"The environment of one .*{reason}"):
        environment.make(no_progress)
    assert not environment.complete
