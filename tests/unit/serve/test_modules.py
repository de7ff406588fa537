"""The modules of the page: what one imports another exports, and none imports itself in the end."""

from __future__ import annotations

import posixpath
import re
from graphlib import TopologicalSorter
from importlib.resources import files
from pathlib import Path

import pytest

SCRIPTS = Path(str(files("spaf.serve").joinpath("static/js")))
MODULES = {
    path.relative_to(SCRIPTS).as_posix(): path.read_text(encoding="utf-8")
    for path in SCRIPTS.rglob("*.js")
}
# import { a, b as c } from "./x.js"; and import * as x, import x, and import alone.
IMPORT = re.compile(r'^import\s+(?:([^"]*?)\s+from\s+)?"(.+?\.js)";$', re.MULTILINE)
# Libraries that are delivered with the page are no modules of ours.
OURS = re.compile(r"\.{1,2}/(?:[a-z]+/)?[a-z_0-9]+\.js")
EXPORT = re.compile(
    r"^export (?:async )?(?:function\*?|class|const|let) ([A-Za-z_$][\w$]*)", re.MULTILINE
)


def imports(module: str) -> list[tuple[str, set[str]]]:
    """Return the modules of ours that a module imports, and the names that it takes of each."""
    found = []
    for taken, source in IMPORT.findall(MODULES[module]):
        assert OURS.fullmatch(source), source
        path = posixpath.normpath(posixpath.join(posixpath.dirname(module), source))
        braces = re.fullmatch(r"\{(.*)\}", taken.strip(), re.DOTALL)
        names = re.split(r"\s*,\s*", braces[1].strip().removesuffix(",")) if braces else []
        found.append((path, {name.split()[0] for name in names if name}))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_each_import_is_read(name: str) -> None:
    """The patterns of this file miss none: each line that begins with import is one of them."""
    text = MODULES[name]
    assert len(re.findall(r"^import\b(?!.*json)", text, re.MULTILINE)) == len(IMPORT.findall(text))
    assert len(re.findall(r"^export\b(?! \{)", text, re.MULTILINE)) == len(EXPORT.findall(text))


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_imports_is_exported(name: str) -> None:
    """A browser would refuse the whole page for one name that is missing."""
    wrong = [
        (source, names - set(EXPORT.findall(MODULES.get(source, ""))))
        for source, names in imports(name)
        if source not in MODULES or not names <= set(EXPORT.findall(MODULES[source]))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_imports_it_uses(name: str) -> None:
    """What is left of a change would be fetched and read for nothing."""
    text = IMPORT.sub("", MODULES[name]).replace("...", " ")
    taken = [clause for clause, _ in IMPORT.findall(MODULES[name]) if clause]
    names = {word for clause in taken for word in re.findall(r"[\w$]+(?=\s*(?:,|\}|$))", clause)}
    assert {
        one for one in names if not re.search(rf"(?<![\w$.#]){re.escape(one)}\b", text)
    } == set()


def test_no_module_imports_itself_in_the_end() -> None:
    """In a circle the order of the modules depends on who asks first, and a name may be unset."""
    graph = {name: {source for source, _ in imports(name)} for name in MODULES}
    TopologicalSorter(graph).prepare()
