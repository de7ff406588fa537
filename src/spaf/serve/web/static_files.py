"""The files of the page: index.html with the token in it, and the folder `static`."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

from spaf.serve.web.module_preload import preload_links

FOLDER = Path(__file__).parents[1] / "static"
PAGE = "index.html"

# The machine's own table of types may call a module something that browsers refuse to run.
mimetypes.add_type("text/javascript", ".js")


class PageFiles(StaticFiles):
    """Serves the folder `static`; a browser revalidates each file at each load of the page."""

    def __init__(self) -> None:
        """Serve the folder."""
        super().__init__(directory=FOLDER)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Find a file; index.html is served at `/` only, with the token."""
        return ("", None) if path == PAGE else super().lookup_path(path)

    def file_response(
        self,
        full_path: PathLike,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or 304 if the browser has this version."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"
        return response


def page_html(token: str, root: str = "", live: str = "connecting") -> bytes:
    """Return index.html with the modules to preload and the token that changes require.

    Args:
        token: is sent back by the page with each change.
        root: begins each address of the page; empty for addresses relative to the page's own.
        live: the state of the page before its first event.

    """
    files = {
        str(file.relative_to(FOLDER)): file.read_bytes()
        for file in FOLDER.rglob("*")
        if file.is_file()
    }
    page = files[PAGE].replace(b"{{modules}}", preload_links(files).encode())
    page = page.replace(b"{{live}}", live.encode())
    page = page.replace(b"{{token}}", token.encode()).replace(b"{{root}}", root.encode())
    return page.replace(b'"/static/', f'"{root}static/'.encode())
