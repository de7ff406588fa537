"""The page's list of modules to fetch at once: made from the imports of its first module."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

FIRST_MODULE = "js/main.js"
# A static import: at the beginning of a line, or after another one in a file without line breaks.
_IMPORT = re.compile(r'(?:^|;)import\b\s*(?:[^"()]*?\bfrom\s*)?"(\.[^"]+)"', re.MULTILINE)
_LINK = '<link rel="modulepreload" href="/static/{name}"{kind}>'


def preload_links(files: Mapping[str, bytes]) -> str:
    """Return one link a line for each module that the first view imports.

    Without them a browser asks for a module only after it has read the one that imports it: one
    round trip for each level of imports.

    Args:
        files: content of each file by its name below the folder `static`.

    """
    names = sorted(imported_modules(files) - {FIRST_MODULE})
    return "\n".join(
        _LINK.format(name=name, kind=' as="json"' if name.endswith(".json") else "")
        for name in names
    )


def imported_modules(files: Mapping[str, bytes]) -> set[str]:
    """Return the first module, and all that it imports directly and indirectly.

    Args:
        files: content of each file by its name below the folder `static`.

    Raises:
        KeyError: a module imports one that is not there.

    """
    reached: set[str] = set()
    waiting = [FIRST_MODULE]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        folder = posixpath.dirname(name)
        waiting += [
            posixpath.normpath(posixpath.join(folder, source))
            for source in _IMPORT.findall(files[name].decode())
        ]
    return reached
