"""Which services write an archive of their classes, and how."""

from __future__ import annotations

from pathlib import Path

from spaf.stack import runtime
from spaf.stack.class_archives import ARCHIVE_TIMEOUT_S, archiving
from spaf.stack.process import ServiceProcess


def service(name: str) -> ServiceProcess:
    """Return a service of this name."""
    argv = ["/j/bin/java", "-cp", "x", "Main"]
    return ServiceProcess(name, argv, "a", Path("log"), lambda: True)


def test_each_jvm_writes_its_own_archive_when_it_ends() -> None:
    """In the folder of the others; it becomes an archive when all are written."""
    made = archiving(service("taskmanager"))
    option = f"-XX:ArchiveClassesAtExit={runtime.ARCHIVES / 'taskmanager.partial'}"
    assert made.argv == ["/j/bin/java", option, "-cp", "x", "Main"]
    assert made.stop_timeout_s == ARCHIVE_TIMEOUT_S


def test_other_services_run_as_ever() -> None:
    """PostgreSQL and the processes of Python have no classes."""
    for name in ("postgres", "serve", "locust", "taskmanager-2"):
        assert archiving(service(name)).argv == service(name).argv
