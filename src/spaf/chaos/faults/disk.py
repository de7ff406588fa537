"""Faults of the disk: full, hanging, slow, read-only, and writes that fail.

Full, hanging and slow need a small disk of the run's own: a file with a file system, mounted
through a loop device, which only root can do. Read-only is made by the immutable flag of files,
also root only: `mount -o remount,ro` is refused (EBUSY) while files are open for writing, and what
the kernel does after an error of a real disk (`emergency_ro`) lasts until it is mounted anew.
Writes that fail are made by a limit of the process (RLIMIT_FSIZE), which needs no root;
device-mapper, whose target `error` would do it, is missing in many kernels.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import struct
import tempfile
import threading
from functools import partial
from pathlib import Path

import psutil

from spaf import clock
from spaf.chaos.fault import Fault, FaultKind, Scene, Surroundings
from spaf.chaos.faults.signals import family, identities
from spaf.chaos.faults.starve import UNIFIED, ControlGroup
from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack import postgres, process
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import KAFKA, POSTGRES
from spaf.stack.vitals import waits_for_disk

# Size of the small disk, MiB: what a plan of hundreds of faults writes. It is a file with holes.
DISK_MIB = 8_192
# It must not hang for ever, also if this process does: then it is thawed after this, seconds.
MAX_FROZEN_S = 60.0
# Files of a killed process are closed within this, seconds.
UNMOUNT_S = 20.0
# EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32) of linux/fs/ext4/ext4.h, and EXT4_GOING_FLAGS_NOLOGFLUSH:
# neither the journal nor anything else is written any more.
SHUT_DOWN, WITHOUT_THE_JOURNAL = 0x8004587D, 2
# Less free space than this is none, bytes.
FULL_BYTES = 2**20
# A block of the file system, bytes.
BLOCK_BYTES = 4_096
# Writes a second of a slow disk; a commit of PostgreSQL takes one or two.
SLOW_WRITES_PER_S = 20
# Writes after which a service has certainly waited for it.
MIN_WRITES = 5
CHECKPOINTS = "checkpoints"
WHOLE_DISK = "disk"


def run_tool(*argv: str | Path) -> str:
    """Run a program of the system and return its output.

    Raises:
        StackError: it is missing, or has failed; the message has what it says.

    """
    name = str(argv[0])
    if shutil.which(name) is None:
        raise StackError(f"{name} is not installed.")
    done = process.run(name, [str(part) for part in argv])
    if done.returncode != 0:
        raise StackError(" ".join(done.stdout.split()) or f"{name} has failed.")
    return done.stdout


class SmallDisk(Surroundings):
    """A disk of the run's own."""

    def __init__(self) -> None:
        """Prepare; nothing is created yet."""
        self._place: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the disk is mounted.

        Raises:
            StackError: it was not made.

        """
        if self._place is None:
            raise StackError("There is no small disk.")
        return self._place / "disk"

    def open(self, settings: Settings) -> Settings:
        """Make and mount the disk; return the settings with the run folder on it.

        Raises:
            StackError: this user or kernel cannot.
            OSError: the same.

        """
        # Other accounts pass through: PostgreSQL runs under one.
        self._place = Path(tempfile.mkdtemp(prefix="spaf-disk-", dir="/var/tmp"))
        self._place.chmod(0o711)
        self.folder.mkdir(mode=0o711)
        image = self._place / "image"
        with image.open("wb") as file:
            file.truncate(DISK_MIB * 2**20)
        run_tool("mkfs.ext4", "-q", "-m", "0", image)
        run_tool("mount", "-o", "loop", image, self.folder)
        self.folder.chmod(0o711)
        return settings.model_copy(update={"home": self.folder / "run"})

    def cut(self) -> None:
        """Shut the file system down as a power failure does: what was not forced out is gone.

        Raises:
            OSError: this file system cannot, or this user may not.

        """
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUT_DOWN, struct.pack("I", WITHOUT_THE_JOURNAL))
        finally:
            os.close(descriptor)

    def mount_again(self) -> None:
        """Mount the disk after a cut, once no process has a file of it open.

        Raises:
            StackError: it cannot be unmounted or mounted.

        """
        if self._place is None:
            raise StackError("There is no small disk.")
        deadline = clock.monotonic() + UNMOUNT_S
        while True:
            try:
                run_tool("umount", self.folder)
                break
            except StackError:
                if clock.monotonic() > deadline:
                    raise
                clock.sleep(process.POLL_S)
        run_tool("mount", "-o", "loop", self._place / "image", self.folder)

    def close(self) -> None:
        """Unmount the disk and delete it."""
        if self._place is None:
            return
        with contextlib.suppress(StackError):
            run_tool("fsfreeze", "--unfreeze", self.folder)
        with contextlib.suppress(StackError):
            run_tool("umount", "--lazy", self.folder)
        shutil.rmtree(self._place, ignore_errors=True)

    def device(self) -> str:
        """Return major and minor number of the device, as control groups name it."""
        number = self.folder.stat().st_dev
        return f"{os.major(number)}:{os.minor(number)}"


def refusal_of_disks() -> str:
    """Return why this user or kernel cannot make a small disk; empty if it can."""
    disk = SmallDisk()
    try:
        disk.open(Settings.model_construct())
    except (OSError, StackError) as error:
        return f"a disk of its own: {error}"
    finally:
        disk.close()
    return ""


class FullDisk(Fault):
    """The disk of the run is filled to the last block by a file of another program."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep the disk."""
        self._folder = scene.around(SmallDisk).folder
        self._ballast = self._folder / "ballast"

    def inject(self) -> None:
        """Take all free space, in smaller and smaller parts: the file system needs some itself."""
        taken, part = 0, shutil.disk_usage(self._folder).free
        with self._ballast.open("wb") as file:
            while part >= BLOCK_BYTES:
                try:
                    os.posix_fallocate(file.fileno(), taken, part)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    part //= 2
                else:
                    taken += part

    def happened(self) -> bool:
        """Return whether there is none."""
        return shutil.disk_usage(self._folder).free < FULL_BYTES

    def lift(self) -> None:
        """Free it again."""
        self._ballast.unlink(missing_ok=True)


