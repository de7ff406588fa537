"""Install SPAF into .venv; called by `make setup`, needs nothing but Python.

An interrupted set-up goes on where it stopped: pip keeps what it has downloaded, jars are kept
one by one. pip installs only when every package is there and has the hash of requirements.lock.
"""

import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
READY = VENV / ".complete"

HASH_SIGN = "DO NOT MATCH THE HASHES"
NETWORK_SIGNS = ("NewConnectionError", "No matching distribution", "Max retries", "ProxyError")


def main() -> int:
    """Make the environment, install the packages, then the jars; say plainly what went wrong."""
    READY.unlink(missing_ok=True)
    try:
        make_environment()
        install_packages()
        run_pip(["--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT)])
    except SetupFailed as failure:
        sys.stderr.write(f"set-up stopped: {failure}\n")
        return 1
    code = subprocess.run([PYTHON, "-m", "spaf.stack.install"], check=False).returncode
    if code == 0:
        READY.touch()
        print("SPAF is installed. Next: make demo")
    return code


class SetupFailed(Exception):  # noqa: N818 - reads as what it is
    """A step failed; the message says what to do."""


def make_environment() -> None:
    """Create .venv unless one of this Python is there."""
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    config = VENV / "pyvenv.cfg"
    if config.exists() and PYTHON.exists():
        found = re.search(r"^version = (\d+\.\d+)", config.read_text(), re.MULTILINE)
        if found is not None and found[1] == wanted:
            return
    print(f"virtual environment          Python {wanted} in .venv")
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupFailed(
            f".venv could not be made: {error}. On Debian, install python3-venv."
        ) from error


def install_packages() -> None:
    """Install what requirements.lock lists, hash by hash."""
    named = re.findall(r"^[a-z0-9].*==.*$", LOCK.read_text(), re.MULTILINE)
    total = sum("== 'pypy'" not in line for line in named)
    run_pip(["--no-deps", "--require-hashes", "--requirement", str(LOCK)], total)


def run_pip(arguments: list[str], total: int = 0) -> None:
    """Run pip install, show how far it is, and turn its failure into one sentence."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    with subprocess.Popen(
        [*map(str, command), "--progress-bar", "off", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        lines = [show(line, total) for line in pip.stdout or ()]
    if total:
        print()
    if pip.returncode != 0:
        raise SetupFailed(explain("".join(lines)))


def show(line: str, total: int) -> str:
    """Count the packages on one line of the terminal; return the line of pip."""
    show.seen += line.startswith("Collecting ")  # type: ignore[attr-defined]
    if total and sys.stdout.isatty():
        state = "installing" if line.startswith("Installing") else "fetching  "
        print(f"\rPython packages              {state} {show.seen}/{total}", end="", flush=True)  # type: ignore[attr-defined]
    elif total and line.startswith("Installing"):
        print(f"Python packages              {show.seen}/{total}", end="")  # type: ignore[attr-defined]
    return line


show.seen = 0  # type: ignore[attr-defined]


def explain(output: str) -> str:
    """Return what pip's output means."""
    if HASH_SIGN in output:
        named = re.findall(r"^\s+(\S+) from ", output, re.MULTILINE)
        return (
            f"a package is not the one that was locked ({', '.join(named) or 'see pip'}). "
            "Nothing was installed. Do not use it: the file at the registry has changed."
        )
    if any(sign in output for sign in NETWORK_SIGNS):
        return (
            "the package registry could not be reached. Nothing was installed. "
            "Check the network, then run `make setup` again; it goes on where it stopped."
        )
    return f"pip failed:\n{output[-1500:]}"


if __name__ == "__main__":
    sys.exit(main())
