"""One format for the log of every process of ours."""

from __future__ import annotations

import subprocess
import sys

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
