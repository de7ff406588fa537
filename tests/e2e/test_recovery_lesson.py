"""The lesson in which a student kills a service, followed command by command."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf.stack.run import Run
from tests.support.commands import Student
from tests.support.lessons import LESSONS, text_of


@pytest.mark.parametrize("lesson", [name for name in LESSONS if name.startswith("3-")])
def test_the_lesson_that_kills_shows_what_it_promises(
    recovery_run: Run, student: Student, tmp_path: Path, lesson: str
) -> None:
    """The service is killed and comes back, and every sale is counted once."""
    student(text_of(lesson), tmp_path, SPAF_HOME=str(recovery_run.home.folder))
