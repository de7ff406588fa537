"""The signals that end a supervisor, received together with their sender."""

from __future__ import annotations

import os
import signal

import psutil

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# They end a wait: a child that has ended is restarted at once.
WAKING = (*SIGNALS, signal.SIGCHLD)
# A command line in the log is cut off after this, characters.
MAX_COMMAND = 200


class StopSignal:
    """SIGTERM and SIGINT, which stay pending until `wait` receives them.

    A Python signal handler is called with the number only; `sigtimedwait` also returns the sender.
    For that the signals must be blocked in every thread, including those of libraries. So the
    process is started with these signals blocked (see `process.spawn`); otherwise the handler is
    called, and the sender is unknown.
    """

    def __init__(self) -> None:
        """Block the signals in this thread and in those that it starts."""
        self.reason = ""
        self._parent = os.getppid()
        signal.pthread_sigmask(signal.SIG_BLOCK, WAKING)
        for number in SIGNALS:
            signal.signal(number, self._handle)

    @property
    def received(self) -> bool:
        """Whether one of the signals was received."""
        return bool(self.reason)

    def wait(self, seconds: float) -> bool:
        """Wait for a signal, the end of a child, or until the time is over.

        Returns whether a signal was received.
        """
        if not self.received:
            info = signal.sigtimedwait(WAKING, seconds)
            # After a suspension (SIGSTOP, SIGCONT) of more than `seconds` Python 3.11 returns
            # memory that was never written: the call was interrupted, and its time is over.
            if info is not None and info.si_signo in SIGNALS:
                self.reason = self._describe(info.si_signo, info.si_pid)
        return self.received

    def _handle(self, number: int, _: object) -> None:
        self.reason = f"{signal.Signals(number).name} from an unknown process"

    def _describe(self, number: int, sender: int) -> str:
        name = signal.Signals(number).name
        # The kernel sends the signal when the parent dies, after it has given us another parent.
        if sender == self._parent and os.getppid() != self._parent:
            return f"{name} from the kernel: the command that started the run (pid {sender}) ended"
        return f"{name} from pid {sender}{_command(sender)}"


def _command(pid: int) -> str:
    """Return the command line of a process in brackets; nothing if it has ended already."""
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
    return f" ({command[:MAX_COMMAND]})" if command else ""
