"""The long-lived parts of the page, and the snapshot that they make together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from spaf.serve import wiring
from spaf.serve.run_info import RunInfo, Thresholds
from spaf.serve.wiring import PageServices

PATIENCE_S = 20.0
KEYS = ("outlier_score", "surge_score", "series_score")


def test_viewers_get_the_thresholds_of_an_upgraded_job(
    run_info: Callable[..., RunInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot holds them without a restart of the page, and is sent to open pages, too."""
    monkeypatch.setattr(wiring, "THRESHOLDS_INTERVAL_S", 0.01)
    present = [Thresholds(5.0, 4.5, 4.8)]

    async def follow() -> tuple[list[Any], list[Any], bool]:
        services = PageServices(run_info(thresholds=lambda: present[0]))
        following = asyncio.create_task(services.follow_thresholds())
        viewer = services.hub.join(None)
        services.hub.next(viewer)
        first = shown(services)
        await asyncio.sleep(0.05)
        was_left_alone = not viewer.needs_snapshot
        present[0] = Thresholds(6.0, 4.5, 4.8)
        await asyncio.wait_for(viewer.wait(), PATIENCE_S)
        assert viewer.needs_snapshot
        following.cancel()
        await services.close()
        return first, shown(services), was_left_alone

    first, second, was_left_alone = asyncio.run(follow())
    assert (first, second) == ([5.0, 4.5, 4.8], [6.0, 4.5, 4.8])
    assert was_left_alone


def shown(services: PageServices) -> list[Any]:
    """Return the thresholds of a snapshot."""
    run = services.snapshot()["run"]
    assert isinstance(run, dict)
    return [run[key] for key in KEYS]
