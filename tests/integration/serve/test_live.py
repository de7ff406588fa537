"""What a viewer sees of real tables: rows as they change, and the same again after every cut."""

from __future__ import annotations

from typing import Any

from spaf import clock

PATIENCE_S = 30.0
# Far above the few milliseconds of a quiet machine.
SOON_S = 2.0


def test_a_changed_row_is_pushed(page: Any, ear: Any) -> None:
    """With its absolute values, money in whole cents, and the running sums."""
    now = clock.now_ms() // 1_000
    viewer = ear(page)
    page.sell(now, "books", 1, "3.50")
    page.sell(now, "books", 3, "10.01")
    assert viewer.hears(lambda v: v.rows() == {(now, "books", "BRL"): [3, 6, "1001"]})
    assert viewer.sums() == {"BRL": [3, 6, "1001"]}
    assert viewer.kinds()[0] == "snapshot"


def test_a_viewer_that_joins_later_sees_the_same(page: Any, ear: Any) -> None:
    """From the snapshot: rows, sums, categories."""
    now = clock.now_ms() // 1_000
    first = ear(page)
    for second, category in ((now, "books"), (now - 1, "toys"), (now - 1_000, "old")):
        page.sell(second, category, 2, "5.00")
    assert first.hears(lambda v: len(v.rows()) == 3)
    second = ear(page)
    assert second.hears(lambda v: bool(v.events))
    (_, kind, data), *_ = second.events
    assert kind == "snapshot"
    assert {row[1] for row in data["rows"]} == {"books", "toys"}
    assert data["sums"] == {"BRL": [6, 12, "1500"]}
    assert data["run"]["categories"] == ["books", "old", "toys"]
