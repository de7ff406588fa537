"""Install SPAF into .venv; called by `make setup`, needs nothing but Python.

An interrupted set-up goes on where it stopped: pip keeps what it has downloaded, jars are kept
one by one. pip installs only when every package is there and has the hash of requirements.lock. If
it is interrupted while it installs, .venv is made anew.

What a user or a company has configured for pip counts as far as it leads to the registries; what
would install other files, or to another place, does not.

PyFlink has Linux wheels for x86-64 only. Its compiled modules serve functions written in Python,
of which SPAF has none, so other machines get the Python modules of that wheel: no compiler.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
READY = VENV / ".complete"
# Exists while pip changes .venv: some packages are then half installed, and pip does not see it.
INSTALLING = VENV / ".installing"
# The packages of the lock that this installation has; set-up writes it for pip.
CHOSEN = VENV / "requirements.lock"
# Begins the line of the lock that names what SPAF itself does not need.
DEVELOPMENT = "# For tests and checks only: "
PYFLINK = "apache-flink"
PYFLINK_MACHINE = "x86_64"
PYFLINK_PLATFORM = "manylinux2014_x86_64"
# The locale decides how Python and pip read and write the path of the checkout.
UTF_8 = "C.UTF-8"
# Packages, jars and archives; pip unpacks in the folder for temporary files besides.
MIN_FREE_MIB = 2_000
# Options of pip that say how to reach a registry.
NETWORK_OPTIONS = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *(
        "cert",
        "client-cert",
        "proxy",
        "timeout",
        "default-timeout",
        "retries",
        "cache-dir",
        "no-cache-dir",
    ),
    *("keyring-provider", "use-feature", "use-deprecated"),
)
# Not `pip config list`: that fails where the configuration has the option `user`.
READ_CONFIGURATION = (
    "import json; from pip._internal.configuration import Configuration;"
    "found = Configuration(isolated=False); found.load(); print(json.dumps(dict(found.items())))"
)
# Variables by which the downloader of the jars learns what pip knows by an option.
OPTION_VARIABLES = {"proxy": ("HTTP_PROXY", "HTTPS_PROXY"), "cert": ("REQUESTS_CA_BUNDLE",)}

HASH_SIGN = "DO NOT MATCH THE HASHES"
DISK_SIGNS = ("No space left on device", "Disk quota exceeded")
NETWORK_SIGNS = ("NewConnectionError", "No matching distribution", "Max retries", "ProxyError")


def main(arguments: list[str] | None = None) -> int:
    """Make the environment, install the packages, then the jars; say plainly what went wrong."""
    chosen = parser().parse_args(arguments)
    try:
        READY.unlink(missing_ok=True)
        require_space()
        make_environment()
        options = pip_options()
        install_packages(options, runtime=chosen.runtime)
        if chosen.packages:
            return 0
        build = ["--no-deps", "--no-index", "--no-build-isolation", "--editable", "."]
        run_pip(build, pip_environment({}))
    except SetupFailed as failure:
        sys.stderr.write(f"set-up stopped: {failure}\n")
        return 1
    except OSError as error:
        text = str(error)
        full = any(sign in text for sign in DISK_SIGNS)
        sys.stderr.write(f"set-up stopped: {explain(text) if full else text}\n")
        return 1
    command = [str(PYTHON), "-I", "-X", "utf8", "-m", "spaf.stack.install"]
    code = subprocess.run(command, env=download_environment(options), check=False).returncode
    if code == 0:
        READY.touch()
        print("SPAF is installed. Next: make demo")
    return code


def parser() -> argparse.ArgumentParser:
    """Return the options; without one everything is installed."""
    made = argparse.ArgumentParser(description="Install SPAF into .venv.")
    made.add_argument("--runtime", action="store_true", help="without the tools for tests")
    made.add_argument("--packages", action="store_true", help="only the Python packages")
    return made


class SetupFailed(Exception):  # noqa: N818 - reads as what it is
    """A step failed; the message says what to do."""


def require_space() -> None:
    """Refuse to begin on a disk that is too small; an installation that is there needs no more."""
    free = shutil.disk_usage(ROOT).free // 2**20
    if free < MIN_FREE_MIB and not PYTHON.exists():
        raise SetupFailed(
            f"only {free} MiB are free on the disk of {ROOT}; {MIN_FREE_MIB} MiB are needed. "
            "Free some space, then run `make setup` again."
        )


def make_environment() -> None:
    """Create .venv unless a whole one of this Python is there."""
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    config = VENV / "pyvenv.cfg"
    if config.exists() and PYTHON.exists():
        found = re.search(r"^version = (\d+\.\d+)", config.read_text(), re.MULTILINE)
        if found is not None and found[1] == wanted and not INSTALLING.exists() and has_pip():
            return
    print(f"virtual environment          Python {wanted} in .venv")
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        output = f"{error} {getattr(error, 'output', None) or ''}"
        if any(sign in output for sign in DISK_SIGNS):
            raise SetupFailed(explain(output)) from error
        raise SetupFailed(
            f".venv could not be made: {error}. On Debian, install python3-venv."
        ) from error


def has_pip() -> bool:
    """Return whether pip starts; one that was not installed to its end does not."""
    command = [str(PYTHON), "-I", "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pip_options() -> dict[str, str]:
    """Return the options of pip's configuration and of PIP_* variables that lead to a registry.

    Those for a command count more than global ones, and variables count more than files, as pip
    itself has it.
    """
    listed = subprocess.run(
        [str(PYTHON), "-I", "-X", "utf8", "-c", READ_CONFIGURATION],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        raise SetupFailed(f"pip's configuration cannot be read: {listed.stderr.strip()[-300:]}")
    options: dict[str, str] = {}
    found: dict[str, str] = json.loads(listed.stdout)
    for section in ("global", "install", ":env:"):
        for option in NETWORK_OPTIONS:
            if f"{section}.{option}" in found:
                options[option] = found[f"{section}.{option}"]
    return options


def pip_environment(options: dict[str, str]) -> dict[str, str]:
    """Return the variables for pip: these options, and nothing else that would change it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON", "LD_"))}
    given = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in options.items()}
    return {**kept, **given, "PIP_CONFIG_FILE": os.devnull, "LC_ALL": UTF_8}


