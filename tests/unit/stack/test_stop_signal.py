"""Why a supervisor is stopped: which signal, and from whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from spaf.stack import process, stop_signal
from spaf.stack.process import module_command, spawn, wait_until

PATIENCE_S = 20.0
# The thread is one as libraries start at their import: the signal must not be delivered to it.
WAITER = """
import sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
from spaf.stack.stop_signal import StopSignal
stop = StopSignal()
print("up", flush=True)
while not stop.wait(0.05):
    pass
print(stop.reason, flush=True)
"""
PARENT = """
import sys, time
from pathlib import Path
from spaf.stack import process, stop_signal
process.spawn("x", [sys.executable, "-c", {waiter!r}], log=Path({log!r}),
    blocked_signals=stop_signal.SIGNALS)
print("up", flush=True)
time.sleep(60)
"""


@contextmanager
def waiting(blocked: Sequence[int]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that waits for a signal."""
    command = [sys.executable, "-c", WAITER]
    child = spawn("x", command, stdout=subprocess.PIPE, blocked_signals=blocked)
    assert child.stdout is not None
    with child.stdout:
        try:
            assert child.stdout.readline() == b"up\n"
            yield child
        finally:
            child.kill()
            child.wait()


def test_a_suspension_is_no_stop_signal() -> None:
    """Python reports a signal that does not exist after it."""
    with waiting(stop_signal.SIGNALS) as child:
        for _ in range(3):
            child.send_signal(signal.SIGSTOP)
            assert wait_until(lambda: status(child) == psutil.STATUS_STOPPED, PATIENCE_S)
            # Longer than one wait of the process.
            assert not wait_until(lambda: status(child) != psutil.STATUS_STOPPED, 0.2)
            child.send_signal(signal.SIGCONT)
            assert wait_until(lambda: status(child) == psutil.STATUS_SLEEPING, PATIENCE_S)
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        assert child.stdout is not None
        assert child.stdout.readline().startswith(b"SIGTERM from pid")


def status(child: subprocess.Popen[bytes]) -> str:
    """Return the state of a process, as the kernel names it."""
    return str(psutil.Process(child.pid).status())


@pytest.mark.parametrize("number", stop_signal.SIGNALS)
def test_the_reason_names_the_signal_and_its_sender(number: signal.Signals) -> None:
    """The sender with its command, as far as it still runs."""
    with waiting(stop_signal.SIGNALS) as child:
        child.send_signal(number)
        assert child.stdout is not None
        reason = child.stdout.readline().decode()
        assert reason.startswith(f"{number.name} from pid {os.getpid()} (")
        assert "pytest" in reason or "execnet" in reason or "python" in reason
        assert child.wait(PATIENCE_S) == 0


def test_a_signal_in_another_thread_stops_the_process_too() -> None:
    """If the signals were not blocked from the start, the sender is unknown."""
    with waiting(()) as child:
        child.send_signal(signal.SIGTERM)
        assert child.stdout is not None
        assert child.stdout.readline().startswith(b"SIGTERM from ")
        assert child.wait(PATIENCE_S) == 0


def test_the_death_of_the_parent_is_told_from_a_signal_of_the_parent(tmp_path: Path) -> None:
    """A command that is killed cannot say so itself."""
    log = tmp_path / "log"
    code = PARENT.format(waiter=WAITER, log=str(log))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        assert wait_until(lambda: log.exists() and log.read_text() == "up\n", PATIENCE_S)
        parent.kill()
        parent.wait()
    expected = f"SIGTERM from the kernel: the command that started the run (pid {parent.pid}) ended"
    assert wait_until(lambda: expected in log.read_text(), PATIENCE_S), log.read_text()


def test_a_child_has_no_blocked_signals_of_its_parent() -> None:
    """A service that is started by the supervisor must be stoppable by SIGTERM."""
    code = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()) or 'none')"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stop_signal.SIGNALS)
    try:
        child = process.spawn("x", [sys.executable, "-c", code], stdout=subprocess.PIPE)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.read() == b"none\n"
    assert child.wait(PATIENCE_S) == 0


def test_the_supervisor_is_started_by_its_module() -> None:
    """Modules of the current folder are ignored."""
    assert module_command("spaf.stack.supervisor", "--bare")[1:] == [
        *("-I", "-X", "utf8", "-m", "spaf.stack.supervisor", "--bare")
    ]
