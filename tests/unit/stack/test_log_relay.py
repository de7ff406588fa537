"""What the logs of a container's run gain goes to its output."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from spaf.stack import log_relay
from spaf.stack.log_relay import LogRelay


def append(file: Path, text: str) -> None:
    """Write as a service does."""
    with file.open("a") as log:
        log.write(text)


def test_whole_lines_are_copied_once_with_their_service(tmp_path: Path) -> None:
    """Not those of an earlier run, which the engine has already."""
    append(tmp_path / "serve.log", "of an earlier run\n")
    output = io.BytesIO()
    relay = LogRelay(tmp_path, output)
    append(tmp_path / "serve.log", "one\ntw")
    append(tmp_path / "quarantine.log", "three\n")
    relay.poll()
    append(tmp_path / "serve.log", "o\n")
    relay.poll()
    relay.poll()
    assert output.getvalue() == b"quarantine: three\nserve: one\nserve: two\n"


def test_log_that_is_begun_anew_is_copied_from_its_start(tmp_path: Path) -> None:
    """Each `spaf load` does so."""
    output = io.BytesIO()
    relay = LogRelay(tmp_path, output)
    append(tmp_path / "load.log", "a long line of the first load\n")
    relay.poll()
    (tmp_path / "load.log").write_text("second\n")
    relay.poll()
    assert output.getvalue().endswith(b"load: second\n")


def test_file_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's volume has no rotation of its own."""
    monkeypatch.setattr(log_relay, "MAX_FILE_BYTES", 8)
    output = io.BytesIO()
    relay = LogRelay(tmp_path, output)
    file = tmp_path / "serve.log"
    with file.open("a") as log:
        for line in ("first\n", "second\n", "third\n"):
            log.write(line)
            log.flush()
            relay.poll()
    assert output.getvalue() == b"serve: first\nserve: second\nserve: third\n"
    assert file.stat().st_size < 8


def test_folder_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    """The run goes on without the copies."""
    relay = LogRelay(tmp_path / "gone", io.BytesIO())
    relay.poll()
