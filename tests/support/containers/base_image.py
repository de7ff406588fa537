"""The base image of the tests, from Debian's packages: no image registry is needed.

It stands for `debian:bookworm-slim`, and trusts the authorities that this machine trusts, so that
a build reaches the package registries as this machine does. The product's Dockerfile knows
nothing of it.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path

from tests.support.containers.engine import Engine

NAME = "spaf-test-base:bookworm"
RELEASE = "bookworm"
# What `debian:bookworm-slim` has beyond the minimum is nothing that SPAF needs.
VARIANT = "minbase"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# Variables by which pip, requests and OpenSSL find the authorities.
TRUSTING = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
# Of `debian:bookworm-slim` too: nothing that a program reads at run time.
UNUSED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "var/cache/apt",
    "var/lib/apt/lists",
)


def exists(engine: Engine) -> bool:
    """Return whether an engine has it already."""
    return engine.docker("image", "inspect", NAME, check=False).returncode == 0


def make(engine: Engine, folder: Path) -> None:
    """Make the image in an engine."""
    root = folder / "rootfs"
    subprocess.run(
        [  # noqa: S607
            "debootstrap",
            f"--variant={VARIANT}",
            "--include=ca-certificates",
            RELEASE,
            str(root),
            mirror(),
        ],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    for name in UNUSED:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / name).mkdir(parents=True)
    shutil.copyfile(authorities(), root / AUTHORITIES.lstrip("/"))
    changes = [f"ENV {name}={AUTHORITIES}" for name in TRUSTING]
    options = [word for change in changes for word in ("--change", change)]
    with subprocess.Popen(
        ["tar", "-C", str(root), "-c", "."],  # noqa: S607
        stdout=subprocess.PIPE,
    ) as packed:
        subprocess.run(
            ["docker", "import", *options, "-", NAME],  # noqa: S607
            env=engine.variables(),
            stdin=packed.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    shutil.rmtree(root)


def mirror() -> str:
    """Return the address of the mirror of Debian that apt is configured with."""
    listed = subprocess.run(
        [  # noqa: S607
            "apt-get",
            "indextargets",
            "--format",
            "$(RELEASE) $(REPO_URI)",
            "Identifier: Packages",
            "Component: main",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = dict(line.split(" ", 1) for line in reversed(listed.splitlines()))
    assert RELEASE in found, f"apt is not configured with a mirror of {RELEASE}."
    return found[RELEASE]


def authorities() -> Path:
    """Return the file of the authorities that this machine trusts."""
    return Path(os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or "")
