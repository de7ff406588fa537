"""The environment of a command: what it keeps, what it ignores, and how it enters it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from spaf import environment

FIXED = {"HOME": "/dev/null", "LC_ALL": "C.UTF-8", "TZ": "UTC", "MALLOC_ARENA_MAX": "2"}
SEE = (
    "import json, os, sys, time; from spaf import environment; environment.enter();"
    "print(json.dumps([dict(os.environ), environment.ignored_variables(), time.tzname,"
    " sys.getfilesystemencoding(), sys.flags.isolated]))"
)


@pytest.fixture
def launched(tmp_path: Path) -> Path:
    """Make a package `spaf` whose main module shows its environment; return its folder.

    It stands for the command, which would need a run.
    """
    package = tmp_path / "spaf"
    package.mkdir()
    (package / "__init__.py").touch()
    source = Path(environment.__file__).read_text(encoding="utf-8")
    (package / "environment.py").write_text(source, encoding="utf-8")
    (package / "__main__.py").write_text(SEE)
    return tmp_path


def test_command_keeps_settings_terminal_and_path_only() -> None:
    """What a child gets, and what a person at a terminal needs."""
    kept = {
        "SPAF_HOME": "x",
        "spaf_kafka__port": "1",
        "TERM": "xterm",
        "PATH": "/a",
        "TMPDIR": "/t",
    }
    lost = {"HOME": "/h", "TZ": "Asia/Tokyo", "http_proxy": "p", "PGHOST": "h", "LANG": "pt_BR"}
    assert environment.command_environment({**kept, **lost}) == {**FIXED, **kept}


def test_child_has_no_settings() -> None:
    """A password in a setting is for those processes only that read it."""
    path = environment.FIXED["PATH"]
    assert environment.child_environment() == {**FIXED, "PATH": path}


def test_process_enters_its_environment(launched: Path) -> None:
    """In place: time zone and variables of the libraries change with it."""
    argv = [sys.executable, *environment.PYTHON_OPTIONS, "-c"]
    code = f"import sys; sys.path.insert(0, {str(launched)!r});{SEE}"
    variables = {"PATH": "/bin", "TZ": "America/Sao_Paulo", "LC_ALL": "C.UTF-8", "SPAF_HOME": "x"}
    variables["PGHOST"] = "db.example"
    done = subprocess.run([*argv, code], env=variables, capture_output=True, check=True)
    own, ignored, zone, encoding, isolated = json.loads(done.stdout)
    assert own == {**FIXED, "PATH": "/bin", "SPAF_HOME": "x"}
    assert (ignored, zone, encoding, isolated) == (["PGHOST", "TZ"], ["UTC", "UTC"], "utf-8", 1)


@pytest.mark.parametrize("isolated", [True, False])
def test_python_with_other_options_or_a_loader_is_replaced(
    monkeypatch: pytest.MonkeyPatch, *, isolated: bool
) -> None:
    """`python -m spaf`, or LD_PRELOAD: the second process has neither, and knows the names."""
    replaced: list[tuple[list[str], dict[str, str]]] = []

    class ReplacedError(Exception):
        """Stands for the end of this process."""

    def execve(_: str, argv: list[str], variables: dict[str, str]) -> None:
        replaced.append((argv, variables))
        raise ReplacedError

    changed = {"flags": types.SimpleNamespace(isolated=isolated), "argv": ["spaf", "up"]}
    monkeypatch.setattr(environment, "sys", types.SimpleNamespace(**{**vars(sys), **changed}))
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(os, "environ", {"LD_PRELOAD": "/x.so"} if isolated else {"PGHOST": "h"})
    with pytest.raises(ReplacedError):
        environment.enter()
    argv, variables = replaced[0]
    assert argv[1:] == ["-I", "-X", "utf8", "-m", "spaf", "up"]
    assert variables["_SPAF_IGNORED"] == ("LD_PRELOAD" if isolated else "PGHOST")
    assert {"LD_PRELOAD", "PGHOST"} & variables.keys() == set()


def test_folder_of_pythons_own_library_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that finds its library only through the variable would not start without it."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nonsense:/opt/python/lib")
    assert environment._library_path() == {}
    line = "7f00-7f01 r-xp 0 fe:00 1    /opt/python/lib/libpython3.11.so.1.0\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"7f-8f rw-p 0 00:00 0 \n{line}")
    assert environment._library_path() == {"LD_LIBRARY_PATH": "/opt/python/lib"}
    assert environment.child_environment()["LD_LIBRARY_PATH"] == "/opt/python/lib"


def test_launcher_ignores_variables_of_python_and_its_own_place(tmp_path: Path) -> None:
    """Called through a link in a folder of hostile modules, it runs its own Python."""
    (tmp_path / "typing.py").write_text("raise SystemExit('mine')")
    link = tmp_path / "my spaf"
    link.symlink_to(Path(sys.executable).with_name("spaf"))
    hostile = {"PYTHONHOME": "/nonsense", "PYTHONPATH": str(tmp_path), "LC_ALL": "C"}
    done = subprocess.run(
        [link, "--help"],
        cwd=tmp_path,
        env={"PATH": "/nonsense", **hostile},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "doctor" in done.stdout or "Usage" in done.stdout


def test_command_without_standard_streams_or_with_ignored_signals(tmp_path: Path) -> None:
    """As a service manager or a script may start it: the next file takes no stream's place."""
    shell = (
        f"trap '' CHLD TERM INT; exec {Path(sys.executable).with_name('spaf')} down <&- >&- 2>&-"
    )
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=tmp_path, check=False)
    assert done.returncode == 0
