"""Write the locks of the peers of `spaf bench peers` from their `.in` files.

    .venv/bin/python tools/lock_peers.py [NAME ...]

It needs uv on the PATH for `requirements.in`. Neither lock holds the address of a registry.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver
from lock_jars import locked  # type: ignore[import-not-found]  # a script next to this one

PROGRAMS = Path(__file__).parents[1] / "src/spaf/bench/peers/programs"
# Marks a jar that is locked with its runtime closure.
CLOSURE = "+"


def lock_python(folder: Path) -> None:
    """Write requirements.lock, every package with its hashes, for both Pythons of SPAF."""
    # The configuration of SPAF leaves out what PyFlink's Table API does not need.
    options = (
        "--no-config",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--upgrade",
    )
    quiet = ("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url")
    names = ("requirements.in", "--output-file", "requirements.lock")
    command = ["uv", "pip", "compile", *options, *quiet, *names]
    subprocess.run(command, cwd=folder, check=True)


def lock_jars(folder: Path) -> None:
    """Write jars.lock, resolved in an empty cache."""
    wanted = (folder / "jars.in").read_text().split("\n")
    coordinates = [line.strip() for line in wanted if line.strip() and not line.startswith("#")]
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(cache), local_repos=[])
        lines = {
            line
            for coordinate in coordinates
            for line in locked(
                context,
                folder.name,
                [coordinate.rstrip(f"{CLOSURE} ")],
                closure=coordinate.endswith(CLOSURE),
            )
        }
    (folder / "jars.lock").write_text("".join(f"{line}\n" for line in sorted(lines)))


def main() -> int:
    """Lock the named peers, or all."""
    names = sys.argv[1:] or sorted(folder.name for folder in PROGRAMS.iterdir() if folder.is_dir())
    for name in names:
        folder = PROGRAMS / name
        if (folder / "requirements.in").exists():
            lock_python(folder)
        if (folder / "jars.in").exists():
            lock_jars(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
