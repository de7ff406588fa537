"""A container engine of the tests' own: its folder, its socket, its process, its network.

Nothing of another engine of the machine is used or changed. While it serves, it has a network
namespace of its own: `compose.yaml` is tested as it stands, whatever ports are taken on the
machine, and rules and bridges end with the namespace. Only builds need the machine's network.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx

from spaf.stack import process
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import ProcessIdentity, wait_until

# A busy machine; seconds.
START_S = 90.0
# It stops each container first, which has ten seconds.
STOP_S = 90.0
CALL_S = 60.0
COMMAND_S = 120.0
NANOSECONDS = 1e9
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"


class Container(NamedTuple):
    """A container of a compose project."""

    id: str
    service: str
    number: int

    @property
    def name(self) -> str:
        """The name of a person for it."""
        return self.service if self.number == 1 else f"{self.service} {self.number}"


class Engine(AbstractContextManager["Engine"]):
    """A `dockerd` below a folder; ended by its pid."""

    def __init__(self, folder: Path, *, isolated: bool) -> None:
        """Keep the folder.

        Args:
            folder: of data, socket and log; two engines may use it one after the other.
            isolated: in a network namespace of its own, without a way to any registry.

        """
        self.folder = folder
        self.socket = folder / "socket"
        self.log = folder / "dockerd.log"
        self._isolated = isolated
        self._child: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)),
            base_url="http://engine",
            timeout=CALL_S,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        command = [
            "dockerd",
            *("--data-root", str(self.folder / "data")),
            *("--exec-root", str(self.folder / "exec")),
            *("--pidfile", str(self.folder / "pid")),
            *("--host", self.address),
        ]
        if self._isolated:
            prepared = 'ip link set lo up && exec "$0" "$@"'
            # No name server of the machine can be reached; one that refuses at once stands for it.
            command = ["unshare", "--net", "sh", "-c", prepared, *command, f"--dns={LOOPBACK}"]
        else:
            # Builds use the machine's network as it is.
            command += ["--bridge=none", "--iptables=false", "--ip-forward=false"]
        self._child = process.spawn("dockerd", command, log=self.log)
        if not wait_until(self._answers, START_S):
            raise AssertionError(f"dockerd does not answer.\n{process.log_tail(self.log)}")
        return self

    def __exit__(self, *_: object) -> None:
        """End it, with its containers and networks; the images stay in its folder."""
        if self._child is not None and self._child.poll() is None:
            if self._answers():
                self._remove_containers()
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.stop(identity(self._child.pid), signal.SIGKILL, STOP_S)
        self._client.close()

    @property
    def address(self) -> str:
        """What DOCKER_HOST names."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._child is not None
        return self._child.pid

    def docker(
        self, *words: str | Path, check: bool = True, timeout: float = COMMAND_S, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the client; its variables are those of this process and `more`."""
        return run(["docker", *map(str, words)], self.variables(**more), check=check, wait=timeout)

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment of a client of this engine: nothing of the user's own one."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DOCKER_HOST": self.address,
            **more,
        }

    def inside(self, *words: str) -> list[str]:
        """Return a command in the network of the engine."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *words]

    def get(self, path: str, **parameters: str) -> Any:
        """Return what the engine's API answers."""
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any = None) -> None:
        """Call the engine's API."""
        self._client.post(path, json=body).raise_for_status()

    def containers(self, project: str) -> list[Container]:
        """Return the containers of a project, also those that have ended."""
        found = []
        for one in self.get("/containers/json", all="true"):
            labels = one["Labels"]
            if labels.get(PROJECT) == project:
                found.append(Container(one["Id"], labels[SERVICE], int(labels[NUMBER])))
        return sorted(found, key=lambda one: (one.service, one.number))

    def inspect(self, container: Container) -> Any:
        """Return everything that the engine knows of a container."""
        return self.get(f"/containers/{container.id}/json")

    def pid_of(self, container: Container) -> int:
        """Return the first process of a container; 0 if it does not run."""
        return int(self.inspect(container)["State"]["Pid"])

    def cpu_seconds(self, container: Container) -> float:
        """Return the processor time of a container since its start."""
        query = {"stream": "false", "one-shot": "true"}
        stats = self.get(f"/containers/{container.id}/stats", **query)
        return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / NANOSECONDS

    def _answers(self) -> bool:
        # The client leaves a socket open that it could not connect.
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(self.socket)):
                return False
        try:
            return self._client.get("/_ping").is_success
        except httpx.HTTPError:
            return False

    def _remove_containers(self) -> None:
        for one in self.get("/containers/json", all="true"):
            self._client.delete(f"/containers/{one['Id']}", params={"force": "true"})


def run(
    command: list[str],
    variables: dict[str, str],
    *,
    check: bool,
    wait: float,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; a failure shows what it has printed."""
    done = subprocess.run(
        command,
        env=variables,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=wait,
    )
    assert not check or done.returncode == 0, (
        f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    )
    return done


def identity(pid: int) -> ProcessIdentity:
    """Return the identity of a child that has not been waited for."""
    found = ProcessIdentity.of(pid)
    assert found is not None
    return found


def delete(folder: Path) -> None:
    """Delete the folder of an engine that has ended; what is mounted below it is not touched."""
    below = f"{folder}/"
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((one for one in points if one.startswith(below)), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=True)  # noqa: S607
    shutil.rmtree(folder)
