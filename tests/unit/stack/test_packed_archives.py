"""Archives of an image: links into a cache, filled when a JVM needs one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from spaf.stack import packed_archives, runtime

CONTENT = b"classes" * 1_000


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return an empty cache."""
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def archive(tmp_path: Path, cache: Path) -> Path:
    """Return the archive of Kafka in an image."""
    folder = tmp_path / "cds"
    folder.mkdir()
    (folder / "kafka.jsa").write_bytes(CONTENT)
    packed_archives.pack(folder, cache)
    return folder / "kafka.jsa"


def test_packed_archive_is_small_and_takes_no_place_in_the_cache(
    archive: Path, cache: Path
) -> None:
    """It is installed, and no JVM has needed it yet."""
    assert packed_archives.is_installed(archive)
    assert sum(path.stat().st_size for path in archive.parent.glob("*.zst")) < len(CONTENT) / 10
    assert list(cache.iterdir()) == []


def test_first_jvm_unpacks_the_archive(
    archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its option names the link, whose folder is a part of the class path's own root."""
    monkeypatch.setattr(runtime, "ARCHIVES", archive.parent)
    assert runtime.archive_options("kafka", archive.parent)[0].endswith("cds/kafka.jsa")
    assert archive.read_bytes() == CONTENT
    assert [path.suffix for path in cache.iterdir()] == [".jsa"]


def test_archive_of_an_earlier_image_is_deleted(archive: Path, cache: Path) -> None:
    """That of another service stays."""
    (cache / "kafka-000000000000.jsa").touch()
    (cache / "jobmanager-000000000000.jsa").touch()
    assert packed_archives.is_ready(archive)
    assert sorted(path.name for path in cache.iterdir()) == [
        "jobmanager-000000000000.jsa",
        archive.readlink().name,
    ]


def test_cache_that_cannot_be_written_is_no_error(
    archive: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The JVM starts without an archive, and the log says why it starts slowly."""
    cache.rmdir()
    with caplog.at_level(logging.WARNING):
        assert not packed_archives.is_ready(archive)
    assert "starts stay slower" in caplog.text


def test_interrupted_unpacking_leaves_nothing(archive: Path, cache: Path) -> None:
    """A part of an archive is never taken for one."""
    packed = archive.with_name(f"{archive.name}{packed_archives.SUFFIX}")
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(EOFError):
        packed_archives.is_ready(archive)
    assert list(cache.iterdir()) == []


def test_archive_of_a_checkout_is_used_where_it_is(tmp_path: Path) -> None:
    """Nothing is packed there."""
    plain = tmp_path / "kafka.jsa"
    assert not packed_archives.is_installed(plain)
    assert not packed_archives.is_ready(plain)
    plain.touch()
    assert packed_archives.is_installed(plain)
    assert packed_archives.is_ready(plain)
