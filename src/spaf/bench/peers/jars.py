"""Download the jars of a peer: `python -m spaf.bench.peers.jars LOCK FOLDER`.

A process of its own: it gets the variables that lead to the registry, which no other one has.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from spaf.errors import SetupError
from spaf.stack.install import DOWNLOADS_AT_ONCE, download_jar


def download(lock: Path, folder: Path) -> None:
    """Download every jar of a lock that is missing in a folder.

    Raises:
        SetupError: the registry cannot be reached, or a jar has another hash than in the lock.

    """

    def install(line: str) -> None:
        _, coordinate, sha256 = line.split()
        _, artifact, version = coordinate.split(":")
        path = folder / f"{artifact}-{version}.jar"
        if not path.exists():
            download_jar(context, coordinate, sha256, path, "type the command again")

    with (
        tempfile.TemporaryDirectory(prefix="spaf-jars-") as cache,
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
    ):
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(cache), local_repos=[])
        list(pool.map(install, lock.read_text().splitlines()))


def main() -> int:
    """Download; print why that failed."""
    try:
        download(Path(sys.argv[1]), Path(sys.argv[2]))
    except SetupError as error:
        print(error)  # noqa: T201 - the parent reads it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
