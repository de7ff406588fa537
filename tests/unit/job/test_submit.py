"""The process that submits: its request as a line, and what it says of a failure."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from spaf.job.build import JobParameters
from spaf.job.submit import SubmitRequest, environment, root_cause
from spaf.settings import Settings

REQUEST = SubmitRequest(
    host="127.0.0.1",
    port=8081,
    options={"pipeline.name": "spaf-sales"},
    parameters=JobParameters.of(Settings(), ("books", "toys"), topic="a\nb\u2028'é"),
    jars=("file:///a.jar",),
    plan="/plans/a.json",
)


def test_request_is_one_line() -> None:
    """A line break inside a value does not end it early."""
    line = REQUEST.line()
    assert len(line.splitlines()) == 1


def test_request_comes_out_of_the_line_as_it_went_in() -> None:
    """Tuples come back as tuples, those of the parameters included."""
    assert msgspec.json.decode(REQUEST.line(), type=SubmitRequest) == REQUEST


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Wrapper: w\n\tat x\nCaused by: A: a\n\tat y\nCaused by: B: b\n\tat z", "B: b"),
        ("\n  SQL parse failed. Line 3\nmore\n", "SQL parse failed. Line 3"),
        ("one line", "one line"),
        ("", "ValueError('')"),
        ("said: Caused by: me", "said: Caused by: me"),
    ],
)
def test_root_cause_is_the_last_one_named(message: str, expected: str) -> None:
    """The first lines of a Java trace name only what wrapped the cause."""
    assert root_cause(ValueError(message)) == expected


def test_environment_has_no_variable_of_its_own_beside_these() -> None:
    """PyFlink finds Java and Flink, and leaves Apache Beam alone."""
    found = environment("/java", "/flink")
    assert (found["JAVA_HOME"], found["FLINK_HOME"]) == ("/java", "/flink")
    assert found["_python_worker_execution_mode"] == "process"


def test_importing_the_submitter_starts_no_jvm_and_imports_no_pyflink() -> None:
    """Who only builds requests does not pay for PyFlink."""
    code = "import sys, spaf.job.submit; print([m for m in sys.modules if 'pyflink' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