def download_environment(options: dict[str, str]) -> dict[str, str]:
    """Return the variables for the download of the jars."""
    given = {
        name: options[option]
        for option, names in OPTION_VARIABLES.items()
        if option in options
        for name in names
    }
    return {**given, **os.environ, "LC_ALL": UTF_8}


def install_packages(options: dict[str, str], *, runtime: bool = False) -> None:
    """Install what requirements.lock lists, hash by hash; with `runtime`, what SPAF needs of it."""
    entries = locked(LOCK.read_text(), runtime=runtime)
    CHOSEN.write_text("".join(entries.values()))
    environment = pip_environment(options)
    if platform.machine() != PYFLINK_MACHINE:
        install_pyflink(entries[PYFLINK], environment)
    requirements = ["--no-deps", "--require-hashes", "--requirement", in_checkout(CHOSEN)]
    run_pip(requirements, environment, total=len(entries))


def in_checkout(path: Path) -> str:
    """Return the path from the checkout: pip reads some characters of a path as parts of a URL."""
    return str(path.relative_to(ROOT))


def locked(lock: str, *, runtime: bool) -> dict[str, str]:
    """Return the lines of each package of the lock, which may have several versions of it."""
    *entries, last = re.split(r"^(?=[a-z0-9#])", lock, flags=re.MULTILINE)[1:]
    if not last.startswith(DEVELOPMENT):
        raise SetupFailed(f"{LOCK.name} does not end as tools/lock_python.sh writes it.")
    left_out = last.removeprefix(DEVELOPMENT).split() if runtime else []
    found: dict[str, str] = {}
    for entry in entries:
        name = entry.partition("==")[0]
        if name not in left_out:
            found[name] = found.get(name, "") + entry
    return found


def install_pyflink(entry: str, environment: dict[str, str]) -> None:
    """Install the Python modules of PyFlink's wheel for another machine.

    pip would replace the folder that PyFlink shares with its jars, so it unpacks the wheel next to
    it. What tells pip that the package is there comes last.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    packages = VENV / "lib" / f"python{version}" / "site-packages"
    release = re.findall(r"==([^ ;]+)", entry)[0]
    mark = f"apache_flink-{release}.dist-info"
    if (packages / mark).exists():
        return
    with tempfile.TemporaryDirectory(dir=VENV) as folder:
        lock, unpacked = Path(folder) / LOCK.name, Path(folder) / "unpacked"
        lock.write_text(entry)
        options = ["--no-deps", "--require-hashes", "--no-compile", "--only-binary", ":all:"]
        wanted = ["--platform", PYFLINK_PLATFORM, "--python-version", version]
        files = ["--requirement", in_checkout(lock), "--target", in_checkout(unpacked)]
        run_pip([*options, *wanted, *files], environment)
        for name in ("pyflink", mark):
            shutil.copytree(unpacked / name, packages / name, dirs_exist_ok=True)


def run_pip(arguments: list[str], environment: dict[str, str], total: int = 0) -> None:
    """Run pip install, show how far it is, and turn its failure into one sentence."""
    command = [PYTHON, "-I", "-X", "utf8", "-m", "pip", "install"]
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    with subprocess.Popen(
        # In the checkout: pip reads some characters of a path as parts of a URL.
        [*map(str, command), *options, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        lines = [show(line, total) for line in pip.stdout or ()]
    if total:
        print()
    if pip.returncode != 0:
        raise SetupFailed(explain("".join(lines)))
    INSTALLING.unlink(missing_ok=True)


def show(line: str, total: int) -> str:
    """Count the packages on one line of the terminal; return the line of pip."""
    if line.startswith("Installing collected"):
        INSTALLING.touch()
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
    if any(sign in output for sign in DISK_SIGNS):
        return (
            f"the disk of {ROOT} or of the temporary files is full ({MIN_FREE_MIB} MiB are needed; "
            "TMPDIR names another folder for temporary files). Free some space, then run "
            "`make setup` again."
        )
    if any(sign in output for sign in NETWORK_SIGNS):
        return (
            "the package registry could not be reached. Nothing was installed. "
            "Check the network, then run `make setup` again; it goes on where it stopped."
        )
    return f"pip failed:\n{output[-1500:]}"


if __name__ == "__main__":
    sys.exit(main())
