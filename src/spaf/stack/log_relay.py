"""The logs of a run as one output, for the engine of a container, which rotates it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

# What one log may gain between two copies, and how long its file may become: `spaf logs NAME` still
# shows the newest lines. Bytes.
MAX_GAIN_BYTES = 2**20
MAX_FILE_BYTES = 4 * 2**20


class LogRelay:
    """Copies the lines that the logs of a folder gain, with the name of their service."""

    def __init__(self, folder: Path, output: BinaryIO) -> None:
        """Copy only what comes from now on."""
        self._folder, self._output = folder, output
        self._read = {file: file.stat().st_size for file in folder.glob("*.log")}
        self._failed = False

    def poll(self) -> None:
        """Copy the whole lines since the last time; shorten a file that has become long."""
        try:
            for file in sorted(self._folder.glob("*.log")):
                self._copy(file)
            self._output.flush()
        except OSError as error:
            if not self._failed:
                log.error("the logs in %s are not copied for now: %s", self._folder, error)
            self._failed = True
        else:
            self._failed = False

    def _copy(self, file: Path) -> None:
        with file.open("r+b") as content:
            size = content.seek(0, 2)
            begin = self._read.get(file, 0)
            # A load begins its log anew.
            begin = content.seek(begin if begin <= size else 0)
            gained = content.read(MAX_GAIN_BYTES)
            whole = gained[: gained.rfind(b"\n") + 1]
            for line in whole.splitlines(keepends=True):
                self._output.write(f"{file.stem}: ".encode() + line)
            self._read[file] = begin + len(whole)
            if self._read[file] >= MAX_FILE_BYTES:
                # The services append: they go on at the beginning.
                content.truncate(0)
                self._read[file] = 0
