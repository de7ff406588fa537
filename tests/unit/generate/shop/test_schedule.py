"""The open-loop schedule: exact, complete, without drift."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from spaf.generate.shop.schedule import MICROSECONDS, Schedule

START = 1_795_000_000_000_000
WEEK_US = 7 * 24 * 3_600 * MICROSECONDS

rates = st.fractions(min_value=Fraction(1, 100), max_value=100_000, max_denominator=1_000)
offsets = st.fractions(min_value=0, max_value=1, max_denominator=1_000)
moments = st.lists(st.integers(0, WEEK_US), min_size=1, max_size=20).map(sorted)


@given(rates, offsets, st.integers(0, WEEK_US))
def test_number_due_is_the_floor_rule(rate: Fraction, offset: Fraction, elapsed: int) -> None:
    """By any time, sale k is due exactly if start + (k + offset) / rate has passed."""
    due = Schedule(START, rate, offset).take_due(START + elapsed)
    expected = max(0, (Fraction(elapsed, MICROSECONDS) * rate - offset).__floor__() + 1)
    assert len(due) == expected


@given(rates, offsets, moments)
def test_each_sale_is_taken_once_and_in_order(
    rate: Fraction, offset: Fraction, elapsed: list[int]
) -> None:
    """However often one looks, the sales taken are 0, 1, 2, ... without a gap or a repeat."""
    schedule = Schedule(START, rate, offset)
    at = 0
    for moment in elapsed:
        due = schedule.take_due(START + moment)
        assert due.start == at
        at = due.stop


@given(rates, offsets, st.integers(0, 10**9))
def test_due_time_is_exact_at_any_distance(rate: Fraction, offset: Fraction, k: int) -> None:
    """Sale k is due within the microsecond of its exact time, even the billionth."""
    exact = START + (k + offset) * MICROSECONDS / rate
    assert 0 <= Schedule(START, rate, offset).due_us(k) - exact < 1


@given(rates, offsets, st.integers(0, 10**6))
def test_due_and_due_us_agree(rate: Fraction, offset: Fraction, k: int) -> None:
    """A sale is taken at its due time, and not a microsecond before."""
    moment = Schedule(START, rate, offset).due_us(k)
    assert k in Schedule(START, rate, offset).take_due(moment)
    assert k not in Schedule(START, rate, offset).take_due(moment - 1)


@given(st.lists(st.tuples(st.integers(0, 10**7), rates), min_size=1, max_size=8))
def test_changing_the_rate_neither_loses_nor_doubles(changes: list[tuple[int, Fraction]]) -> None:
    """Through any changes of rate, the sales due are those of the rates' integral over time."""
    schedule, now, taken, integral = Schedule(START, Fraction(5)), START, 0, Fraction(0)
    for pause, rate in changes:
        now += pause
        integral += Fraction(pause, MICROSECONDS) * schedule.rate
        taken += len(schedule.take_due(now))
        assert taken == integral.__floor__() + 1
        schedule = schedule.retuned(now, rate)
        assert len(schedule.take_due(now)) == 0


def test_sales_not_taken_before_a_change_are_due_after_it() -> None:
    """A change of rate before the due sales were taken hands them on."""
    late = Schedule(START, Fraction(10)).retuned(START + MICROSECONDS, Fraction(1))
    assert len(late.take_due(START + MICROSECONDS)) == 11


def test_limit_leaves_the_rest_for_the_next_look() -> None:
    """Catching up in handfuls takes every sale all the same."""
    schedule = Schedule(START, Fraction(1_000))
    now = START + MICROSECONDS - 1
    assert schedule.take_due(now, limit=600) == range(600)
    assert schedule.take_due(now, limit=600) == range(600, 1_000)
