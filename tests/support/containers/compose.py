"""`docker compose` over the repository's compose.yaml, as a person types it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from spaf import clock
from spaf.stack.process import wait_until
from tests.support.containers.engine import Container, Engine, run
from tests.support.containers.requirements import compose_command

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "compose.yaml"
# Of all containers, on a busy machine; seconds.
HEALTHY_S = 240.0
COMMAND_S = 240.0
POLL_S = 0.2


class Compose(AbstractContextManager["Compose"]):
    """A project of compose.yaml; at its end nothing of it is left."""

    def __init__(  # noqa: PLR0913 - the options of docker compose
        self,
        engine: Engine,
        project: str,
        *,
        files: Sequence[Path] = (),
        profiles: Sequence[str] = (),
        env_file: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing.

        Args:
            engine: that runs it.
            project: its name.
            files: that change compose.yaml.
            profiles: to use.
            env_file: with variables that compose.yaml reads.
            variables: that go before those.

        """
        self.engine, self.project = engine, project
        self._variables = dict(variables or {})
        files = (FILE, *files)
        command = compose_command()
        assert command is not None
        self._command = [
            *command,
            *("--project-name", project, "--project-directory", str(ROOT)),
            *(word for file in files for word in ("--file", str(file))),
            *(() if env_file is None else ("--env-file", str(env_file))),
            *(word for profile in profiles for word in ("--profile", profile)),
        ]

    def __enter__(self) -> Self:
        """Start nothing yet: tests do it as a person does."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete its containers, volumes and networks."""
        self("down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)

    def __call__(
        self, *words: str, check: bool = True, wait: float = COMMAND_S, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose WORDS`."""
        return run(self.command(*words), self.environment(**more), check=check, wait=wait)

    def command(self, *words: str) -> list[str]:
        """Return the words of `docker compose WORDS`."""
        return [*self._command, *words]

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of this command."""
        return self.engine.variables(**self._variables, **more)

    def spaf(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker compose exec page spaf WORDS`."""
        return self("exec", "-T", "page", "spaf", *words, check=check)

    def answer(self, *words: str) -> Any:
        """Return the JSON value that `spaf WORDS --json` prints in the container of the page."""
        return json.loads(self.spaf(*words, "--json").stdout)

    def scalar(self, query: str) -> Any:
        """Return the value of a query with one row and one column."""
        (row,) = self.answer("query", query)
        (value,) = row.values()
        return value

    def containers(self, service: str = "") -> list[Container]:
        """Return the containers of a service, or all of the project."""
        found = self.engine.containers(self.project)
        return [one for one in found if service in ("", one.service)]

    def container(self, service: str) -> Container:
        """Return the only container of a service."""
        (found,) = self.containers(service)
        return found

    def health(self, container: Container) -> str:
        """Return the state of a container: `healthy`, or what it is instead."""
        state = self.engine.inspect(container)["State"]
        return str(state["Health"]["Status"] if state.get("Health") else state["Status"])

    def wait_until_healthy(self, wait_s: float = HEALTHY_S) -> None:
        """Wait until every container is healthy, but for those that had to end and did."""
        states: dict[str, str] = {}

        def healthy() -> bool:
            states.clear()
            states.update({one.name: self.health(one) for one in self.containers()})
            return bool(states) and set(states.values()) <= {"healthy", "exited"}

        assert wait_until(healthy, wait_s, poll=POLL_S), f"{states}\n{self.logs()}"

    def logs(self, *services: str, lines: int = 15) -> str:
        """Return the last lines that the containers have logged."""
        return self("logs", "--no-color", "--tail", str(lines), *services, check=False).stdout

    def verify(self) -> Any:
        """Verify everything, and return the verdict, which has to be exact."""
        done = self.spaf("verify", "--json", check=False)
        assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}\n{self.logs()}"
        return json.loads(done.stdout)


def timed(action: Callable[[], object]) -> float:
    """Return how long an action takes, seconds."""
    began = clock.monotonic()
    action()
    return clock.monotonic() - began
