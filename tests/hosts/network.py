"""Hosts made of network namespaces: an address and a name each, on a bridge, with links to cut.

Everything lies in namespaces of its own, the bridge too: the machine's own network is left alone.
Latency and loss are added to each link by the kernel (`tc netem`), or, where it has none, by a
cable of the test's own.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spaf.stack.process import wait_until

# An interface has at most 15 characters, so its name has the number of the host.
SUBNET = "10.77.0"
FIRST_ADDRESS = 11
PREFIX = "spaf-hosts-"
# `ip netns exec` puts the files of this folder in the place of those of /etc.
NETNS_ETC = Path("/etc/netns")
CABLE = Path(__file__).with_name("cable.py")
# One way, on each link: two hosts are twice as far from each other.
DELAY_MS, JITTER_MS, LOSS = 1, 1, 0.002
# Data are thrown away: what has not ended by then is killed.
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Host:
    """One host: what it is called, where it is, and the namespace of its network."""

    name: str
    address: str
    namespace: str
    number: int

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return a command that runs on the host."""
        return ["ip", "netns", "exec", self.namespace, *argv]

    def run(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, timeout_s: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            self.command(argv),
            env=dict(env),
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


class Network:
    """The hosts, the bridge between them, and what runs on them."""

    def __init__(self, names: Sequence[str], aliases: Mapping[str, str], folder: Path) -> None:
        """Keep the names; nothing is made yet.

        Args:
            names: of the hosts.
            aliases: further names, each of a host.
            folder: for the output of the cables.

        """
        tag = f"{PREFIX}{os.getpid()}"
        self.switch = f"{tag}-switch"
        self.hosts = {
            name: Host(name, f"{SUBNET}.{FIRST_ADDRESS + number}", f"{tag}-{name}", number)
            for number, name in enumerate(names)
        }
        self._aliases = aliases
        self._log = folder / "cables.log"
        self._started: list[subprocess.Popen[bytes]] = []
        self.by_kernel = False

    def __getitem__(self, name: str) -> Host:
        """Return a host."""
        return self.hosts[name]

    def make(self) -> None:
        """Make the bridge, the hosts and the links."""
        _ip("netns", "add", self.switch)
        _switch(self.switch)
        _ip("-n", self.switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self.switch, "link", "set", "bridge", "up")
        self.by_kernel = self._has_netem()
        for host in self.hosts.values():
            self._add(host)
        if not self.by_kernel:
            self._lay_cables()

    def start(
        self, host: Host, argv: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program on a host; `remove` ends it at the latest."""
        with log.open("ab") as output:
            child = subprocess.Popen(
                host.command(argv),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(child)
        return child

    @contextlib.contextmanager
    def cut(self, host: Host) -> Iterator[None]:
        """Cut the link of a host during the block: every packet is lost without an error."""
        _ip("-n", self.switch, "link", "set", f"port{host.number}", "down")
        try:
            yield
        finally:
            _ip("-n", self.switch, "link", "set", f"port{host.number}", "up")

    def remove(self) -> None:
        """End everything that runs on the hosts, and remove them, also what is half made."""
        for child in reversed(self._started):
            child.terminate()
        for child in reversed(self._started):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(STOP_TIMEOUT_S)
            child.kill()
            child.wait()
        for namespace in (*(host.namespace for host in self.hosts.values()), self.switch):
            _remove(namespace)
        with contextlib.suppress(OSError):
            NETNS_ETC.rmdir()

    def _add(self, host: Host) -> None:
        number, space = host.number, host.namespace
        _ip("netns", "add", space)
        _names(space, self.hosts.values(), self._aliases)
        _ip("-n", space, "link", "set", "lo", "up")
        _switch(space)
        near = f"port{number}"
        _pair(space, "eth0", self.switch, near)
        _ip("-n", space, "address", "add", f"{host.address}/24", "dev", "eth0")
        _ip("-n", space, "link", "set", "eth0", "up")
        far = near
        if self.by_kernel:
            _netem(self.switch, near)
            _netem(space, "eth0")
        else:
            far = f"socket{number}"
            _pair(self.switch, f"far{number}", self.switch, far)
            _ip("-n", self.switch, "link", "set", f"far{number}", "up")
            _ip("-n", self.switch, "link", "set", near, "up")
        _ip("-n", self.switch, "link", "set", far, "master", "bridge", "up")

    def _lay_cables(self) -> None:
        pairs = [f"port{host.number}:far{host.number}" for host in self.hosts.values()]
        numbers = map(str, (DELAY_MS, JITTER_MS, LOSS))
        switch = Host("switch", "", self.switch, -1)
        argv = [sys.executable, str(CABLE), *numbers, *pairs]
        self.start(switch, argv, os.environ, self._log.parent, self._log)

    def _has_netem(self) -> bool:
        """Return whether this kernel can delay packets."""
        _ip("-n", self.switch, "link", "add", "trial", "type", "bridge")
        try:
            _netem(self.switch, "trial")
        except RuntimeError:
            return False
        finally:
            _ip("-n", self.switch, "link", "delete", "trial")
        return True


def missing() -> str:
    """Return why there can be no network namespaces here; empty if there can be."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None or shutil.which("tc") is None:
        return "`ip` and `tc` are missing: apt-get install iproute2"
    space = f"{PREFIX}{os.getpid()}-trial"
    try:
        _ip("netns", "add", space)
        _ip("-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    except RuntimeError as error:
        return f"this kernel makes no network namespaces: {error}"
    finally:
        _remove(space)
    return ""


def remove_leftovers() -> None:
    """Remove the namespaces of tests that were killed."""
    for line in _ip("netns", "list").splitlines():
        found = re.match(rf"({PREFIX}(\d+)-\S+)", line)
        if found and not Path(f"/proc/{found[2]}").exists():
            _remove(found[1])


def _remove(space: str) -> None:
    """End what still runs in a namespace, and remove it."""
    shutil.rmtree(NETNS_ETC / space, ignore_errors=True)
    with contextlib.suppress(RuntimeError):
        wait_until(lambda: _kill(space) == 0, STOP_TIMEOUT_S)
        _ip("netns", "delete", space)


def _kill(space: str) -> int:
    pids = [int(pid) for pid in _ip("netns", "pids", space).split()]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    return len(pids)


def _pair(space: str, name: str, other_space: str, other: str) -> None:
    """Make a link between two namespaces."""
    _ip(
        *("-n", space, "link", "add", name, "type", "veth"),
        *("peer", "name", other, "netns", other_space),
    )


def _switch(space: str) -> None:
    """Speak IPv4 only in a namespace: nothing is sent that no test has asked for."""
    _ip("netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")


def _names(space: str, hosts: Iterable[Host], aliases: Mapping[str, str]) -> None:
    """Write the /etc/hosts of a namespace."""
    lines = ["127.0.0.1 localhost"]
    for host in hosts:
        others = [alias for alias, name in aliases.items() if name == host.name]
        lines.append(" ".join([host.address, host.name, *others]))
    folder = NETNS_ETC / space
    folder.mkdir(parents=True)
    (folder / "hosts").write_text("\n".join([*lines, ""]))


def _netem(space: str, interface: str) -> None:
    _run(
        *("tc", "-n", space, "qdisc", "add", "dev", interface, "root", "netem"),
        *("delay", f"{DELAY_MS}ms", f"{JITTER_MS}ms", "loss", f"{LOSS:.1%}"),
    )


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
