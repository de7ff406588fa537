"""The lessons, followed command by command on the run that the tests of commands and page share."""

from __future__ import annotations

import pytest

from tests.support.commands import FullRun, Student
from tests.support.lessons import LESSONS, text_of

# The lesson that kills a service is followed on a run that is for this.
KILLING = "3-"


@pytest.mark.parametrize("lesson", [name for name in LESSONS if not name.startswith(KILLING)])
def test_a_lesson_shows_what_it_promises(full_run: FullRun, student: Student, lesson: str) -> None:
    """Every command of it, typed as it stands there, in an ordinary shell."""
    settings = {name: value for name, value in full_run.variables.items() if "SPAF_" in name}
    student(text_of(lesson), full_run.path, **settings)
