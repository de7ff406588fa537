"""Many viewers at once: none is lost, and the page in the browser is right meanwhile.

What a viewer gets that does not keep up is tested in tests/integration/serve/test_wiring.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spaf import clock
from spaf.bench.page.sse_clients import SseClients
from spaf.bench.run.load import Load
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run

VIEWERS = 100


def test_a_hundred_viewers(
    run: Run, tab: Any, address: str, load: Callable[[float], Load], pause: Callable[[], None]
) -> None:
    """All of them get every second's news, none is lost, and the browser is right meanwhile."""
    headless = load(50)
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    with SseClients(address, VIEWERS) as clients:
        began = clock.monotonic()
        assert tab.until(lambda: clock.monotonic() - began > 5)
        found = clients.stop()
    assert (found.ready, found.lost) == (VIEWERS, 0)
    assert found.pushes >= VIEWERS * 5
    headless.stop()
    headless.result()
    pause()
    produced = sum(run.end_offsets().values())
    assert tab.until(lambda: tab.number("produced") == produced)
    memory, _ = resources(run.state().services["serve"])
    assert memory < 120
