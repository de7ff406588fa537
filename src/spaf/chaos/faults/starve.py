"""Services that get little processor time or memory, by a control group; or a busy machine."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from pathlib import Path

from spaf.chaos.fault import JOIN, Fault, FaultKind, Scene
from spaf.chaos.faults.signals import ALL, NEEDED, PAIRS, family, identities
from spaf.stack import process
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import KAFKA, POSTGRES, TASKMANAGER

CGROUPS = Path("/sys/fs/cgroup")
UNIFIED = CGROUPS / "cgroup.controllers"
PERIOD_US = 100_000
# Share of a core that a starved service gets.
QUOTA_US = PERIOD_US // 10
# New memory that a starved service gets, bytes: what it had before stays its own.
MEMORY_BYTES = 2**20
HOLD_S = (10.0, 30.0)
# Busy processes for each core.
BURNERS_PER_CORE = 4
BURN = "while True: pass"
_numbers = itertools.count(1)


class ControlGroup:
    """A control group of one controller, of version 1 or 2, with its limit."""

    def __init__(self, controller: str) -> None:
        """Create it.

        Raises:
            OSError: this user or this kernel cannot.

        """
        self._controller = controller
        self._unified = UNIFIED.exists()
        root = CGROUPS if self._unified else CGROUPS / controller
        if self._unified:
            (root / "cgroup.subtree_control").write_text(f"+{controller}")
        self.folder = root / f"spaf-chaos-{os.getpid()}-{next(_numbers)}"
        self.folder.mkdir()
        self._moved: list[tuple[ProcessIdentity, Path]] = []
        try:
            self._limit()
        except OSError:
            self.folder.rmdir()
            raise

    def _limit(self) -> None:
        if self._controller == "cpu":
            if self._unified:
                self._write("cpu.max", f"{QUOTA_US} {PERIOD_US}")
            else:
                self._write("cpu.cfs_period_us", str(PERIOD_US))
                self._write("cpu.cfs_quota_us", str(QUOTA_US))
        else:
            name = "memory.max" if self._unified else "memory.limit_in_bytes"
            self._write(name, str(MEMORY_BYTES))

    def add(self, identity: ProcessIdentity) -> None:
        """Move a process into the group.

        Raises:
            OSError: this user may not.

        """
        if identity.alive():
            self._moved.append((identity, self._present(identity.pid)))
            self._write("cgroup.procs", str(identity.pid))

    def was_felt(self) -> bool:
        """Return whether the limit has been reached, or a process has ended because of it."""
        ended = any(not identity.alive() for identity, _ in self._moved)
        return ended or self._events() > 0

    def close(self) -> None:
        """Move what is in the group back to where it came from, and remove the group.

        Raises:
            OSError: this user may not.

        """
        if not self.folder.exists():
            return
        homes = {identity.pid: home for identity, home in self._moved}
        fallback = next(iter(homes.values()), self.folder.parent)
        for pid in (self.folder / "cgroup.procs").read_text().split():
            # A process that ends meanwhile needs no group.
            with contextlib.suppress(ProcessLookupError):
                (homes.get(int(pid), fallback) / "cgroup.procs").write_text(pid)
        process.wait_until(self._removed, 2.0)

    def _removed(self) -> bool:
        try:
            self.folder.rmdir()
        except OSError:
            return not self.folder.exists()
        return True

    def _present(self, pid: int) -> Path:
        """Return the group of a process."""
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if (
                (controllers == "")
                if self._unified
                else (self._controller in controllers.split(","))
            ):
                return self.folder.parent / path.lstrip("/")
        return self.folder.parent

    def _events(self) -> int:
        """Return how often the limit was reached."""
        if self._controller == "memory" and not self._unified:
            return int((self.folder / "memory.failcnt").read_text())
        file, key = ("cpu.stat", "nr_throttled")
        if self._controller == "memory":
            file, key = ("memory.events", "max")
        fields = dict(line.split() for line in (self.folder / file).read_text().splitlines())
        return int(fields.get(key, 0))

    def _write(self, name: str, value: str) -> None:
        (self.folder / name).write_text(value)


def refusal(controller: str) -> str:
    """Return why this user or kernel has no control groups of a controller; empty if it has."""
    try:
        ControlGroup(controller).close()
    except OSError as error:
        return f"control group of {controller}: {error}"
    return ""


class StarvedServices(Fault):
    """Services in a control group with a small limit."""

    controller = "cpu"

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the scene and the name of the target."""
        self._scene, self._target = scene, target
        self._groups: list[ControlGroup] = []

    def inject(self) -> None:
        """Move each service, with its children, into a group of its own."""
        for head in identities(self._scene, self._target):
            group = ControlGroup(self.controller)
            self._groups.append(group)
            for member in family(head):
                group.add(member)

    def happened(self) -> bool:
        """Return whether each of them has reached its limit."""
        return len(self._groups) == len(self._target.split(JOIN)) and all(
            group.was_felt() for group in self._groups
        )

    def lift(self) -> None:
        """Take the limits away."""
        for group in self._groups:
            group.close()


class StarvedOfMemory(StarvedServices):
    """Services that get hardly any new memory: they wait, or the kernel ends them."""

    controller = "memory"


class BusyMachine(Fault):
    """Other programs use all cores."""

    def __init__(self, _scene: Scene, _target: str) -> None:
        """Start nothing yet."""
        self._burners: list[subprocess.Popen[bytes]] = []

    def inject(self) -> None:
        """Start the programs."""
        for _ in range(BURNERS_PER_CORE * (os.cpu_count() or 1)):
            argv = [process.module_command("")[0], "-I", "-S", "-c", BURN]
            self._burners.append(process.spawn("burner", argv))

    def happened(self) -> bool:
        """Return whether all of them run."""
        return bool(self._burners) and all(burner.poll() is None for burner in self._burners)

    def lift(self) -> None:
        """End them."""
        for burner in self._burners:
            burner.kill()
            burner.wait()


KINDS = (
    FaultKind(
        "starve-processor",
        "Lets services have a tenth of a core each (control group).",
        StarvedServices,
        targets=(*NEEDED, ALL),
        pairs=PAIRS,
        hold_s=HOLD_S,
        unavailable=lambda: refusal("cpu"),
        response=(
            "Sales wait in the topic; a service that does not answer for too long is restarted."
        ),
        todo="Give the service more processor time, or sell less.",
    ),
    FaultKind(
        "starve-memory",
        "Lets services have 1 MiB of new memory each (control group); the kernel may kill them.",
        StarvedOfMemory,
        targets=(TASKMANAGER, KAFKA, POSTGRES),
        hold_s=HOLD_S[:1],
        unavailable=lambda: refusal("memory"),
        response="The kernel may kill the service; it is restarted.",
        todo="Give it more memory; `spaf doctor` says what is needed.",
    ),
    FaultKind(
        "busy-machine",
        "Runs four busy programs on each core.",
        BusyMachine,
        targets=("machine",),
        hold_s=HOLD_S,
        response="Everything is slower; sales wait in the topic.",
        todo="End the other programs, or sell less.",
    ),
)
