"""A full disk is named, ends no run, and is survived without a hand once there is space again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.topic.admin import ensure_topic, is_ready
from spaf.topic.producer import open_producer
from tests.support.commands import Spaf

# `spaf up` asks for 1 GiB.
IMAGE = "1600M"
# Within which a cause is named, as promised, and a reserve for a busy machine, seconds.
NAMED_S = 5.0 + 25.0
BACK_S = 90.0
MIB = 2**20


@pytest.fixture
def disk() -> Iterator[Path]:
    """Yield a folder on a small disk of its own; only root can make one."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("NOT TESTED: a full disk; it needs root and mkfs.ext4 for a disk of its own")
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    image, folder = place / "image", place / "disk"
    folder.mkdir()
    place.chmod(0o755)
    commands: tuple[list[str | Path], ...] = (
        ["truncate", "-s", IMAGE, image],
        ["mkfs.ext4", "-q", "-m", "0", image],
        ["mount", "-o", "loop", image, folder],
    )
    try:
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"NOT TESTED: a full disk; {command[0]}: {done.stderr.strip()}")
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], capture_output=True, check=False)  # noqa: S607
        shutil.rmtree(place, ignore_errors=True)


@pytest.mark.timeout(240)
def test_a_full_disk_is_named_and_survived(
    disk: Path, small_settings: Settings, spaf: Spaf
) -> None:
    """The broker ends, because it cannot write; the run waits, and goes on with space again."""
    settings = small_settings.model_copy(update={"home": disk / "run"})
    state = control.up(settings, lambda _: None, end_with_us=True, bare=True)
    run = Run(settings, state)
    home = {"SPAF_HOME": str(settings.home)}
    try:
        ensure_topic(run.kafka, run.topic, 1)
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - MIB // 4)
        fill(run)
        assert wait_until(lambda: code(run) == "disk_full", NAMED_S), run.trouble()
        done = spaf(disk, "status", **home)
        assert (done.returncode, str(settings.home) in done.stdout) == (1, True), done.stdout
        assert "MiB are needed" in done.stdout
        assert run.state().supervisor().alive()

        ballast.unlink()
        assert wait_until(lambda: is_ready(run.kafka) and run.trouble() is None, BACK_S), (
            run.trouble()
        )
        assert run.state().phase == "running"
    finally:
        control.down(settings, wipe=True)


def fill(run: Run) -> None:
    """Send records until the broker has no space for them."""
    producer = open_producer(run.kafka, "spaf-test")
    with contextlib.suppress(KafkaException, BufferError):
        for _ in range(2_000):
            producer.produce(run.topic, b"x" * 1_000)
    producer.flush(2)


def code(run: Run) -> str:
    """Return the code of the present cause."""
    found = run.trouble()
    return "" if found is None else found.code
