"""The series of a chart against a plain recount of its rows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.serve.sales import charts
from spaf.serve.sales.charts import MAX_BUCKETS, MAX_LINES, MAX_RANGE_S, STEPS, ChartRange
from spaf.serve.sales.rollup import MINUTE_S, REST, Rollup, SecondRow

NOW = 1_763_800_021

rows = st.lists(
    st.builds(
        lambda second, category, currency, sales: SecondRow(
            second, category, currency, sales, sales, sales * 7, 0
        ),
        second=st.integers(NOW - 300, NOW),
        category=st.sampled_from([f"c{n}" for n in range(MAX_LINES + 4)]),
        currency=st.sampled_from(["BRL", "USD"]),
        sales=st.integers(1, 9),
    ),
    max_size=60,
    unique_by=lambda row: row[:3],
)


@given(st.integers(0, 2**40), st.integers(1, MAX_RANGE_S))
def test_a_range_is_covered_by_whole_buckets(begin: int, span: int) -> None:
    """Not too many of them, and a day by the minute."""
    found = ChartRange.over(begin, begin + span)
    assert found.step in STEPS
    assert found.begin % found.step == found.end % found.step == 0
    assert found.begin <= begin < begin + span <= found.end
    assert found.begin > begin - found.step
    assert found.end < begin + span + found.step
    assert found.count <= max(MAX_BUCKETS + 1, MAX_RANGE_S // MINUTE_S + 1)


@pytest.mark.parametrize(
    ("span", "step"), [(60, 1), (600, 1), (900, 2), (3_600, 10), (86_400, 60), (90_000, 60)]
)
def test_the_usual_ranges_have_these_steps(span: int, step: int) -> None:
    """A minute and a quarter of an hour by the second, or two; a day by the minute."""
    assert ChartRange.over(NOW, NOW + span).step == step


@given(rows, st.integers(1, 300), st.sampled_from(["BRL", "USD", "EUR"]))
def test_nothing_is_lost_on_the_way_into_a_chart(
    sold: list[SecondRow], span: int, currency: str
) -> None:
    """Sales of all currencies, money of one; few lines, and what is in none of them in the last."""
    asked = ChartRange.over(NOW - span, NOW)
    memory = Rollup()
    memory.load(sold, [], NOW - 600, NOW - 600)
    found = charts.from_memory(memory, asked, currency).wire()
    names = found["categories"]
    assert isinstance(names, list)
    assert len(names) <= MAX_LINES
    inside = [row for row in sold if asked.begin <= row.second < asked.end]
    for name, of in (("sales", None), ("money", currency)):
        lines = found[name]
        assert isinstance(lines, list)
        recount: Counter[int] = Counter()
        for row in inside:
            bucket = (row.second - asked.begin) // asked.step
            recount[bucket] += row.sales if of is None else row.cents * (row.currency == of)
        columns = [sum(column) for column in zip(*lines, strict=True)]
        assert columns == [recount[n] for n in range(asked.count)][: len(columns)]
        assert all(len(line) == asked.count for line in lines)
    largest = {name: sum(r.sales for r in inside if r.category == name) for name in names}
    shown = [largest[name] for name in names if name != REST]
    assert shown == sorted(shown, reverse=True)


def test_minutes_and_seconds_agree() -> None:
    """A coarse chart has the sums of a fine one."""
    sold = [SecondRow(NOW - n, "books", "BRL", n, n, n, 0) for n in range(1, 200)]
    memory = Rollup()
    memory.load(sold, [], NOW // 60 * 60 - 600, NOW // 60 * 60 - 600)
    fine = charts.from_memory(
        memory, ChartRange(NOW // 60 * 60 - 240, NOW // 60 * 60, 1), "BRL"
    ).wire()
    coarse = charts.from_memory(
        memory, ChartRange(NOW // 60 * 60 - 240, NOW // 60 * 60, 60), "BRL"
    ).wire()
    for name in ("sales", "money"):
        (seconds,), (minutes,) = fine[name], coarse[name]  # type: ignore[misc]
        assert [sum(seconds[n : n + 60]) for n in range(0, 240, 60)] == minutes  # type: ignore[has-type]


def test_what_memory_holds_depends_on_the_grain() -> None:
    """Seconds for an hour, minutes for a day."""
    memory = Rollup()
    memory.load([], [], NOW - 3_600, NOW - 90_000)
    assert charts.in_memory(memory, ChartRange(NOW - 3_600, NOW, 10))
    assert not charts.in_memory(memory, ChartRange(NOW - 3_700, NOW, 10))
    assert charts.in_memory(memory, ChartRange(NOW - 86_400, NOW, 60))
    assert not charts.in_memory(memory, ChartRange(NOW - 100_000, NOW, 60))


def test_the_smallest_of_many_are_one_line() -> None:
    """Those without money in the chart's currency, too."""
    sold = [
        SecondRow(NOW, f"c{n:03}", "USD" if n > MAX_LINES else "BRL", 100 - n, 1, 10, 0)
        for n in range(MAX_LINES + 10)
    ]
    memory = Rollup()
    memory.load(sold, [], NOW - 60, NOW - 60)
    found = charts.from_memory(memory, ChartRange(NOW, NOW + 1, 1), "BRL").wire()
    assert found["categories"] == [*(f"c{n:03}" for n in range(MAX_LINES - 1)), REST]
    assert sum(line[0] for line in found["sales"]) == sum(row.sales for row in sold)  # type: ignore[attr-defined]
    assert sum(line[0] for line in found["money"]) == 10 * (MAX_LINES + 1)  # type: ignore[attr-defined]
