"""`make setup`: what pip's output means, in one sentence."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SETUP = Path(__file__).parents[3] / "tools" / "setup.py"

WRONG_HASH = """\
Collecting rich==15.0.0
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the
package versions, please update the hashes.
    rich==15.0.0 from https://files.example/rich-15.0.0-py3-none-any.whl (from -r r.lock (line 3)):
        Expected sha256 0000000000000000000000000000000000000000000000000000000000000000
             Got        1111111111111111111111111111111111111111111111111111111111111111
"""
NO_NETWORK = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/
ERROR: Could not find a version that satisfies the requirement rich==15.0.0
ERROR: No matching distribution found for rich==15.0.0
"""


@pytest.fixture
def setup() -> ModuleType:
    """Load the script from its path; it is no module of the package."""
    spec = importlib.util.spec_from_file_location("spaf_setup", SETUP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_wrong_hash_names_the_package(setup: ModuleType) -> None:
    """And says that nothing was installed and why not to go on."""
    told = setup.explain(WRONG_HASH)
    assert told.startswith("a package is not the one that was locked (rich==15.0.0). ")
    assert "Nothing was installed." in told
    assert "\n" not in told


def test_wrong_hash_of_an_unnamed_package_is_told_all_the_same(setup: ModuleType) -> None:
    """Another pip may word it otherwise."""
    assert "(see pip)" in setup.explain("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES")


def test_wrong_hash_is_told_before_the_network(setup: ModuleType) -> None:
    """A retry on the way does not hide what is worse."""
    assert "not the one that was locked" in setup.explain(NO_NETWORK + WRONG_HASH)


@pytest.mark.parametrize(
    "output", [NO_NETWORK, "urllib3: Max retries exceeded", "ProxyError('Cannot connect')"]
)
def test_no_network_is_one_sentence(setup: ModuleType, output: str) -> None:
    """With what to do next."""
    told = setup.explain(output)
    assert told.startswith("the package registry could not be reached. Nothing was installed. ")
    assert "make setup" in told
    assert "\n" not in told


def test_any_other_failure_shows_the_end_of_what_pip_said(setup: ModuleType) -> None:
    """Short enough to read, and the last words, which say why."""
    told = setup.explain("x" * 10_000 + "No space left on device")
    assert told.startswith("pip failed:\n")
    assert told.endswith("No space left on device")
    assert len(told) < 2_000


def test_failed_set_up_ends_with_one_line_and_is_not_complete(
    setup: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback; the next `make setup` tries again."""
    ready = tmp_path / ".complete"
    ready.touch()
    monkeypatch.setattr(setup, "READY", ready)
    monkeypatch.setattr(setup, "make_environment", lambda: None)

    def fail() -> None:
        raise setup.SetupFailed(setup.explain(WRONG_HASH))

    monkeypatch.setattr(setup, "install_packages", fail)
    assert setup.main() == 1
    assert capsys.readouterr().err.startswith("set-up stopped: a package is not the one")
    assert not ready.exists()


def test_environment_of_this_python_is_kept(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second set-up makes none; one of another Python makes it anew."""
    made: list[Any] = []
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setattr(setup, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(setup.venv, "create", lambda *a, **k: made.append((a, k)))
    (tmp_path / "python").touch()
    version = ".".join(map(str, setup.sys.version_info[:3]))
    (tmp_path / "pyvenv.cfg").write_text(f"home = /x\nversion = {version}\n")
    setup.make_environment()
    assert made == []
    (tmp_path / "pyvenv.cfg").write_text("home = /x\nversion = 3.9.1\n")
    setup.make_environment()
    assert made == [((tmp_path,), {"with_pip": True, "clear": True})]


@pytest.mark.parametrize("error", [OSError("disk"), subprocess.CalledProcessError(1, "ensurepip")])
def test_environment_that_cannot_be_made_is_told_with_what_is_missing(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """On Debian the module is a package of its own."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(setup, "VENV", tmp_path / "venv")
    monkeypatch.setattr(setup.venv, "create", fail)
    with pytest.raises(setup.SetupFailed, match="python3-venv"):
        setup.make_environment()
