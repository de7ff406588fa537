"""The status of a headless load, as the page reads it."""

from __future__ import annotations

import os
from pathlib import Path

from spaf import clock
from spaf.generate.locust import status_file
from spaf.generate.locust.protocol import LoadStatus

SELLS = LoadStatus("running", 100, 50.0, 10, 9, 0, "ab", (0.1, 2.0), 10)


def test_loads_that_sell_are_read(tmp_path: Path) -> None:
    """Not one that has stopped, one that was killed, a file of another form, or no folder."""
    for name in ("load-1", "load-2"):
        status_file.write(tmp_path / f"{name}{status_file.SUFFIX}", SELLS)
    stopped = LoadStatus("stopped", 0, 0.0, 10, 10, 0, "ab")
    status_file.write(tmp_path / f"load-3{status_file.SUFFIX}", stopped)
    (tmp_path / f"load-4{status_file.SUFFIX}").write_text("{")
    killed = tmp_path / f"load-5{status_file.SUFFIX}"
    status_file.write(killed, SELLS)
    then = clock.now_ms() / 1_000 - 2 * status_file.MAX_AGE_S
    os.utime(killed, (then, then))
    (tmp_path / "load-6.json").write_text("{}")
    assert [status for status, _ in status_file.read_all(tmp_path)] == [SELLS, SELLS]
    assert status_file.read_all(tmp_path / "none") == []


def test_a_status_that_is_read_again_is_as_old_as_it_is(tmp_path: Path) -> None:
    """Otherwise a load would seem to have sold nothing since the reading before."""
    file = tmp_path / f"load-1{status_file.SUFFIX}"
    status_file.write(file, SELLS)
    then = clock.now_us() / 1e6 - 2.0
    os.utime(file, (then, then))
    (first,), (second,) = status_file.read_all(tmp_path), status_file.read_all(tmp_path)
    assert clock.monotonic() - 3.0 < first.written_at <= clock.monotonic() - 1.9
    assert abs(first.written_at - second.written_at) <= 0.02
