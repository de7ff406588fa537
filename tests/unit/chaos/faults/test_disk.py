"""Faults of the disk and of file descriptors, on processes and disks of the test's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf.chaos.fault import Scene, Surroundings
from spaf.chaos.faults import disk
from spaf.chaos.faults.descriptors import UsedUpDescriptors, lowest_free
from spaf.chaos.faults.disk import (
    FailingWrites,
    FullDisk,
    HangingDisk,
    ReadOnlyFolder,
    SlowDisk,
    SmallDisk,
    refusal_of_disks,
    refusal_of_marks,
    run_tool,
)
from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack.process import ProcessIdentity, wait_until
from spaf.stack.state import RunFolder, ServiceState, ServiceStatus

SOON_S = 20.0
# Writes a line for each that it gets, with fsync, and ends when it cannot.
WRITER = """
import os, sys
file = open(sys.argv[1], "ab", buffering=0)
for line in sys.stdin:
    file.write(b"x"); os.fsync(file.fileno()); print("written", flush=True)
"""
OPENER = """
import sys
for line in sys.stdin:
    try:
        open("/dev/null").close(); print("opened", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


class Child:
    """A process that does something for each line, and says what."""

    def __init__(self, script: str, *arguments: str) -> None:
        """Start it."""
        argv = [sys.executable, "-I", "-c", script, *arguments]
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        identity = ProcessIdentity.of(self.process.pid)
        assert identity is not None
        self.identity = identity
        self.first = self.do()

    def ask(self) -> None:
        """Send a line."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")

    def said(self) -> str:
        """Return the next line that it says; empty if it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self) -> str:
        """Send a line and return what it says."""
        self.ask()
        return self.said()

    def close(self) -> None:
        """End it."""
        self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate()


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Yield what starts a child."""
    with contextlib.ExitStack() as started:
        yield lambda *given: started.enter_context(contextlib.closing(Child(*given)))


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Yield a disk of the test's own; only root can make one."""
    with contextlib.closing(SmallDisk()) as made:
        try:
            made.open(Settings.model_construct())
        except (OSError, StackError) as error:
            pytest.skip(f"NOT TESTED: faults of a disk: {error}")
        yield made


def scene(home: Path, around: SmallDisk | None = None, **services: Child) -> Scene:
    """Return a run of these services."""
    known = {
        name: ServiceState(
            name,
            ServiceStatus.RUNNING,
            "",
            pid=service.identity.pid,
            started=service.identity.started,
        )
        for name, service in services.items()
    }
    state = SimpleNamespace(services=known, supervisor_pid=os.getpid())
    run = cast("Any", SimpleNamespace(state=lambda: state, home=RunFolder(home)))
    surroundings: dict[type[Surroundings], Surroundings] = {}
    if around is not None:
        surroundings[SmallDisk] = around
    return Scene(run, lambda: None, surroundings=surroundings)


def test_writes_of_a_service_fail(child: Callable[..., Child], tmp_path: Path) -> None:
    """It ends, as a broker does; the limit of another one is as before."""
    writer = child(WRITER, str(tmp_path / "file"))
    fault = FailingWrites(scene(tmp_path, kafka=writer), "kafka")
    fault.inject()
    assert not fault.happened()
    assert writer.do() == ""
    assert wait_until(fault.happened, SOON_S)
    fault.lift()
    assert child(WRITER, str(tmp_path / "file")).do() == "written"


def test_a_service_that_outlives_failing_writes_writes_again(
    child: Callable[..., Child], tmp_path: Path
) -> None:
    """The limit of the process itself is taken away."""
    writer = child(WRITER, str(tmp_path / "file"))
    fault = FailingWrites(scene(tmp_path, postgres=writer), "postgres")
    fault.inject()
    fault.lift()
    assert writer.do() == "written"


def test_file_descriptors_are_used_up(child: Callable[..., Child], tmp_path: Path) -> None:
    """Neither a file nor a connection can be opened until it is over."""
    opener = child(OPENER)
    assert opener.do() == "opened"
    fault = UsedUpDescriptors(scene(tmp_path, kafka=opener), "kafka")
    fault.inject()
    assert fault.happened()
    assert opener.do() == "Too many open files"
    fault.lift()
    assert opener.do() == "opened"
    with pytest.raises(StackError, match="has no process now"):
        UsedUpDescriptors(scene(tmp_path), "postgres").inject()


def test_the_next_file_descriptor_is_known(child: Callable[..., Child]) -> None:
    """The kernel gives the lowest one that is free."""
    pid = child(OPENER).identity.pid
    used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    expected = lowest_free(pid)
    assert expected not in used
    assert set(range(expected)) <= used


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is what a tool says when it fails."""
    with pytest.raises(StackError, match="spaf-none is not installed"):
        run_tool("spaf-none")
    with pytest.raises(StackError, match=r"No such file or directory"):
        run_tool("ls", "/none")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert refusal_of_disks() == "a disk of its own: mkfs.ext4 is not installed."
    assert refusal_of_marks() == "immutable files: chattr is not installed."


def test_a_folder_is_read_only_until_it_is_lifted(
    child: Callable[..., Child], tmp_path: Path
) -> None:
    """Also for a file that is open."""
    problem = refusal_of_marks()
    if problem:
        pytest.skip(f"NOT TESTED: read-only folders: {problem}")
    home = RunFolder(tmp_path / "run")
    data = home.kafka / "data"
    data.mkdir(parents=True)
    writer = child(WRITER, str(data / "file"))
    fault = ReadOnlyFolder(scene(home.folder), "kafka")
    assert not fault.happened()
    try:
        fault.inject()
        assert fault.happened()
        assert writer.do() == ""
    finally:
        fault.lift()
    assert not fault.happened()


def test_a_disk_is_full_until_it_is_freed(small_disk: SmallDisk) -> None:
    """To the last block; freed it has as much as before."""
    before = shutil.disk_usage(small_disk.folder).free
    fault = FullDisk(scene(small_disk.folder, small_disk), "disk")
    assert not fault.happened()
    fault.inject()
    assert fault.happened()
    fault.lift()
    assert shutil.disk_usage(small_disk.folder).free == before
    fault.lift()


def test_a_disk_hangs_until_it_is_thawed(
    small_disk: SmallDisk, child: Callable[..., Child]
) -> None:
    """A write waits, and is done afterwards."""
    writer = child(WRITER, str(small_disk.folder / "file"))
    fault = HangingDisk(scene(small_disk.folder, small_disk, kafka=writer), "disk")
    try:
        fault.inject()
        writer.ask()
        assert wait_until(fault.happened, SOON_S)
    finally:
        fault.lift()
    assert writer.said() == "written"


def test_a_disk_is_slow_for_one_service(small_disk: SmallDisk, child: Callable[..., Child]) -> None:
    """Twenty writes a second, each with fsync."""
    writer = child(WRITER, str(small_disk.folder / "file"))
    fault = SlowDisk(scene(small_disk.folder, small_disk, postgres=writer), "postgres")
    try:
        fault.inject()
        assert not fault.happened()
        for _ in range(2 * disk.MIN_WRITES):
            assert writer.do() == "written"
        assert fault.happened()
    except OSError as error:
        pytest.skip(f"NOT TESTED: a slow disk: {error}")
    finally:
        fault.lift()


def test_a_small_disk_leaves_nothing(small_disk: SmallDisk) -> None:
    """Neither a mount nor a file."""
    folder = small_disk.folder
    assert folder.is_mount()
    small_disk.close()
    assert not folder.parent.exists()
