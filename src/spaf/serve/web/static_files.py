"""The files of the page: its two HTML files with values in them, and the folder `static`."""

from __future__ import annotations

import html
import mimetypes
import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

from spaf.serve.web.module_preload import preload_links
from spaf.serve.web.roles import PageUser

FOLDER = Path(__file__).parents[1] / "static"
PAGE = "index.html"
LOGIN_PAGE = "login.html"

# The machine's own table of types may call a module something that browsers refuse to run.
mimetypes.add_type("text/javascript", ".js")


class PageFiles(StaticFiles):
    """Serves the folder `static`; a browser revalidates each file at each load of the page."""

    def __init__(self) -> None:
        """Serve the folder."""
        super().__init__(directory=FOLDER)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Find a file; the HTML files are served at `/` only, with the values in them."""
        return ("", None) if path in (PAGE, LOGIN_PAGE) else super().lookup_path(path)

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


def page_html(name: str, token: str, root: str = "", **values: str) -> bytes:
    """Return an HTML file with the modules to preload and the token that changes require.

    Args:
        name: of the file.
        token: is sent back by the page with each change.
        root: begins each address of the page; empty for addresses relative to the page's own.
        values: of the other places of the file that have a name.

    """
    files = {
        str(file.relative_to(FOLDER)): file.read_bytes()
        for file in FOLDER.rglob("*")
        if file.is_file()
    }
    page = files[name].replace(b"{{modules}}", preload_links(files).encode())
    for key, value in {"token": token, "root": root, **values}.items():
        page = page.replace(b"{{%s}}" % key.encode(), value.encode())
    return page.replace(b'"/static/', f'"{root}static/'.encode())


def with_user(page: bytes, user: PageUser | None) -> bytes:
    """Return the page with the role and the name of its user in it; empty without roles."""
    role = "" if user is None else user.role.label
    name = "" if user is None else html.escape(user.name)
    return page.replace(b"{{role}}", role.encode()).replace(b"{{name}}", name.encode())
