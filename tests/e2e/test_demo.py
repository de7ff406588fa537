"""`spaf demo`: from nothing to a verdict and back to nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from spaf.errors import BrowserError
from spaf.measure.browser import find
from spaf.settings import Settings
from spaf.stack.ports import is_free

Done = subprocess.CompletedProcess[str]


# Start, ten seconds of sales, verification and stop, with other tests on two cores.
@pytest.mark.timeout(180)
def test_demo_proves_itself_and_leaves_nothing_running(
    spaf: Callable[..., Done],
    answer: Callable[[Done], Any],
    small_settings: Settings,
    tmp_path: Path,
) -> None:
    """One JSON object: sales were made, each is accounted for, the tables are exact."""
    names = ("KAFKA", "FLINK", "POSTGRES", "LOCUST", "SERVE")
    ports = [small_settings.kafka.port + 10 + n for n in range(len(names))]
    settings = {f"SPAF_{name}__PORT": str(port) for name, port in zip(names, ports, strict=True)}
    settings["SPAF_FLINK__HEARTBEAT_TIMEOUT_S"] = str(small_settings.flink.heartbeat_timeout_s)
    # Where there is no browser, the tests of the page say so; the rest is tested nevertheless.
    screen = ["--screen"] if browser() else []
    words = ("demo", "--for", "10", "--rate", "100", "--json", *screen)
    found = answer(spaf(tmp_path, *words, **settings))
    assert found["exact"] is True
    assert found["valid"] is True, found["reasons"]
    assert found["unaccounted"] == 0
    assert found["produced"] > 0
    assert found["produced"] == found["acked"]
    assert found["produced"] == found["accepted"] + found["late"] + found["rejected"]
    assert found["start_seconds"] > 0
    assert found["rss_mib"] > 100
    store = found["latency_ms"]["store"]
    assert 0 < store["p50"] <= store["p90"] <= store["p99"] <= store["max"]
    if screen:
        painted = found["latency_ms"]["screen"]
        assert painted["count"] == store["count"]
        assert store["p50"] < painted["p50"] <= painted["p99"] <= painted["max"]
        assert found["screen"]["frames_per_second"]["median"] > 1
        assert found["screen"]["heap_mib"] > 1

    # The run has ended; its services are started for the proof alone, and stopped again.
    again = answer(spaf(tmp_path, "verify", "--json", **settings))
    assert (again["exact"], again["formulations_agree"]) == (True, True)
    assert again["records"] == found["produced"]
    assert again["open"] == 0

    assert [line for line in map(" ".join, command_lines()) if str(tmp_path) in line] == []
    assert [port for port in ports if not is_free(port)] == []
    wiped = spaf(tmp_path, "down", "--wipe", **settings)
    assert "Nothing was running." in wiped.stderr
    assert list(tmp_path.iterdir()) == []


def browser() -> bool:
    """Say whether there is a browser to measure the page in."""
    try:
        find(None)
    except BrowserError:
        return False
    return True


def command_lines() -> Iterator[list[str]]:
    """Yield the command line of every process of this machine."""
    for process in psutil.process_iter(["cmdline"]):
        yield process.info["cmdline"] or []
