"""Check that each package of requirements.lock has a wheel for another machine, without a compiler.

    .venv/bin/python tools/check_wheels.py aarch64 [--runtime]

Run it after a change of the lock: pip downloads the wheels for that machine into a folder that is
deleted again, and checks their hashes. PyFlink is left out: set-up installs the Python modules of
its wheel for x86-64.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tools import setup

# glibc of Debian 12 and of Ubuntu 22.04: what wheels may need at most.
GLIBC_MINORS = range(17, 36)
PYTHONS = ("3.11", "3.12")


def main() -> int:
    """Download the wheels for each Python; pip names the first package that has none."""
    parser = argparse.ArgumentParser(description="Check the wheels for another machine.")
    parser.add_argument("machine", help="aarch64, x86_64, ...")
    parser.add_argument("--runtime", action="store_true", help="without the tools for tests")
    chosen = parser.parse_args()
    entries = setup.locked(setup.LOCK.read_text(), runtime=chosen.runtime)
    if chosen.machine != setup.PYFLINK_MACHINE:
        del entries[setup.PYFLINK]
    return max(download(entries, chosen.machine, python) for python in PYTHONS)


def download(entries: dict[str, str], machine: str, python: str) -> int:
    """Download a wheel of each package; return pip's exit code."""
    tags = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS]
    platforms = [("--platform", tag) for tag in (f"manylinux2014_{machine}", *tags)]
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / setup.LOCK.name
        lock.write_text("".join(entries.values()))
        done = subprocess.run(
            [
                *(sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--require-hashes", "--only-binary", ":all:", "--python-version", python),
                *("--disable-pip-version-check", "--dest", folder, "--requirement", str(lock)),
                *(part for platform in platforms for part in platform),
            ],
            check=False,
        )
        wheels = list(Path(folder).glob("*.whl"))
        size = sum(wheel.stat().st_size for wheel in wheels)
    print(f"{machine}, Python {python}: {len(wheels)} wheels, {size / 1e6:.0f} MB")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
