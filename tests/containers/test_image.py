"""The image: small, without secrets, for a user without rights, on a root that is read-only."""

from __future__ import annotations

import json
import re
import tarfile
from importlib.metadata import version
from typing import IO, Any

import pytest

from tests.support.containers import base_image
from tests.support.containers.engine import Engine
from tests.support.containers.record import IMAGE_GOAL_MB, Parts

USER = "10001"
# Names of files that hold a secret, or the way to a registry.
SECRET_FILES = re.compile(
    r"(^|/)(\.git|\.spaf|\.netrc|\.pypirc|\.npmrc|pip\.conf|settings\.xml|secrets\.json|\.env"
    r"|id_(rsa|dsa|ecdsa|ed25519)|page-token)(/|$)"
)
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{60}")
SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|PROXY", re.IGNORECASE)
SECRET_VALUE = re.compile(r"(PASS|SECRET|TOKEN)\w*=\S", re.IGNORECASE)
LOGIN_IN_ADDRESS = re.compile(r"://[^/\s\"]*@")
# A key is a text of a few KiB.
MAX_TEXT_BYTES = 64 * 1024

# The first test waits for the build.
pytestmark = pytest.mark.timeout(1_200)


@pytest.fixture(scope="module")
def inspected(engine: Engine, image: str) -> Any:
    """Return what the engine knows of the image."""
    return json.loads(engine.docker("image", "inspect", image).stdout)[0]


def test_the_image_is_small(inspected: Any, parts: Parts) -> None:
    """Its size is a property of the image, not of the machine."""
    parts.image_mb = round(inspected["Size"] / 1e6, 1)
    assert parts.image_mb <= IMAGE_GOAL_MB


def test_labels_say_what_it_is(inspected: Any) -> None:
    """As the OCI names them."""
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in inspected["Config"]["Labels"].items()
    }
    assert labels["title"] == "SPAF"
    assert labels["version"] == version("spaf")
    assert labels["licenses"] == "Apache-2.0"


def test_an_init_starts_the_command_as_a_user_without_rights(inspected: Any) -> None:
    """And its health is checked."""
    config = inspected["Config"]
    assert config["Entrypoint"] == ["tini", "--", "spaf"]
    assert config["User"] in ("spaf", USER, f"{USER}:{USER}")
    assert config["Healthcheck"]["Test"]
    assert "/var/lib/spaf" in config["Volumes"]


def test_it_runs_on_a_root_that_is_read_only(engine: Engine, image: str) -> None:
    """Without network and capabilities."""
    options = ("--rm", "--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL")
    assert "Usage: spaf" in engine.docker("run", *options, image, "--help").stdout
    told = engine.docker("run", *options, "--entrypoint=id", image, "-u").stdout
    assert told.strip() == USER


def test_the_user_can_change_nothing_of_the_program(engine: Engine, image: str) -> None:
    """Not even where the root is not read-only."""
    found = engine.docker(
        *("run", "--rm", "--network=none", "--entrypoint=find", image),
        *("/opt/spaf", "/etc", "/usr", "-writable", "-not", "-type", "l", "-print", "-quit"),
        # It fails at each folder that it may not read.
        check=False,
    )
    assert found.stdout == ""


def test_no_secret_is_in_a_layer(engine: Engine, image: str) -> None:
    """Not even in a file that a later layer deletes. The layers of the base image are not ours."""
    saved = engine.folder / "image.tar"
    engine.docker("save", "--output", saved, image)
    found = []
    with tarfile.open(saved) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        for name in json.load(manifest)[0]["Layers"][layers(engine, base_image.NAME) :]:
            layer = archive.extractfile(name)
            assert layer is not None
            found += secrets_in(layer)
    saved.unlink()
    assert found == []


def test_no_secret_is_in_its_configuration(engine: Engine, inspected: Any, image: str) -> None:
    """A build argument stays in the history."""
    names = [one.partition("=")[0] for one in inspected["Config"]["Env"]]
    assert [name for name in names if SECRET_NAME.search(name)] == []
    history = engine.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout
    assert not LOGIN_IN_ADDRESS.search(history)
    assert not SECRET_VALUE.search(history)


def layers(engine: Engine, image: str) -> int:
    """Return how many layers an image has."""
    return len(json.loads(engine.docker("image", "inspect", image).stdout)[0]["RootFS"]["Layers"])


def secrets_in(layer: IO[bytes]) -> list[str]:
    """Return the files of a layer that hold a secret."""
    found = []
    with tarfile.open(fileobj=layer, mode="r|") as files:
        for member in files:
            if SECRET_FILES.search(member.name):
                found.append(member.name)
            elif member.isfile() and member.size <= MAX_TEXT_BYTES:
                content = files.extractfile(member)
                assert content is not None
                if PRIVATE_KEY.search(content.read()):
                    found.append(member.name)
    return found
