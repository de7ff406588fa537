"""Harder simulated sales: what is simulated, and which alert belongs to which label."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from spaf.bench.detection.harder import (
    CASES,
    START_S,
    CaseResult,
    HarderCase,
    HarderResult,
    RateEpisode,
    is_of,
    simulate_case,
)
from spaf.generate.anomalies.ground_truth import SecondAlert
from spaf.generate.shop.assortment import CATEGORIES

CATEGORY = CATEGORIES[0]
EPISODE = RateEpisode(CATEGORY, 100, 200, rises=True)


def test_wrong_prices_are_labelled(tmp_path: Path) -> None:
    """A few of them, and the same for the same seed."""
    case = HarderCase("price x3", 50, 200, price_factor=3.0)
    labels, sales = simulate_case(case, 1, tmp_path / "one.json")
    assert sales == 10_000
    assert 5 < len(labels) < 50
    assert simulate_case(case, 1, tmp_path / "two.json") == (labels, sales)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_frequency_repeats_and_drops_sales(tmp_path: Path) -> None:
    """Only those of the category, only in its time."""

    def frequency(category: str, second: float) -> float:
        return (2.5 if second < 50 else 0.0) if category == CATEGORY else 1.0

    simulate_case(HarderCase("usual", 50, 100), 1, tmp_path / "usual.json")
    simulate_case(HarderCase("changed", 50, 100, frequency=frequency), 1, tmp_path / "changed.json")
    counts: dict[str, Counter[tuple[bool, bool]]] = {}
    for name in ("usual", "changed"):
        counts[name] = Counter()
        for line in (tmp_path / f"{name}.json").read_bytes().splitlines():
            sale = msgspec.json.decode(line)
            late = sale["append_ms"] >= (START_S + 50) * 1_000
            counts[name][sale["productCategory"] == CATEGORY, late] += 1
    usual, changed = counts["usual"], counts["changed"]
    assert changed[True, False] == pytest.approx(2.5 * usual[True, False], rel=0.1)
    assert changed[True, True] == 0
    assert (changed[False, False], changed[False, True]) == (
        usual[False, False],
        usual[False, True],
    )


@pytest.mark.parametrize(
    ("second", "kind", "is_found"),
    [
        (99, "surge", False),
        (100, "surge", True),
        (100, "drought", False),
        (319, "surge", True),
        (320, "surge", False),
        (40, "busy_minute", False),
        (60, "busy_minute", True),
        (60, "low_revenue", False),
    ],
)
def test_an_alert_belongs_to_an_episode_by_time_and_direction(
    second: int, kind: str, *, is_found: bool
) -> None:
    """A minute belongs to it from its last second on."""
    assert is_of(SecondAlert(START_S + second, CATEGORY, kind), EPISODE) is is_found
    assert not is_of(SecondAlert(START_S + second, CATEGORIES[1], kind), EPISODE)


def test_the_cases_are_told_apart() -> None:
    """By names; each is wrong prices or episodes, and episodes are within the case."""
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert (case.price_factor != 1) != bool(case.episodes)
        assert all(0 < episode.start_s < episode.end_s <= case.seconds for episode in case.episodes)


def test_a_result_is_a_row_a_case() -> None:
    """With what found the labels, and the false alerts."""
    case = CaseResult("drift", 10, 2.0, 1, 1, 1.0, (0.2, 1.0), {"surge": 1}, {})
    (table,) = HarderResult(1, [case]).tables()
    assert table.rows == [("drift", 10, "2.0", 1, 1, "1.00", "surge 1", "none")]
