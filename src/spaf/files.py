"""Write a file as a whole: a reader sees the old content or the new content, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

# As `open` does: the umask of the process removes permissions.
PUBLIC_MODE = 0o666
SECRET_MODE = 0o600


def write_atomically(
    path: Path, content: bytes, *, mode: int = PUBLIC_MODE, durable: bool = False
) -> None:
    """Write the content to a temporary file in the same folder and rename it to the path.

    A process that is killed in between leaves the old file (and, rarely, the temporary one). The
    kernel keeps what was written, so no fsync is needed for that. A power failure is different:
    without fsync the new name may then refer to an empty file. `durable` is for what cannot be made
    again; it costs a wait for the disk, which a file that is written each second must not have.

    Args:
        path: the file; an existing one is replaced, with its mode.
        content: everything that the file will hold.
        mode: permissions of the file.
        durable: wait until the content and the name are on the disk.

    Raises:
        OSError: the file could not be written; then the old one is still there.

    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
