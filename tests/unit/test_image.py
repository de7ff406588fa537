"""The image: its Dockerfile fits the package, and takes nothing from this machine."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# Addresses, and what would carry the trust or the secrets of one machine into an image.
FOREIGN = re.compile(r"(?i)https?://|trusted-host|pip_|ssl_cert|\.pem|password|token")


def test_version_is_that_of_the_package() -> None:
    """The label of an image that was built without arguments is right."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert re.findall(r"^ARG VERSION=(.+)$", DOCKERFILE, re.MULTILINE) == [project["version"]]


def test_nothing_of_a_machine_is_in_the_image() -> None:
    """No address, authority or password."""
    assert FOREIGN.findall(DOCKERFILE) == []


def test_everything_that_is_copied_is_sent_to_the_engine() -> None:
    """And nothing else: .dockerignore names what passes."""
    ignored, *lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert ignored == "*"
    passed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == passed
    assert all((ROOT / source).exists() for source in copied)
    for name in (".git/config", ".spaf/secrets.json", "spaf.toml", ".env", "results/x"):
        assert not any(fnmatchcase(name, pattern) for pattern in passed)


def test_image_runs_as_an_account_without_rights() -> None:
    """By its number, which Kubernetes can check."""
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert "--uid 10001" in last
    assert re.findall(r"^USER (.+)$", last, re.MULTILINE) == ["10001:10001"]
