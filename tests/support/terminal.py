"""The terminals of a student who follows a lesson: what is typed into them, and what they show."""

from __future__ import annotations

import logging
import os
import re
import selectors
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spaf import clock
from tests.support.lessons import Step, steps_of

log = logging.getLogger(__name__)
# Written after each command, with its exit code.
END = "end-of-the-command"
# Far longer than any command of a lesson needs on a busy machine, seconds.
MAX_COMMAND_S = 90.0
# Limit for a promise that comes true by itself, and the pause between two attempts, seconds.
MAX_WAIT_S = 60.0
POLL_S = 0.3
# A load in the first terminal sells for this long in a test, seconds: no promise of a lesson
# depends on how long.
MAX_LOAD_S = 3


class Terminal:
    """A shell that keeps its variables from one command to the next."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """Start the shell in a folder."""
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],  # noqa: S607
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def type(self, command: str) -> tuple[str, int]:
        """Run a command and return what it shows, and its exit code."""
        assert self._shell.stdin is not None
        line = f"{{ {command}\n}} </dev/null; printf '\\n%s %s\\n' {END} $?\n"
        self._shell.stdin.write(line.encode())
        self._shell.stdin.flush()
        shown, _, code = self._read_to_end(command).rpartition(END)
        return shown, int(code)

    def close(self) -> None:
        """End the shell."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.close()
        self._shell.wait(MAX_COMMAND_S)
        self._shell.stdout.close()

    def _read_to_end(self, command: str) -> str:
        assert self._shell.stdout is not None
        shown, end = b"", clock.monotonic() + MAX_COMMAND_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._shell.stdout, selectors.EVENT_READ)
            while re.search(rb"%s \d+\n\Z" % END.encode(), shown) is None:
                assert selector.select(end - clock.monotonic()), f"{command} hangs: {shown!r}"
                shown += os.read(self._shell.stdout.fileno(), 65_536)
        return shown.decode()


class Background:
    """A command in the second terminal: it runs on while others are typed in the first."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            ["bash", "-c", command],  # noqa: S607
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def end(self, *, interrupted: bool) -> tuple[str, int]:
        """Wait for its end, after Ctrl-C if asked; return what it has shown and its exit code."""
        if interrupted:
            os.killpg(self._process.pid, signal.SIGINT)
        shown, _ = self._process.communicate(timeout=MAX_COMMAND_S)
        return shown, self._process.returncode

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()


def follow(text: str, folder: Path, environment: dict[str, str]) -> None:
    """Do what a lesson says, and check after each command that it shows what the lesson promises.

    What still runs in the second terminal at the end is killed.
    """
    with _terminals(folder, environment) as (terminal, running):
        for step in steps_of(text):
            if step.ends:
                _check(step, *running.pop().end(interrupted=step.interrupted))
            elif step.second:
                running.append(Background(step.command, folder, environment))
            else:
                _check(step, *_typed(terminal, step))


@contextmanager
def _terminals(
    folder: Path, environment: dict[str, str]
) -> Iterator[tuple[Terminal, list[Background]]]:
    terminal = Terminal(folder, environment)
    running: list[Background] = []
    try:
        yield terminal, running
    finally:
        for command in running:
            command.close()
        terminal.close()


def _typed(terminal: Terminal, step: Step) -> tuple[str, int]:
    """Type a command; one that only reads again, until it shows what is promised."""
    end = clock.monotonic() + MAX_WAIT_S
    while True:
        shown, code = terminal.type(shortened(step.command))
        kept = code == step.exit_code and not step.missing(shown)
        if kept or not step.reads or clock.monotonic() > end:
            return shown, code
        clock.sleep(POLL_S)


def shortened(command: str) -> str:
    """Return a command whose load, if it is one, takes MAX_LOAD_S at most."""
    match = re.fullmatch(r"(spaf (?:load .*|demo )--for )(\d+)s(.*)", command)
    if match is None:
        return command
    return f"{match[1]}{min(MAX_LOAD_S, int(match[2]))}s{match[3]}"


def _check(step: Step, shown: str, code: int) -> None:
    log.info("$ %s\n%s", step.command, shown)
    missing = step.missing(shown)
    assert not missing, f"{step.command}: not shown: {missing}\nshown:\n{shown}"
    assert code == step.exit_code, f"{step.command}: exit code {code}\n{shown}"
