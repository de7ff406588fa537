"""The program of a peer as a process: started with its variables, watched, killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from dataclasses import replace

import psutil

from spaf.bench.peers.environments import PeerEnvironment
from spaf.bench.peers.peer import Peer
from spaf.generate.shop.assortment import CATEGORIES
from spaf.stack import process
from spaf.stack.process import ProcessIdentity
from spaf.stack.resource_usage import of_family
from spaf.stack.run import Run
from spaf.store.access import Role

# From SIGTERM to the end; a program that needs longer is killed.
STOP_TIMEOUT_S = 15.0
REFUSED = re.compile(r"^refused (\d+)\s*$", re.MULTILINE)


class PeerProgram:
    """A running program of a peer, with the tables of one run."""

    def __init__(self, peer: Peer, run: Run, partitions: int, purpose: str) -> None:
        """Keep what the program is started with; its group and its state are new.

        Args:
            peer: whose program.
            run: its topic and its tables.
            partitions: of the topic.
            purpose: what is measured.

        """
        self._peer = peer
        self._environment = PeerEnvironment(peer)
        self._state = run.home.runs / run.access.schema
        self._variables = {
            **self._environment.variables(),
            **contract(run, partitions),
            "PEER_STATE": str(self._state),
            "PEER_PURPOSE": purpose,
        }
        self._log = run.home.logs / f"peer-{peer.name}.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._identity: ProcessIdentity | None = None
        # The position in the log from which this process has written.
        self._begin = 0

    def start(self) -> None:
        """Start it.

        Raises:
            ServiceError: the program cannot be started.

        """
        self._state.mkdir(parents=True, exist_ok=True)
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        self._child = process.spawn(
            self._peer.name,
            self._environment.words(self._peer.command),
            log=self._log,
            env=self._variables,
            cwd=self._peer.folder,
        )
        self._identity = ProcessIdentity.of(self._child.pid)

    def usage(self) -> tuple[float, float]:
        """Return memory (MiB) and processor time (seconds) of all its processes."""
        head = None if self._identity is None else self._identity.process()
        return (0.0, 0.0) if head is None else of_family(head)

    def failure(self) -> str:
        """Return why it has ended; empty while it runs."""
        code = None if self._child is None else self._child.poll()
        if code is None:
            return ""
        return f"the program {process.exit_reason(code, self._log, self._begin)}"

    def kill_and_restart(self) -> None:
        """Kill every process of it at once, and start it again with the same state.

        Raises:
            ServiceError: the program cannot be started.

        """
        self._kill()
        self.start()

    def stop(self) -> int | None:
        """End it; return how many records it says that it has refused."""
        if self._identity is not None:
            process.stop(self._identity, signal.SIGTERM, STOP_TIMEOUT_S)
        self._kill()
        shutil.rmtree(self._state, ignore_errors=True)
        text = self._log.read_bytes()[self._begin :].decode(errors="replace")
        said = [int(number) for number in REFUSED.findall(text)]
        return sum(said) if said else None

    def _kill(self) -> None:
        """Kill what is left of its session, also processes that have another parent now."""
        child = self._child
        if child is None:
            return
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(child.pid).children(recursive=True)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        child.wait()


def contract(run: Run, partitions: int) -> dict[str, str]:
    """Return the variables that every program gets: see programs/README.md."""
    user, password = run.access.credentials(Role.SINK)
    rules = run.rules
    return {
        "PEER_BOOTSTRAP_SERVERS": str(run.kafka),
        "PEER_TOPIC": run.topic,
        "PEER_PARTITIONS": str(partitions),
        "PEER_GROUP": run.access.schema,
        "PEER_DSN": run.access.conninfo(Role.SINK),
        "PEER_SCHEMA": run.access.schema,
        "PEER_JDBC_URL": replace(run.access, waiting_port=0).jdbc_url(),
        "PEER_USER": user,
        "PEER_PASSWORD": password,
        "PEER_DEFAULT_CURRENCY": rules.default_currency,
        "PEER_CATEGORIES": ",".join(CATEGORIES),
        "PEER_MAX_LATENESS_MS": str(rules.max_lateness_ms),
        "PEER_MAX_AHEAD_MS": str(rules.max_ahead_ms),
    }
