"""Class-data archives in an image: compressed, and unpacked into a cache when a JVM needs them.

They would be a fifth of an image, and shrink to a quarter. An image cannot be written, so each
archive is a link into a folder that can; several containers may share it: an archive is never
changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import shutil
from pathlib import Path

log = logging.getLogger(__name__)

SUFFIX = ".zst"
# To a quarter, at 10 MB/s; 15 takes ten times as long for 2 % less.
LEVEL = 10
DIGEST_CHARS = 12


def pack(folder: Path, cache: Path) -> None:
    """Compress each archive of the folder, and replace it by a link into the cache.

    The name in the cache holds a digest: a JVM silently ignores an archive of another image.
    """
    from backports import zstd  # noqa: PLC0415 - slow, and needed in an image only

    for archive in sorted(folder.glob("*.jsa")):
        content = archive.read_bytes()
        _packed(archive).write_bytes(zstd.compress(content, LEVEL))
        digest = hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]
        archive.unlink()
        archive.symlink_to(cache / f"{archive.stem}-{digest}.jsa")


def is_installed(archive: Path) -> bool:
    """Return whether the archive is there, packed or not."""
    return archive.exists() or _packed(archive).exists()


def is_ready(archive: Path) -> bool:
    """Return whether a JVM can map the archive; a packed one is unpacked first.

    A JVM without one starts, too, only more slowly: a cache that cannot be written is no error.
    """
    if archive.exists() or not _packed(archive).exists():
        return archive.exists()
    try:
        _unpack(_packed(archive), archive.readlink())
    except OSError as error:
        log.warning("%s: starts stay slower than they could be: %s", archive.name, error)
    return archive.exists()


def _packed(archive: Path) -> Path:
    return archive.with_name(archive.name + SUFFIX)


def _unpack(packed: Path, target: Path) -> None:
    """Give an archive its name only when it is complete; delete those of earlier images."""
    from backports import zstd  # noqa: PLC0415 - slow, and needed in an image only

    name = target.stem.rpartition("-")[0]
    outdated = [path for path in target.parent.glob(f"{name}-*.jsa") if path != target]
    # Containers that share the cache may do this at the same time.
    partial = target.with_suffix(f".{secrets.token_hex(4)}.partial")
    try:
        with zstd.open(packed, "rb") as source, partial.open("wb") as file:
            shutil.copyfileobj(source, file)
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    for path in outdated:
        path.unlink(missing_ok=True)
