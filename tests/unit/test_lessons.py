"""The lessons say the same in both languages, and their notation means what the tests check."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.lessons import (
    LESSONS,
    PORTUGUESE,
    TUTORIAL,
    Step,
    is_found,
    normal,
    steps_of,
    text_of,
)
from tests.support.terminal import follow, shortened
from tools import write_reference

QUESTIONS = 3
SAMPLE = """
```sh terminal=2
spaf load --rate 50 --for 5m
```

```sh
spaf status
kill -9 \\
  $(spaf status --pid taskmanager)
```

```text
┃ taskmanager ┃ running, restarted 1x ┃
…
job 0a…: RUNNING
```
<!-- find: restarted 1x -->
<!-- exit: 1 -->

```text terminal=2 Ctrl-C
│ failed │ 0 │
```
<!-- find: failed 0 -->
"""


def test_there_are_five_lessons() -> None:
    """Numbered, and the list of them links to each in its language."""
    assert [name[0] for name in LESSONS] == ["1", "2", "3", "4", "5"]
    for suffix in (".md", PORTUGUESE):
        contents = (TUTORIAL / f"README{suffix}").read_text(encoding="utf-8")
        assert [name for name in LESSONS if f"({name}{suffix})" not in contents] == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_both_languages_type_and_promise_the_same(lesson: str) -> None:
    """The commands, the outputs and the rules for them, in the same order."""
    assert steps_of(text_of(lesson)) == steps_of(text_of(lesson, PORTUGUESE))


@pytest.mark.parametrize("suffix", [".md", PORTUGUESE])
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_three_questions_with_answers(lesson: str, suffix: str) -> None:
    """An answer is folded, so that a class can think first."""
    text = text_of(lesson, suffix)
    assert len(
        re.findall(r"<details>\n<summary>.+?</summary>\n\n.+?</details>", text, re.DOTALL)
    ) == (QUESTIONS)


@pytest.mark.parametrize("lesson", LESSONS)
def test_only_commands_that_exist(lesson: str) -> None:
    """Every `spaf ...` of a lesson is one of the reference."""
    typed = [step.command for step in steps_of(text_of(lesson))]
    verbs = "|".join(sorted(write_reference.verbs(), key=len, reverse=True))
    for called in re.findall(r"\bspaf [a-z].*", "\n".join(typed)):
        assert re.match(rf"spaf ({verbs})\b", called), called
    assert len(typed) >= QUESTIONS


def test_the_notation() -> None:
    """Blocks become steps, comments their rules."""
    load, status, kill, end = steps_of(SAMPLE)
    assert load == Step("spaf load --rate 50 --for 5m", second=True)
    assert (end.command, end.ends, end.interrupted) == (load.command, True, True)
    assert end.found == ["failed 0"]
    assert status == Step("spaf status")
    assert kill.command == "kill -9   $(spaf status --pid taskmanager)"
    assert (kill.exit_code, kill.found, kill.interrupted) == (1, ["restarted 1x"], False)


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        ("│ taskmanager │ running, restarted 1x │\n...\njob 0ab1: RUNNING", 0),
        ("taskmanager   running,\n restarted 1x job 0a: RUNNING", 0),
        ("taskmanager running, restarted 2x job 0a: RUNNING", 1),
        ("taskmanager running job 0a: RUNNING", 2),
        ("taskmanager running, restarted 1x job 0a: RESTARTING", 1),
    ],
)
def test_a_promise_allows_for_other_numbers_only(output: str, missing: int) -> None:
    """Numbers vary and frames do not count; words and the texts to find are as promised."""
    assert len(steps_of(SAMPLE)[2].missing(output)) == missing


@pytest.mark.parametrize(
    ("promised", "kept"),
    [
        ("100 0 >500 >500 yes", True),
        ("100 # >500 # yes", True),
        ("100 0 >700 >500 yes", False),
        ("100 … yes", True),
        ("101 … yes", False),
    ],
)
def test_what_must_be_found(promised: str, kept: bool) -> None:  # noqa: FBT001
    """As it stands, but for any number and for numbers above a limit."""
    assert is_found(promised, normal("│ 100 │ 0 │ 600.5 │ 1,200.25 │ yes │")) is kept


def test_a_promise_needs_a_command() -> None:
    """A block of output that follows nothing is a mistake of the author."""
    with pytest.raises(ValueError, match="without a command"):
        steps_of("```text\na\n```\n")


TYPED = """
```sh terminal=2
trap 'echo sold 7; exit 0' INT; touch ready; while :; do sleep 0.05; done
```

```sh
until test -e ready; do sleep 0.05; done
NAME=tea
cat
test $NAME = tea && echo "$NAME 12" && false
```

```text
tea 5
```
<!-- exit: 1 -->

```text terminal=2 Ctrl-C
sold 1
```
"""


def test_a_lesson_is_typed_into_two_terminals(tmp_path: Path) -> None:
    """A shell keeps its variables, a command has no input, Ctrl-C reaches the second terminal."""
    follow(TYPED, tmp_path, dict(os.environ))


@pytest.mark.parametrize(
    "broken", [("tea 5", "coffee 5"), ("sold 1", "lost"), ("exit: 1", "exit: 2")]
)
def test_a_broken_promise_fails(tmp_path: Path, broken: tuple[str, str]) -> None:
    """With the command, what was promised and what was shown."""
    with pytest.raises(AssertionError, match="echo"):
        follow(TYPED.replace(*broken), tmp_path, dict(os.environ))


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        ("spaf load --rate 20 --for 10s --anomaly-rate 0.01", "--for 3s --anomaly-rate 0.01"),
        ("spaf demo --for 30s", "spaf demo --for 3s"),
        ("spaf load --for 2s", "spaf load --for 2s"),
        ("spaf query", "spaf query"),
    ],
)
def test_a_load_is_short_in_a_test(command: str, typed: str) -> None:
    """All else is typed as it stands."""
    assert shortened(command).endswith(typed)
