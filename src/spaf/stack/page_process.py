"""The process of the live page: `python -m spaf.stack.page_process HOME PORT OPTIONS`.

The supervisor starts it first of all, so that the page shows the start of the others. It may be
killed at any moment and is started again; the run goes on without it.

Only what the start needs is imported here: a third of the processor time that the whole page takes.
"""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from spaf.errors import NotUpError
from spaf.files import SECRET_MODE, write_atomically
from spaf.serve.start_site import StartSite
from spaf.serve.start_view import StartView
from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.page_options import PageOptions
from spaf.serve.web.roles import Roles
from spaf.serve.web.server import Server
from spaf.stack import log
from spaf.stack.page_sweep import PageSweep
from spaf.stack.scheduling import give_way
from spaf.stack.start_stages import start_view
from spaf.stack.state import RunFolder, RunState
from spaf.stack.vitals import present_trouble

if TYPE_CHECKING:
    from spaf.serve.app import Site

# Once sales come, the services come first: a later sale would be worse than a later frame of the
# page. Before, the page does nothing without a viewer.
NICENESS = 5
# Connections, files and sockets to the services; the usual limit of 1,024 is too low.
MIN_OPEN_FILES = 4_096


class StartReader:
    """Reads the start of the run from its state, decoded only when it has changed."""

    def __init__(self, home: RunFolder) -> None:
        """Read the state.

        Raises:
            NotUpError: no run has begun.

        """
        self._home = home
        self._stamp: tuple[int, int] = (0, 0)
        state = self._read()
        if state is None:
            raise NotUpError(f"Nothing runs in {home.folder}.", todo="Start it with `spaf up`.")
        self._state = state

    def view(self) -> StartView:
        """Return the start as it is now; the last one that is known if the state is gone."""
        self._state = self._read() or self._state
        return start_view(self._state, present_trouble(self._home, self._state))

    def _read(self) -> RunState | None:
        """Return the state if it is another one than at the last call."""
        with contextlib.suppress(OSError):
            stat = self._home.state.stat()
            stamp = (stat.st_ino, stat.st_mtime_ns)
            if stamp != self._stamp:
                self._stamp = stamp
                return self._home.read()
        return None


def token(home: RunFolder) -> str:
    """Return the token of this run folder's page; an open page stays valid over a restart."""
    file = home.runs / "page-token"
    if not file.exists() or file.stat().st_size == 0:
        write_atomically(file, secrets.token_urlsafe(32).encode(), mode=SECRET_MODE)
    return file.read_text()


def raise_open_files_limit() -> None:
    """Allow this process MIN_OPEN_FILES open files, as far as the hard limit permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MIN_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MIN_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve(home: Path, port: int, options: PageOptions) -> None:
    """Serve the page until SIGTERM.

    Args:
        home: the run folder.
        port: at which the page listens.
        options: of the page.

    Raises:
        NotUpError: no run has begun.
        SettingsError: the token of a role cannot be used.

    """
    raise_open_files_limit()
    folder = RunFolder(home)
    reader, secret = StartReader(folder), token(folder)
    roles = None if options.roles is None else Roles(options.roles)
    # Before this process gives way: what it measures must not.
    sweep = PageSweep(folder)

    def build() -> Site:
        # Of the main thread; this one is that of the imports.
        os.setpriority(os.PRIO_PROCESS, os.getpid(), NICENESS)
        give_way(NICENESS)
        from spaf.stack import page_source  # noqa: PLC0415 - most of SPAF, not before it is needed

        return page_source.site(port, secret, options.public_url, sweep, roles)

    addresses = PageAddresses(port, options.public_url)
    site = StartSite(reader.view, build, addresses, secret, roles)
    Server(site, port, options.bind).run()


def main() -> None:
    """Serve the page of the run folder, at the port, with the options of the arguments."""
    home, port, options = sys.argv[1:]
    serve(Path(home), int(port), msgspec.json.decode(options, type=PageOptions))


if __name__ == "__main__":
    log.configure()
    sys.exit(log.exit_code_of(main))
