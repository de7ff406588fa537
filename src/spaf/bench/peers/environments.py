"""The environment of a peer: a Python with its packages, its jars, and what is built of it.

It is made at the first use, below the installation of SPAF, and anew when a lock has changed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from spaf.bench.peers.peer import JAR_LOCK, PYTHON_LOCK, Peer
from spaf.bench.progress import Progress
from spaf.environment import PYTHON_OPTIONS, registry_environment
from spaf.errors import SetupError
from spaf.stack import process, runtime

ENVIRONMENTS = runtime.SHARE / "peers"
# Holds the digest of the locks, once the environment is complete.
STAMP = "complete"
# What pip and the downloader of jars say without a network.
NETWORK_SIGNS = (
    *("NewConnectionError", "Max retries", "ProxyError", "ConnectionError", "Timeout"),
    *("No matching distribution", "could not be downloaded"),
)
HASH_SIGNS = ("DO NOT MATCH THE HASHES", "has SHA-256")
MAX_REASON_CHARS = 300


class PeerEnvironment(NamedTuple):
    """Where the environment of a peer is."""

    peer: Peer

    @property
    def folder(self) -> Path:
        """The folder of the environment."""
        return ENVIRONMENTS / self.peer.name

    @property
    def complete(self) -> bool:
        """Whether it is there, and as the locks have it."""
        stamp = self.folder / STAMP
        return stamp.exists() and stamp.read_text() == self.peer.digest

    def make(self, progress: Progress) -> None:
        """Install what is missing.

        Raises:
            SetupError: there is no network, a file has another hash, or the build fails.

        """
        if self.complete:
            return
        doing = f"{self.peer.name}: making its environment"
        progress(doing)
        (self.folder / STAMP).unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.peer.folder / PYTHON_LOCK).exists():
            self._install_python(progress, doing)
        if (self.peer.folder / JAR_LOCK).exists():
            progress(f"{doing}, jars")
            lock, jars = str(self.peer.folder / JAR_LOCK), str(self.folder / "jars")
            command = process.module_command("spaf.bench.peers.jars", lock, jars)
            self._run(command, registry_environment())
        if self.peer.build:
            progress(f"{doing}, building")
            self._run(self.words(self.peer.build), self.variables())
        (self.folder / STAMP).write_text(self.peer.digest)

    def words(self, command: Sequence[str]) -> list[str]:
        """Return a command with the paths of this machine."""
        jars = sorted((self.folder / "jars").glob("*.jar"))
        own = (self.peer.folder / PYTHON_LOCK).exists()
        paths = {
            "{python}": self.folder / "bin" / "python" if own else sys.executable,
            "{java}": runtime.java(),
            "{jars}": ":".join(map(str, jars)),
            "{environment}": self.folder,
        }
        expanded = []
        for word in command:
            text = word
            for name, path in paths.items():
                text = text.replace(name, str(path))
            expanded.append(text)
        return expanded

    def variables(self) -> dict[str, str]:
        """Return the variables that the program has besides those of the contract."""
        names, values = self.peer.variables.keys(), self.words(list(self.peer.variables.values()))
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        return {
            "JAVA_HOME": runtime.java_home(),
            "PATH": path,
            **dict(zip(names, values, strict=True)),
        }

    def _install_python(self, progress: Progress, doing: str) -> None:
        environment = registry_environment()
        shutil.rmtree(self.folder / "lib", ignore_errors=True)
        self._run([sys.executable, *PYTHON_OPTIONS, "-m", "venv", str(self.folder)], environment)
        progress(f"{doing}, Python packages")
        pip = [str(self.folder / "bin" / "python"), *PYTHON_OPTIONS, "-m", "pip", "install"]
        options = ["--disable-pip-version-check", "--no-input", "--quiet", "--no-deps"]
        # Without a network each peer says so within seconds, not half a minute.
        options += ["--retries", "2"]
        self._run([*pip, *options, "--require-hashes", "-r", PYTHON_LOCK], environment)

    def _run(self, command: list[str], variables: Mapping[str, str]) -> None:
        done = process.run(self.peer.name, command, cwd=self.peer.folder, env=variables)
        if done.returncode != 0:
            raise SetupError(
                f"The environment of {self.peer.name} could not be made: {_reason(done.stdout)}."
            )


def _reason(output: str) -> str:
    """Return why an installation failed, from what it has printed."""
    if any(sign in output for sign in HASH_SIGNS):
        return "a downloaded file has another hash than the lock names"
    if any(sign in output for sign in NETWORK_SIGNS):
        return "the package registry cannot be reached"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return (lines[-1] if lines else "it says nothing")[-MAX_REASON_CHARS:].rstrip(".")
