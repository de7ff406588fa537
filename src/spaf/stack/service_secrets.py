"""The passwords of PostgreSQL's accounts, where its server and the page have different run folders.

A file that both can read is linked into each of the folders, so that everything else finds the
passwords where those of a whole run are.
"""

from __future__ import annotations

from pathlib import Path

from spaf.errors import StackError
from spaf.files import SECRET_MODE, write_atomically
from spaf.settings import Settings
from spaf.stack.state import RunFolder, new_passwords

SETTING = "SPAF_SERVICE__SECRETS_FILE"


def make_secrets(chosen: Settings, home: RunFolder) -> None:
    """Make the file of the settings, unless it exists, and link it into the run folder.

    Raises:
        StackError: it cannot be written.

    """
    file = chosen.service.secrets_file
    if file is None:
        return
    try:
        if not file.exists() or file.stat().st_size == 0:
            # Without them, the tables could not be opened again.
            write_atomically(file, new_passwords(), mode=SECRET_MODE, durable=True)
    except OSError as error:
        raise StackError(
            f"The passwords cannot be written to {file} ({error.strerror}).",
            todo=f"Correct its permissions, or name another file with {SETTING}.",
        ) from None
    link_secrets(chosen, home)


def link_secrets(chosen: Settings, home: RunFolder) -> None:
    """Link the file of the settings into the run folder.

    Raises:
        StackError: the file cannot be read, or the folder has passwords of its own.

    """
    file, link = chosen.service.secrets_file, home.secrets
    if file is None:
        return
    try:
        file.read_bytes()
    except OSError as error:
        raise StackError(
            f"The passwords in {file} cannot be read ({error.strerror}).",
            todo=f"`spaf service postgres` makes them, with the same {SETTING}.",
        ) from None
    if link.is_symlink() and link.readlink() != file:
        link.unlink()
    if not link.is_symlink():
        _link(link, file)


def _link(link: Path, file: Path) -> None:
    try:
        link.symlink_to(file)
    except FileExistsError:
        raise StackError(
            f"{link} holds passwords of its own.",
            todo=f"Use another run folder (SPAF_HOME), or unset {SETTING}.",
        ) from None
