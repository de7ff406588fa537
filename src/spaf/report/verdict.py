"""Whether a measured value reaches its goal, and by how much it does not."""

from __future__ import annotations

from typing import NamedTuple

from spaf.report.language import Language, Words, number, word

MET: Words = ("met", "cumprida")
# The unit of a value that is so many times another one.
RATIO = "times"
ABOVE: Words = ("missed by {}", "não cumprida: {} acima")
BELOW: Words = ("missed by {}", "não cumprida: {} abaixo")


class GoalVerdict(NamedTuple):
    """A value and its goal, both in one unit."""

    value: float
    limit: float
    unit: str
    digits: int
    at_least: bool = False
    """Whether the value must be at least the limit; otherwise at most."""

    @property
    def met(self) -> bool:
        """Whether the value is on the right side of the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def text(self, language: Language) -> str:
        """Return the verdict in words; a ratio misses its goal by a share of it."""
        if self.met:
            return word(MET, language)
        distance = abs(self.value - self.limit)
        if self.unit == RATIO:
            missed = number(100 * distance / self.limit, 0, language, "%")
        else:
            missed = number(distance, self.digits, language, self.unit)
        return word(BELOW if self.at_least else ABOVE, language).format(missed)