class HangingDisk(Fault):
    """No write to the disk returns: the file system is frozen."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep the disk, and the processes that write to it."""
        self._scene = scene
        self._folder = scene.around(SmallDisk).folder
        self._thaw = threading.Timer(MAX_FROZEN_S, self.lift)
        self._thaw.daemon = True

    def inject(self) -> None:
        """Freeze it; it is thawed after MAX_FROZEN_S at the latest."""
        self._thaw.start()
        run_tool("fsfreeze", "--freeze", self._folder)

    def happened(self) -> bool:
        """Return whether a process of the run waits for the disk."""
        state = self._scene.run.state()
        pids = [service.pid for service in state.services.values()]
        return any(waits_for_disk(pid) for pid in (state.supervisor_pid, *pids) if pid is not None)

    def lift(self) -> None:
        """Thaw it; one that is not frozen stays as it is."""
        self._thaw.cancel()
        with contextlib.suppress(StackError):
            run_tool("fsfreeze", "--unfreeze", self._folder)


class DeviceGroup(ControlGroup):
    """A control group whose processes may write to one device only a few times a second."""

    def __init__(self, device: str) -> None:
        """Create it for the device of these numbers.

        Raises:
            OSError: this user or this kernel cannot.

        """
        self._device = device
        super().__init__("io" if UNIFIED.exists() else "blkio")

    def _limit(self) -> None:
        if self._unified:
            self._write("io.max", f"{self._device} wiops={SLOW_WRITES_PER_S}")
        else:
            limit = f"{self._device} {SLOW_WRITES_PER_S}"
            self._write("blkio.throttle.write_iops_device", limit)

    def _events(self) -> int:
        """Return how many writes there were beyond MIN_WRITES."""
        name, word = ("io.stat", "wios=") if self._unified else ("blkio.throttle.io_serviced", "")
        writes = 0
        for line in (self.folder / name).read_text().splitlines():
            device, *fields = line.split()
            if device == self._device and not self._unified and fields[0] == "Write":
                writes += int(fields[1])
            elif device == self._device and self._unified:
                counts = (field for field in fields if field.startswith(word))
                writes += sum(int(field.removeprefix(word)) for field in counts)
        return max(0, writes - MIN_WRITES)


class SlowDisk(Fault):
    """Each write of a service to the disk waits; it must be one that waits for the disk at all."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the scene and the name of the target."""
        self._scene, self._target = scene, target
        self._group: DeviceGroup | None = None

    def inject(self) -> None:
        """Move the processes of the service into a group."""
        self._group = DeviceGroup(self._scene.around(SmallDisk).device())
        for head in identities(self._scene, self._target):
            for member in family(head):
                self._group.add(member)

    def happened(self) -> bool:
        """Return whether they have written more than the disk takes at once."""
        return self._group is not None and self._group.was_felt()

    def lift(self) -> None:
        """Let them write as before."""
        if self._group is not None:
            self._group.close()


