"""Processor time by program: names of processes, and times that outlive them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from spaf.bench.start.process_times import ProcessTimes, name_of


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/v/bin/python", "/v/bin/spaf", "demo"], "demo"),
        (["/v/bin/python3", "-I", "-X", "utf8", "-m", "spaf", "demo"], "demo"),
        (["/v/bin/python", "-I", "-m", "spaf.stack.page_process", "8080"], "serve"),
        (["/v/bin/python3.11", "-I", "-m", "locust", "-f", "x"], "locust"),
        (["/j/bin/java", "-Xmx1m", "-cp", "/a/*:/b", "kafka.Kafka", "/c"], "kafka"),
        (["/j/bin/java", "-cp", "x", "a.b.TaskManagerRunner", "--configDir", "c"], "taskmanager"),
        (["/j/bin/java", "-version"], "java"),
        (["/p/bin/postgres", "-D/x"], "postgres"),
        (["postgres: checkpointer "], "postgres"),
        (["/p/bin/initdb"], "postgres (initdb)"),
        (["sh", "-c", "true"], "sh"),
        ([], ""),
    ],
)
def test_process_is_named_by_its_command_line(argv: list[str], name: str) -> None:
    """The name of the service, where it is one."""
    assert name_of(argv) == name


def test_time_of_a_process_stays_when_it_has_ended() -> None:
    """Its last reading counts; the reading process itself does too."""
    times = ProcessTimes(os.getpid())
    command = [sys.executable, "-c", "sum(range(3_000_000)); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        program = name_of(command)
        while times.by_name().get(program, 0.0) <= 0.0:
            times.read()
        child.communicate(b"\n")
    times.read()
    assert times.by_name()[program] > 0.0
    assert len(times.by_name()) > 1 or program == name_of(sys.orig_argv)


def test_processes_that_have_gone_are_no_error() -> None:
    """The command may end before it is read."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        times = ProcessTimes(child.pid)
    times.read()
    assert times.by_name() == {}
