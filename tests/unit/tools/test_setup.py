"""`make setup`: what pip's output means, in one sentence."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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
    message = setup.explain(WRONG_HASH)
    assert message.startswith("a package is not the one that was locked (rich==15.0.0). ")
    assert "Nothing was installed." in message
    assert "\n" not in message


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
    message = setup.explain(output)
    assert message.startswith("the package registry could not be reached. Nothing was installed. ")
    assert "make setup" in message
    assert "\n" not in message


def test_any_other_failure_shows_the_end_of_what_pip_said(setup: ModuleType) -> None:
    """Short enough to read, and the last words, which say why."""
    message = setup.explain("x" * 10_000 + "Permission denied")
    assert message.startswith("pip failed:\n")
    assert message.endswith("Permission denied")
    assert len(message) < 2_000


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
    monkeypatch.setattr(setup, "pip_options", dict)

    def fail(*_: object, **__: object) -> None:
        raise setup.SetupFailed(setup.explain(WRONG_HASH))

    monkeypatch.setattr(setup, "install_packages", fail)
    assert setup.main([]) == 1
    assert capsys.readouterr().err.startswith("set-up stopped: a package is not the one")
    assert not ready.exists()


def test_environment_of_this_python_is_kept(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second set-up makes none; one of another Python, or interrupted, makes it anew."""
    made: list[Any] = []
    whole = True
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setattr(setup, "INSTALLING", tmp_path / ".installing")
    monkeypatch.setattr(setup, "has_pip", lambda: whole)
    monkeypatch.setattr(setup, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(setup.venv, "create", lambda *a, **k: made.append((a, k)))
    (tmp_path / "python").touch()
    version = ".".join(map(str, setup.sys.version_info[:3]))
    (tmp_path / "pyvenv.cfg").write_text(f"home = /x\nversion = {version}\n")
    setup.make_environment()
    assert made == []
    (tmp_path / ".installing").touch()
    setup.make_environment()
    (tmp_path / ".installing").unlink()
    whole = False
    setup.make_environment()
    assert len(made) == 2
    made.clear()
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


def test_full_disk_is_one_sentence(setup: ModuleType) -> None:
    """It names both places that may be full."""
    message = setup.explain("ERROR: [Errno 28] No space left on device: '/x'")
    assert "is full" in message
    assert "TMPDIR" in message
    assert "\n" not in message


def test_small_disk_is_refused_before_anything_is_made(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation that is there needs no more space."""
    monkeypatch.setattr(setup, "MIN_FREE_MIB", 10**9)
    monkeypatch.setattr(setup, "PYTHON", tmp_path / "python")
    with pytest.raises(setup.SetupFailed, match="1000000000 MiB are needed"):
        setup.require_space()
    (tmp_path / "python").touch()
    setup.require_space()


CONFIGURATION = """\
[global]
index-url = https://files.example/simple
timeout = 33
proxy = http://proxy.example:3128
user = yes
require-virtualenv = true
[install]
timeout = 44
target = /nonsense
prefix = /nonsense
no-binary = :all:
[wheel]
timeout = 55
"""


def test_configuration_of_pip_counts_as_far_as_it_leads_to_a_registry(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pip then sees these options, no file, and nothing that would install to another place."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text(CONFIGURATION)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    for name, value in {"USER": "1", "ROOT": "/n", "TRUSTED_HOST": "a", "CONSTRAINT": "/n"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("PYTHONHOME", "/nonsense")
    monkeypatch.setattr(setup, "PYTHON", Path(sys.executable))
    options = setup.pip_options()
    options.pop("cert", None)  # of this machine
    assert options == {
        "index-url": "https://files.example/simple",
        "timeout": "44",
        "proxy": "http://proxy.example:3128",
        "trusted-host": "a",
    }
    seen = setup.pip_environment(options)
    assert {name: value for name, value in seen.items() if name.startswith("PIP_")} == {
        "PIP_INDEX_URL": "https://files.example/simple",
        "PIP_TIMEOUT": "44",
        "PIP_PROXY": "http://proxy.example:3128",
        "PIP_TRUSTED_HOST": "a",
        "PIP_CONFIG_FILE": "/dev/null",
    }
    assert "PYTHONHOME" not in seen
    assert seen["PATH"] == os.environ["PATH"]


def test_jars_are_loaded_through_the_proxy_of_pip(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a variable names another one."""
    monkeypatch.setenv("HTTPS_PROXY", "http://mine")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    seen = setup.download_environment({"proxy": "http://pip", "cert": "/ca.pem"})
    assert seen["HTTPS_PROXY"] == "http://mine"
    assert seen["REQUESTS_CA_BUNDLE"] == "/ca.pem"


def test_interrupted_installation_leaves_a_mark(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made when pip begins to change files, and goes when pip has succeeded."""
    mark = tmp_path / ".installing"
    monkeypatch.setattr(setup, "INSTALLING", mark)
    setup.show("Collecting rich", 1)
    assert not mark.exists()
    setup.show("Installing collected packages: rich", 1)
    assert mark.exists()
    monkeypatch.setattr(setup, "PYTHON", Path("/bin/false"))
    with pytest.raises(setup.SetupFailed):
        setup.run_pip([], {})
    assert mark.exists()
    monkeypatch.setattr(setup, "PYTHON", Path("/bin/true"))
    setup.run_pip([], {})
    assert not mark.exists()


LOCKED = """\
apache-flink==2.3.0 ; sys_platform == 'linux' \\
    --hash=sha256:00
contourpy==1.3.3 ; python_full_version < '3.12' \\
    --hash=sha256:01
contourpy==1.4.0 ; python_full_version >= '3.12' \\
    --hash=sha256:02
mypy==2.4.1 \\
    --hash=sha256:03
# For tests and checks only: mypy
"""


def test_runtime_leaves_out_what_only_tests_need(setup: ModuleType) -> None:
    """Each package keeps its lines, one for each Python."""
    found = setup.locked(LOCKED, runtime=True)
    assert list(found) == ["apache-flink", "contourpy"]
    assert found["contourpy"].count("--hash") == 2
    assert (
        "".join(setup.locked(LOCKED, runtime=False).values())
        + ("# For tests and checks only: mypy\n")
        == LOCKED
    )


def test_lock_says_which_packages_only_tests_need(setup: ModuleType) -> None:
    """SPAF and its own build need all others, and none of these."""
    project = tomllib.loads((SETUP.parents[1] / "pyproject.toml").read_text())
    never = {Requirement(text).name for text in project["tool"]["uv"]["override-dependencies"]}
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    lock = (SETUP.parents[1] / "requirements.lock").read_text()
    needed = set(setup.locked(lock, runtime=True))
    found: set[str] = set()
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        requirement = waiting.pop()
        found.add(canonicalize_name(requirement.name))
        for text in distribution(requirement.name).requires or ():
            inner = Requirement(text)
            applies = inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            )
            if applies and inner.name not in never and canonicalize_name(inner.name) not in found:
                waiting.append(inner)
    assert found <= needed
    # What another Python needs, or another extra of a package.
    assert len(needed - found) <= 3


def test_pyflink_of_another_machine_is_the_python_of_its_wheel(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Next to the jars that share its folder; what marks it as installed comes with it, once."""
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    packages = tmp_path / f".venv/lib/python{version}/site-packages"
    (packages / "pyflink/lib").mkdir(parents=True)
    (packages / "pyflink/lib/flink-dist.jar").touch()
    calls: list[list[str]] = []

    def install(arguments: list[str], _: object) -> None:
        calls.append(arguments)
        target = tmp_path / arguments[arguments.index("--target") + 1]
        for name in ("pyflink/table.py", "apache_flink-2.3.0.dist-info/METADATA", "bin/shell"):
            (target / name).parent.mkdir(parents=True)
            (target / name).touch()

    monkeypatch.setattr(setup, "run_pip", install)
    entry = setup.locked(LOCKED, runtime=True)["apache-flink"]
    setup.install_pyflink(entry, {})
    setup.install_pyflink(entry, {})
    assert len(calls) == 1
    assert calls[0][calls[0].index("--platform") + 1] == "manylinux2014_x86_64"
    assert "--require-hashes" in calls[0]
    assert sorted(path.name for path in packages.iterdir()) == [
        "apache_flink-2.3.0.dist-info",
        "pyflink",
    ]
    assert sorted(path.name for path in (packages / "pyflink").iterdir()) == ["lib", "table.py"]
    assert list((tmp_path / ".venv").iterdir()) == [tmp_path / ".venv/lib"]
