"""Processor time of a command and of everything that it has started, by program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import psutil

from spaf.stack.service_names import (
    JOBMANAGER,
    KAFKA,
    LOCUST,
    POSTGRES,
    QUARANTINE,
    SERVE,
    SUBMITTER,
    SUPERVISOR,
    TASKMANAGER,
)

# What a figure of the bench is called, by the module or the Java class of the process.
NAMES = {
    "spaf": "demo",
    "visibility": "latency watch",
    "supervisor": SUPERVISOR,
    "submit": SUBMITTER,
    "PythonGatewayServer": f"{SUBMITTER} (JVM)",
    "Kafka": KAFKA,
    "StorageTool": f"{KAFKA} (format)",
    "StandaloneSessionClusterEntrypoint": JOBMANAGER,
    "TaskManagerRunner": TASKMANAGER,
    "initdb": f"{POSTGRES} (initdb)",
    "postgres": POSTGRES,
    "locust": LOCUST,
    "page_process": SERVE,
    "quarantine_process": QUARANTINE,
}
# Options of Java that are followed by a value of their own.
_WITH_VALUE = ("-cp", "-classpath", "--module-path")


class ProcessTimes:
    """The processor time of a tree of processes, read again and again.

    A process that has ended keeps its last reading; one that lives shorter than the time between
    two readings is not seen.
    """

    def __init__(self, pid: int) -> None:
        """Keep the process whose tree is read."""
        self._root = psutil.Process(pid)
        self._names: dict[psutil.Process, str] = {}
        self._seconds: dict[psutil.Process, float] = {}

    def read(self) -> None:
        """Read the time of each process of the tree."""
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for member in family:
            try:
                if not self._names.get(member):
                    self._names[member] = name_of(member.cmdline())
                times = member.cpu_times()
            except psutil.NoSuchProcess:
                continue
            self._seconds[member] = times.user + times.system

    def by_name(self) -> dict[str, float]:
        """Return the seconds of the processes of each name, the largest first."""
        seconds: dict[str, float] = defaultdict(float)
        for member, spent in self._seconds.items():
            seconds[self._names[member] or "other"] += spent
        return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def name_of(argv: Sequence[str]) -> str:
    """Return what the bench calls a process by its command line; "" if it has none yet."""
    if not argv:
        return ""
    program = argv[0].rpartition("/")[2].partition(":")[0]
    if program.startswith("python") and "-m" in argv:
        program = argv[argv.index("-m") + 1].rpartition(".")[2]
    elif program == "java":
        program = _main_class(argv).rpartition(".")[2]
    elif len(argv) > 1 and argv[1].endswith("/bin/spaf"):
        program = "spaf"
    return NAMES.get(program, program)


def _main_class(argv: Sequence[str]) -> str:
    """Return the first word of a Java command that is neither an option nor the value of one."""
    previous = ""
    for word in argv[1:]:
        if not word.startswith("-") and previous not in _WITH_VALUE:
            return word
        previous = word
    return "java"
