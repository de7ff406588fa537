"""Why a figure, a plot or a table is missing, in both languages."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from spaf.errors import FigureError
from spaf.report.language import Language, Words, word

# By the code of the error; what has none is shown as it is, in English.
REASONS: dict[str, Words] = {
    "no_result": (
        "Not measured: there is no result of `spaf {scenario}`, the command that measures it.",
        "Não medido: não há resultado de `spaf {scenario}`, o comando que o mede.",
    ),
    "not_valid": (
        "The result of `spaf {scenario}` is not valid: {reason}.",
        "O resultado de `spaf {scenario}` não é válido: {reason}.",
    ),
    "no_value": (
        "The result of `spaf {scenario}` does not have it ({path}).",
        "O resultado de `spaf {scenario}` não o contém ({path}).",
    ),
}
CODE = re.compile(r"`([^`]+)`")


def reason(error: FigureError, language: Language) -> str:
    """Return the reason in a language; names of commands stand between backticks."""
    words = REASONS.get(error.code)
    return error.what if words is None else word(words, language).format_map(error.parameters)


def marked(text: str) -> Markup:
    """Return a text as HTML, with what stands between backticks as code."""
    # The text is escaped before: only the tags are markup.
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704
