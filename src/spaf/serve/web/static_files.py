"""The files of the page: a fixed map, read at the start; no request ever makes a path."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

from spaf.serve.web.module_preload import preload_links
from spaf.serve.web.responses import RequestRefusedError

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "txt": "text/plain; charset=utf-8",
}
PAGE = "index.html"
TOKEN = b"{{token}}"
MODULES = b"{{modules}}"
# Asked for again at each load, answered by 304 as long as nothing has changed.
CACHE = "no-cache"


@dataclass(frozen=True)
class File:
    """One file, in both forms in which it is sent."""

    kind: str
    plain: bytes
    packed: bytes
    tag: str


class StaticFiles:
    """What is in the folder `static`, by name."""

    def __init__(self, token: str) -> None:
        """Read all of it; the page is given the token that its requests must hold."""
        root = files("spaf.serve").joinpath("static")
        found = dict(_walk(root, ""))
        page = found[PAGE].replace(MODULES, preload_links(found).encode())
        found[PAGE] = page.replace(TOKEN, token.encode())
        self._files = {
            name: _file(data, TYPES[name.rpartition(".")[2]])
            for name, data in found.items()
            if name.rpartition(".")[2] in TYPES
        }

    def names(self) -> list[str]:
        """Return what can be asked for by name."""
        return sorted(name for name in self._files if name != PAGE)

    def page(self, request: Request) -> Response:
        """Return the page itself; it holds the token and is never kept."""
        return _sent(request, self._files[PAGE], "no-store")

    def named(self, request: Request, name: str) -> Response:
        """Return a file.

        Raises:
            RefusedError: there is none of this name.

        """
        if name == PAGE or name not in self._files:
            raise RequestRefusedError(404, "There is no such file.")
        return _sent(request, self._files[name], CACHE)


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found


def _file(data: bytes, kind: str) -> File:
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    return File(kind, data, gzip.compress(data, 9, mtime=0), tag)


def _sent(request: Request, file: File, cache: str) -> Response:
    headers = {"etag": file.tag, "cache-control": cache, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    body = file.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = file.packed
        headers["content-encoding"] = "gzip"
    return Response(body, headers=headers, media_type=file.kind)
