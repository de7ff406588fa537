"""Small disks for volumes that are to become full."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

# Left to the file system, so that what fails is the program on it.
LEFT_BYTES = 64 * 1024


class SmallDisk(AbstractContextManager["SmallDisk"]):
    """A disk in a file, mounted on a folder, that belongs to one account."""

    def __init__(self, folder: Path, owner: int, mib: int) -> None:
        """Keep what to make.

        Args:
            folder: in which the file and the folder are made.
            owner: uid of the account.
            mib: size.

        """
        self._image, self.folder = folder.with_suffix(".img"), folder
        self._ballast = folder / "ballast"
        self._owner, self._mib = owner, mib

    def __enter__(self) -> Self:
        """Make and mount it."""
        self.folder.mkdir(parents=True)
        with self._image.open("wb") as file:
            file.truncate(self._mib * 2**20)
        for command in (
            ["mkfs.ext4", "-q", "-m", "0", str(self._image)],
            ["mount", "-o", "loop", str(self._image), str(self.folder)],
        ):
            subprocess.run(command, check=True)
        # An empty volume takes over what the image has at its place.
        (self.folder / "lost+found").rmdir()
        os.chown(self.folder, self._owner, self._owner)
        self.folder.chmod(0o700)
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount and delete it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)  # noqa: S607
        self._image.unlink()

    @property
    def full(self) -> bool:
        """Whether nothing more can be written."""
        return shutil.disk_usage(self.folder).free <= LEFT_BYTES

    def fill(self) -> None:
        """Write a file of the size of what is free."""
        with self._ballast.open("wb") as file:
            free = shutil.disk_usage(self.folder).free
            os.posix_fallocate(file.fileno(), 0, max(1, free - LEFT_BYTES // 2))

    def free(self) -> None:
        """Delete this file."""
        self._ballast.unlink(missing_ok=True)
