"""The file with the labels of the anomalies that were sold."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from spaf.generate.anomalies.anomaly import EpisodeLabel, Label


class LabelWriter:
    """Appends labels, a line each; those that a full disk refuses are written with a later one.

    An error would end the sales of a user of Locust, and the label of a sale would be missing.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            OSError: it cannot be opened.

        """
        self._file = path.open("ab", buffering=0)
        self._pending = b""

    def append(self, label: Label | EpisodeLabel) -> None:
        """Write a label, after those that were refused before."""
        self._pending += msgspec.json.encode(label) + b"\n"
        self.flush()

    def flush(self) -> None:
        """Write the labels that were refused, as far as the disk takes them."""
        with suppress(OSError):
            written = self._file.write(self._pending)
            self._pending = self._pending[written or 0 :]

    def close(self) -> None:
        """Close the file."""
        self.flush()
        self._file.close()
