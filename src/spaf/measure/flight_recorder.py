"""The JVM's own recorder (JDK Flight Recorder): what the threads of a Java process execute.

The programs `jcmd` and `jfr` of the same Java start, stop and read a recording, so nothing has to
be linked into the process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from spaf.errors import SetupError, StackError
from spaf.stack import process, runtime

RECORDING = "spaf"
# Between two samples of a thread. Ten thousand of them show a part of a hundredth within a tenth
# of it, and cost less than a hundredth of the time.
SAMPLE_INTERVAL_MS = 10
SAMPLES = "jdk.ExecutionSample"
# Frames of a sample, from the innermost one: more than the operators of a task have.
MAX_FRAMES = 128


class StackSample(NamedTuple):
    """What one thread executed at one moment."""

    thread: int
    """Its id in the kernel."""
    name: str
    """Its name in the JVM."""
    at_s: float
    """Seconds since the epoch."""
    frames: tuple[str, ...]
    """`package.Class.method` of each frame, the innermost first."""


class ThreadTime(NamedTuple):
    """The name of a thread in the kernel, of 15 characters at most, and its processor time."""

    name: str
    cpu_seconds: float


def require_recorder(options: Sequence[str] = ()) -> None:
    """Check that this Java has the recorder, its programs and these options.

    Raises:
        SetupError: a part is missing; the message names it.

    """
    missing = [name for name in ("jcmd", "jfr") if not _program(name).exists()]
    if missing:
        raise SetupError(
            f"The Java at {runtime.java_home()} has no {missing[0]}, which a profile needs."
        )
    done = process.run("java", [str(runtime.java()), *options, "--add-modules=jdk.jfr", "-version"])
    if done.returncode != 0:
        reason = done.stdout.strip().splitlines()[0] if done.stdout.strip() else "no answer"
        raise SetupError(f"The Java at {runtime.java_home()} cannot record a profile: {reason}.")


def start(pid: int) -> None:
    """Start to record the samples of a Java process.

    Raises:
        StackError: the process does not answer, or its JVM has no recorder.

    """
    _jcmd(pid, "JFR.configure", f"stackdepth={MAX_FRAMES}")
    _jcmd(
        pid,
        "JFR.start",
        f"name={RECORDING}",
        "settings=none",
        f"+{SAMPLES}#enabled=true",
        f"+{SAMPLES}#period={SAMPLE_INTERVAL_MS}ms",
    )


def stop(pid: int, file: Path) -> None:
    """Stop the recording and write it to a file; its path is relative to that process.

    Raises:
        StackError: the process does not answer, or nothing is recorded.

    """
    _jcmd(pid, "JFR.stop", f"name={RECORDING}", f"filename={file}")


def samples(file: Path) -> Iterator[StackSample]:
    """Yield the samples of a recording.

    Raises:
        StackError: the file is no recording.

    """
    options = ("print", "--json", "--events", SAMPLES, "--stack-depth", str(MAX_FRAMES))
    done = process.run("jfr", [str(_program("jfr")), *options, str(file)])
    if done.returncode != 0:
        raise StackError(f"{file} cannot be read: {done.stdout.strip()[-400:]}")
    return samples_of(done.stdout)


def samples_of(printed: str) -> Iterator[StackSample]:
    """Yield the samples in what `jfr print --json` prints."""
    recording = msgspec.json.decode(printed[printed.index("{") :], type=_Printed)
    for event in recording.recording.events:
        values = event.values
        if values.stackTrace is None or values.sampledThread is None:
            continue
        frames = (
            f"{frame.method.type.name.replace('/', '.')}.{frame.method.name}"
            for frame in values.stackTrace.frames
        )
        thread = values.sampledThread
        yield StackSample(
            thread.osThreadId, thread.osName or "", values.startTime.timestamp(), tuple(frames)
        )


def thread_times(pid: int) -> dict[int, ThreadTime]:
    """Return the processor time of each thread of a process so far, by its id in the kernel."""
    times = {}
    for thread in psutil.Process(pid).threads():
        # A thread may have ended since.
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{pid}/task/{thread.id}/comm").read_text().strip()
            times[thread.id] = ThreadTime(name, thread.user_time + thread.system_time)
    return times


class _Type(msgspec.Struct):
    name: str


class _Method(msgspec.Struct):
    type: _Type
    name: str


class _Frame(msgspec.Struct):
    method: _Method


class _StackTrace(msgspec.Struct):
    frames: list[_Frame]


class _Thread(msgspec.Struct):
    osThreadId: int  # noqa: N815 - a name of the recorder
    osName: str | None  # noqa: N815


class _Values(msgspec.Struct):
    startTime: datetime  # noqa: N815
    sampledThread: _Thread | None  # noqa: N815
    stackTrace: _StackTrace | None  # noqa: N815


class _Event(msgspec.Struct):
    values: _Values


class _Recording(msgspec.Struct):
    events: list[_Event]


class _Printed(msgspec.Struct):
    """What `jfr print --json` prints, as far as it is used."""

    recording: _Recording


def _program(name: str) -> Path:
    """Return a program of the same Java."""
    return runtime.java().with_name(name)


def _jcmd(pid: int, *command: str) -> None:
    done = process.run("jcmd", [str(_program("jcmd")), str(pid), *command])
    # It reports a failure of the command itself in its output only.
    if done.returncode != 0 or "Could not" in done.stdout or "Exception" in done.stdout:
        answer = " ".join(done.stdout.split())[-400:]
        raise StackError(f"The recorder of process {pid} does not answer to {command[0]}: {answer}")
