"""One format for the log of every process of ours."""

from __future__ import annotations

import subprocess
import sys
from typing import Never

import pytest

from spaf.errors import SettingsError
from spaf.stack.log import exit_code_of

CODE = """
import logging
from spaf.stack import log
log.configure()
logging.getLogger("spaf.stack.x").info("a %s", "word")
logging.getLogger("spaf.stack.x").debug("too fine")
logging.getLogger("httpx").info("of a library")
logging.getLogger("uvicorn.error").warning("of a library")
"""


def test_a_line_has_time_level_and_module() -> None:
    """The time is UTC; libraries are heard from level WARNING."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    first, second = done.stderr.splitlines()
    time, rest = first.split(" ", 1)
    assert len(time) == len("2026-11-28T09:15:38.123Z")
    assert time[10] + time[-1] == "TZ"
    assert rest == "INFO spaf.stack.x: a word"
    assert second.endswith(" WARNING uvicorn.error: of a library")
    assert done.stdout == ""


def test_an_expected_failure_is_logged_as_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """What happened and what to do, without a traceback; the exit code is that of the error."""

    def fail() -> Never:
        raise SettingsError("No such topic.", todo="Name another one.")

    assert exit_code_of(fail) == SettingsError.exit_code
    assert caplog.messages == ["stopped: No such topic.\nName another one."]
    assert "Traceback" not in caplog.text


def test_a_defect_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """The supervisor starts the process again; success is exit code 0."""

    def fail() -> Never:
        raise ZeroDivisionError("a defect")

    assert exit_code_of(fail) == 1
    assert "Traceback" in caplog.text
    assert "ZeroDivisionError: a defect" in caplog.text
    assert exit_code_of(lambda: None) == 0
