"""Checks of the installation: packages, jars, programs, and the folder that it lies in."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from spaf.environment import PYTHON_OPTIONS
from spaf.stack import packed_archives, postgres, process, runtime
from spaf.stack.doctor.finding import Finding, Subject, fail, ok, warn
from spaf.stack.service_names import JOBMANAGER, KAFKA, TASKMANAGER

COMPLETE = Path(sys.prefix) / ".complete"
# In a checkout: next to `src`.
LOCK = Path(__file__).parents[4] / "requirements.lock"
SET_UP_AGAIN = "Run `make setup`."
ANEW = "Run `make clean setup`: it installs everything anew."
# initdb passes the path of its programs through a shell; PyFlink's search for jars reads patterns;
# a class path is a list.
UNUSABLE = re.compile(r"[$`\"\\\n]")
UNUSABLE_IN_LISTS = re.compile(r"[:*?\[\]\n]")
HASHING_THREADS = 4


def programs(_: Subject) -> Iterator[Finding]:
    """Require what set-up installs."""
    runtime.require_installed()
    if COMPLETE.exists():
        yield ok("set-up has finished")
    else:
        yield warn("The last set-up did not finish.", SET_UP_AGAIN)


def location(subject: Subject) -> Iterator[Finding]:
    """Refuse characters in the path of the installation that its programs cannot take."""
    install = postgres.cluster_paths(subject.home.postgres).install
    for path, pattern in ((install, UNUSABLE), (runtime.SHARE, UNUSABLE_IN_LISTS)):
        match = pattern.search(str(path))
        if match is not None:
            yield fail(
                f"The path {path} has the character {match[0]!r}, which PostgreSQL or Java cannot"
                " have in the path of a program.",
                "Move the checkout to a folder without it, and run `make clean setup`.",
            )
            return
    yield ok(f"installed in {sys.prefix}")


def packages(_: Subject) -> Iterator[Finding]:
    """Compare the Python packages with the lock, and their files with their lists."""
    wanted = _locked() if LOCK.exists() else {}
    broken = []
    for name in wanted or {"spaf": ""}:
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            broken.append(f"{name} is missing")
            continue
        if wanted and installed.version != wanted[name]:
            broken.append(f"{name} is {installed.version}, not {wanted[name]}")
        elif damage := _damage(installed):
            broken.append(f"{name} has no {damage}")
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""  # noqa: PLR2004 - the first
        yield fail(f"Python packages: {', '.join(broken[:3])}{more}.", ANEW)
    else:
        yield ok(f"{len(wanted)} Python packages are those of the lock and complete")


def jars(_: Subject) -> Iterator[Finding]:
    """Compare the hash of each jar with the lock."""
    locked = runtime.locked_jars()
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        hashes = pool.map(lambda jar: _sha256(jar.path), locked)
    bad = [jar for jar, digest in zip(locked, hashes, strict=True) if digest != jar.sha256]
    if bad:
        files = " ".join(str(jar.path) for jar in bad[:3])
        yield fail(
            f"{len(bad)} jars are not those of jars.lock: {files}", f"Delete them. {SET_UP_AGAIN}"
        )
    else:
        yield ok(f"{len(locked)} jars have the hashes of jars.lock")


def versions(_: Subject) -> Iterator[Finding]:
    """Start each program once, in the environment that a run gives it."""
    for name, argv in (
        ("Python", [sys.executable, *PYTHON_OPTIONS, "--version"]),
        ("Java", [str(runtime.java()), "-Xshare:off", "--version"]),
        ("PostgreSQL", [str(runtime.postgres() / "bin/postgres"), "--version"]),
    ):
        done = process.run(name, argv)
        shown = (done.stdout.strip().splitlines() or ["no output"])[0]
        if done.returncode == 0:
            yield ok(f"{name} starts: {shown}")
        else:
            yield fail(f"{name} does not start: {shown}", ANEW)


def archives(_: Subject) -> Iterator[Finding]:
    """Look for the class-data archives."""
    names = (KAFKA, JOBMANAGER, TASKMANAGER, runtime.CLIENT)
    missing = [
        name for name in names if not packed_archives.is_installed(runtime.ARCHIVES / f"{name}.jsa")
    ]
    if missing:
        shown = ", ".join(missing)
        yield warn(f"No class-data archive of {shown}: each start is slower.", SET_UP_AGAIN)
    else:
        yield ok("class-data archives")


def _locked() -> dict[str, str]:
    """Return the version of each package that the lock has for this Python."""
    lines = re.findall(r"^[a-z0-9].*==[^\\\n]+", LOCK.read_text(), re.MULTILINE)
    wanted = (Requirement(line) for line in lines)
    return {
        requirement.name: str(requirement.specifier).removeprefix("==")
        for requirement in wanted
        if requirement.marker is None or requirement.marker.evaluate()
    }


def _damage(package: Distribution) -> str:
    """Return the first file of a package that is missing or has another size; empty if none."""
    for file in package.files or ():
        # The scripts of the environment are written for this folder.
        if file.size is None or file.suffix == ".pyc" or file.parts[0] == "..":
            continue
        path = Path(str(file.locate()))
        if not path.exists() or path.stat().st_size != file.size:
            return str(file)
    return "" if package.files else "list of its files"


def _sha256(file: Path) -> str:
    if not file.exists():
        return ""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
