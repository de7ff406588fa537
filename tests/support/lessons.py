"""The lessons of docs/tutorial: what they tell a student to type, and what they promise.

The notation is described for authors in CONTRIBUTING.md: a block `sh` holds commands, the
block `text` after it what they show, `terminal=2` in its first line means the second terminal, and
`Ctrl-C` that this key ends the command there. A comment `<!-- find: ... -->` is a text that must
be in the output with these numbers, where `#` is any number and `>500` one above 500;
`<!-- exit: 1 -->` is the exit code of the last command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
PORTUGUESE = ".pt-BR.md"
LESSONS = sorted(
    path.stem for path in TUTORIAL.glob("[1-9]-*.md") if not path.name.endswith(PORTUGUESE)
)
# Commands that change nothing: a promise of theirs may take a while to come true.
READING = ("spaf query", "spaf status", "spaf quarantine list", "spaf logs")

# Any text, or any lines.
_ANY = re.compile(r"\s*…\s*")
_BLOCK = re.compile(
    r"^```(?P<language>sh|text)(?P<marks>[^\n]*)\n(?P<body>.*?)^```$"
    r"|^<!-- (?P<rule>find|exit): (?P<value>.*?) -->$",
    re.MULTILINE | re.DOTALL,
)
_BOX = re.compile("[\u2500-\u257f]+")
_NUMBER = re.compile(r"-?\d[\d.,:]*")
_VARYING = re.compile(r"(?<!\S)(?:#|>\d+)(?!\S)")
_ABOVE = re.compile(r"(?<!\S)>(\d+)(?!\S)")


@dataclass
class Step:
    """A command, where it is typed, and what must be seen after it."""

    command: str
    second: bool = False
    """It is typed in the second terminal, and runs on."""
    ends: bool = False
    """The command was begun before, and this is where its output is read."""
    interrupted: bool = False
    """Ctrl-C ends it first."""
    shown: str | None = None
    found: list[str] = field(default_factory=list)
    exit_code: int = 0

    @property
    def reads(self) -> bool:
        """Whether it may be typed again until it shows what is promised."""
        return self.command.startswith(READING)

    def missing(self, output: str) -> list[str]:
        """Return the promises that the output does not keep."""
        words = normal(output)
        kept = self.shown is None or pattern(self.shown, any_number=True).search(words)
        missing = [] if kept else [f"the block\n{self.shown}"]
        return missing + [text for text in self.found if not is_found(text, words)]


def text_of(lesson: str, suffix: str = ".md") -> str:
    """Return a lesson in one of the two languages."""
    return (TUTORIAL / f"{lesson}{suffix}").read_text(encoding="utf-8")


def steps_of(text: str) -> list[Step]:
    """Return the steps of a lesson in the order in which they are typed.

    Raises:
        ValueError: a promise stands before any command.

    """
    steps: list[Step] = []
    step: Step | None = None
    for block in _BLOCK.finditer(text):
        second = "terminal=2" in (block["marks"] or "")
        if block["language"] == "sh":
            body = block["body"].replace("\\\n", "")
            steps += [Step(line, second) for line in body.splitlines() if line.strip()]
            step = steps[-1]
            continue
        if block["language"] == "text" and second:
            begun = next(one for one in reversed(steps) if one.second)
            step = Step(begun.command, second, ends=True, interrupted="Ctrl-C" in block["marks"])
            steps.append(step)
        if step is None:
            raise ValueError(f"a promise without a command: {block[0]}")
        if block["rule"] == "find":
            step.found.append(block["value"])
        elif block["rule"] == "exit":
            step.exit_code = int(block["value"])
        else:
            step.shown = block["body"]
    return steps


def normal(text: str) -> str:
    """Return the words of a text, one blank between two, without the frames of tables."""
    return " ".join(_BOX.sub(" ", text).split())


def is_found(promised: str, words: str) -> bool:
    """Return whether normal text holds a promise, with numbers above the limits that it names."""
    limits = [float(limit) for limit in _ABOVE.findall(promised)]
    return any(
        all(_value(n) > limit for n, limit in zip(match.groups(), limits, strict=True))
        for match in pattern(promised, any_number=False).finditer(words)
    )


def pattern(promised: str, *, any_number: bool) -> re.Pattern[str]:
    """Return what finds a promise in normal text: … is any text, a number maybe any number."""
    varying = _NUMBER if any_number else _VARYING
    parts = [_part(part, varying) for part in _ANY.split(normal(promised))]
    return re.compile(".*?".join(parts), re.DOTALL)


def _part(text: str, varying: re.Pattern[str]) -> str:
    """Return the expression for a text in which the places that vary stand for any number."""
    places = [
        f"({_NUMBER.pattern})" if ">" in found else _NUMBER.pattern
        for found in varying.findall(text)
    ]
    fixed = map(re.escape, varying.split(text))
    return "".join(f"{a}{b}" for a, b in zip_longest(fixed, places, fillvalue=""))


def _value(number: str) -> float:
    return float(number.rstrip(".,:").replace(",", ""))
