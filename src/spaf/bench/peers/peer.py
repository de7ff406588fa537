"""A peer: another program that aggregates the sales, described by the folder of its files.

`programs/README.md` states what a peer's program must do, and what its folder holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tokenize
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from spaf.errors import SettingsError

PROGRAMS = Path(__file__).with_name("programs")
DESCRIPTION = "peer.toml"
PYTHON_LOCK = "requirements.lock"
JAR_LOCK = "jars.lock"
# What a comment is in the other languages than Python.
COMMENTS = {
    ".java": re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL),
    ".sql": re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL),
}
# Tokens of a Python program that are no code of it.
NO_CODE = frozenset(
    {
        *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
        *(tokenize.ENCODING, tokenize.ENDMARKER),
    }
)


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `peer.toml` says."""

    version: str
    """The package or the jar (`group:artifact`) in the locks whose version is that of the peer; a
    package of SPAF where the peer has no Python of its own."""
    command: tuple[str, ...]
    """Starts the program in its folder. `{python}` and `{java}` are the programs of these names,
    `{jars}` the class path of all locked jars, `{environment}` the folder of the environment."""
    settings: str
    """Which settings are used and why, in one line."""
    build: tuple[str, ...] = ()
    """Run once after the installation, in the folder of the program, such as a compiler."""
    variables: dict[str, str] = {}
    """Environment variables of the program, in addition to those of the contract."""
    name: str = ""
    """The name of the folder."""

    @property
    def folder(self) -> Path:
        """The folder of the program and its locks."""
        return PROGRAMS / self.name

    @property
    def installed_version(self) -> str:
        """The version that the locks name."""
        for lock in (PYTHON_LOCK, JAR_LOCK):
            file = self.folder / lock
            match = file.exists() and re.search(
                rf"(?:^|\s){re.escape(self.version)}(?:==|:)(\S+)", file.read_text(), re.MULTILINE
            )
            if match:
                return match[1]
        with contextlib.suppress(PackageNotFoundError):
            return version(self.version)
        return ""

    @property
    def digest(self) -> str:
        """Changes when the environment has to be made anew: with a lock, or what is built."""
        names = {PYTHON_LOCK, JAR_LOCK}
        files = [f for f in self._files() if f.name in names or (self.build and _is_code(f))]
        content = b"".join(file.name.encode() + file.read_bytes() for file in files)
        return hashlib.sha256(content + repr(self.build).encode()).hexdigest()

    def lines(self) -> int:
        """Return how many lines of code the program has, without blank ones and comments."""
        return sum(lines_of_code(file) for file in self._files() if _is_code(file))

    def _files(self) -> list[Path]:
        return sorted(file for file in self.folder.rglob("*") if file.is_file())


def peers() -> dict[str, Peer]:
    """Return every peer by its name.

    Raises:
        SettingsError: the description of a peer is malformed.

    """
    by_name = {}
    for file in sorted(PROGRAMS.glob(f"*/{DESCRIPTION}")):
        try:
            peer = msgspec.toml.decode(file.read_bytes(), type=Peer)
        except msgspec.MsgspecError as error:
            raise SettingsError(f"{file.parent.name}/{DESCRIPTION}: {error}") from error
        by_name[file.parent.name] = msgspec.structs.replace(peer, name=file.parent.name)
    return by_name


def lines_of_code(file: Path) -> int:
    """Return the lines of a program without blank lines, comments and docstrings."""
    text = file.read_text()
    if file.suffix == ".py":
        return len(_python_lines(text))
    without = COMMENTS[file.suffix].sub("", text)
    return sum(not line.isspace() for line in without.splitlines(keepends=True))


def _is_code(file: Path) -> bool:
    return file.suffix == ".py" or file.suffix in COMMENTS


def _python_lines(text: str) -> set[int]:
    lines: set[int] = set()
    begins_statement = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in NO_CODE:
            begins_statement = begins_statement or token.type == tokenize.NEWLINE
            continue
        if not (begins_statement and token.type == tokenize.STRING):
            lines.update(range(token.start[0], token.end[0] + 1))
        begins_statement = False
    return lines