class ReadOnlyFolder(Fault):
    """No file in a folder can be created, removed or written any more, not even an open one."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the folder of a service, or that of the checkpoints."""
        home = scene.run.home
        self._folder = {
            KAFKA: home.kafka / "data",
            POSTGRES: postgres.cluster_paths(home.postgres).data,
            CHECKPOINTS: home.checkpoints,
        }[target]

    def inject(self) -> None:
        """Mark everything in it as immutable.

        Raises:
            StackError: this user may not, or this file system knows no such mark.

        """
        mark(self._folder, immutable=True)

    def happened(self) -> bool:
        """Return whether a new file is refused."""
        try:
            with tempfile.NamedTemporaryFile(dir=self._folder):
                return False
        except OSError as error:
            return error.errno in (errno.EPERM, errno.EACCES)

    def lift(self) -> None:
        """Take the mark away."""
        mark(self._folder, immutable=False)


def mark(folder: Path, *, immutable: bool) -> None:
    """Set or remove the immutable flag of a folder and of everything in it.

    Raises:
        StackError: this user may not, or this file system knows no such mark.

    """
    run_tool("chattr", "-R", "-f", "+i" if immutable else "-i", folder)


def refusal_of_marks() -> str:
    """Return why this user cannot mark files as immutable; empty if it can."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        try:
            run_tool("chattr", "+i", name)
            run_tool("chattr", "-i", name)
        except StackError as error:
            return f"immutable files: {error}"
    return ""


class FailingWrites(Fault):
    """Each write of a service to a file fails: the file would be too large (EFBIG)."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the scene and the name of the target."""
        self._scene, self._target = scene, target
        self._hit: list[ProcessIdentity] = []
        self._usual: dict[int, tuple[int, int]] = {}

    def inject(self) -> None:
        """Limit the size of files to nothing; what is there already can be read."""
        for head in identities(self._scene, self._target):
            for member in family(head):
                running = member.process()
                if running is not None:
                    self._usual[member.pid] = running.rlimit(psutil.RLIMIT_FSIZE)
                    running.rlimit(psutil.RLIMIT_FSIZE, (0, self._usual[member.pid][1]))
                    self._hit.append(member)

    def happened(self) -> bool:
        """Return whether a process has ended because of it: PostgreSQL and Kafka do then."""
        return any(not member.alive() for member in self._hit)

    def lift(self) -> None:
        """Take the limit away where a process has outlived it, and from its new children."""
        for member in self._hit:
            for relative in family(member):
                running = relative.process()
                if running is not None:
                    limits = self._usual.get(relative.pid) or self._usual[member.pid]
                    running.rlimit(psutil.RLIMIT_FSIZE, limits)


_on_small_disk = partial(FaultKind, surroundings=SmallDisk, unavailable=refusal_of_disks)

KINDS = (
    _on_small_disk(
        "disk-full",
        "Fills the disk of the run to the last block.",
        FullDisk,
        targets=(WHOLE_DISK,),
        hold_s=(10.0, 30.0),
        response=(
            "It says where the disk is full. What cannot write is tried again and again; once "
            "there is room, everything goes on by itself."
        ),
        todo="Free space on the disk that the sentence names.",
    ),
    _on_small_disk(
        "disk-hangs",
        "Freezes the file system of the run: no write returns.",
        HangingDisk,
        targets=(WHOLE_DISK,),
        hold_s=(5.0, 15.0),
        response=(
            "It says that the disk hangs. Nothing is restarted meanwhile; sales wait in the "
            "generator."
        ),
        todo="Find out why the disk does not answer.",
    ),
    _on_small_disk(
        "disk-slow",
        "Lets a service write 20 times a second to its disk.",
        SlowDisk,
        targets=(POSTGRES,),
        hold_s=(15.0,),
        response="Commits take longer; sales wait in the topic.",
        todo="Find out what else writes to the disk.",
    ),
    FaultKind(
        "read-only",
        "Makes the data of a service, or the checkpoints, read-only, also files that are open.",
        ReadOnlyFolder,
        targets=(KAFKA, POSTGRES, CHECKPOINTS),
        hold_s=(6.0, 15.0),
        unavailable=refusal_of_marks,
        response=(
            "It names the folder that refuses writes. The service waits for it and goes on by "
            "itself."
        ),
        todo="Make the folder writable again.",
    ),
    FaultKind(
        "write-error",
        "Lets each write of a service to a file fail.",
        FailingWrites,
        # Another account runs PostgreSQL; its limits are refused, also to root here.
        targets=(KAFKA,),
        hold_s=(5.0,),
        response=(
            "The service ends or waits; it is restarted once its data can be written. The "
            "generator sends again what was not acknowledged."
        ),
        todo="Find out why writes fail: quota, rights, or the disk itself.",
    ),
)
