"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import spaf

SOURCE = Path(spaf.__file__).parent
EXAMPLES = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def test_there_are_examples() -> None:
    """The search finds the modules that are known to have some."""
    assert {"spaf.sale", "spaf.sale.jackson.tokens"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_module_run(name: str) -> None:
    """Each prints what its docstring shows."""
    result = doctest.testmod(import_module(name))
    assert result.attempted
    assert not result.failed
