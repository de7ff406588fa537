"""The pace that all users of a test share."""

from __future__ import annotations

from fractions import Fraction

import pytest

from spaf.generate.locust.rate_control import IDLE_SECONDS, MAX_BATCH, MIN_TICK_SECONDS, RateControl
from spaf.generate.shop.schedule import MICROSECONDS

START = 1_795_000_000_000_000


def crew(pace: RateControl, users: int) -> RateControl:
    """Return the pace with so many users, all there at the start."""
    for _ in range(users):
        pace.join(START)
    return pace


@pytest.mark.parametrize(("users", "rate", "seconds"), [(100, 100, 10), (20, 20_000, 3), (1, 3, 7)])
def test_bounded_run_intends_exactly_rate_times_seconds(
    users: int, rate: int, seconds: int
) -> None:
    """The last sale is due strictly before the end, evenly after the one before it."""
    pace = RateControl(Fraction(rate, users), seconds=Fraction(seconds), expected_users=users)
    crew(pace, users)
    due = pace.due(START + 10**9, limit=None)
    assert len(due) == rate * seconds
    assert due[0] == START
    assert START + (seconds - 1) * MICROSECONDS < due[-1] < START + seconds * MICROSECONDS
    assert pace.done


def test_bounded_run_waits_for_its_last_user() -> None:
    """Nothing is due while users are still missing; the schedule starts with the last."""
    pace = crew(RateControl(Fraction(10), seconds=Fraction(1), expected_users=3), 2)
    assert pace.due(START + MICROSECONDS) == []
    pace.join(START + MICROSECONDS)
    assert pace.due(START + MICROSECONDS) == [START + MICROSECONDS]


def test_sales_are_evenly_spaced_whatever_the_number_of_users() -> None:
    """Four users of 25 a second are one stream of 100 a second."""
    pace = crew(RateControl(Fraction(25)), 4)
    due = pace.due(START + MICROSECONDS - 1)
    assert [moment - START for moment in due] == list(range(0, MICROSECONDS, 10_000))


def test_users_that_come_and_go_change_the_rate_at_once() -> None:
    """A second with two users, then a second with one: 2 + 1 sales a second, none twice."""
    pace = crew(RateControl(Fraction(1)), 2)
    first = pace.due(START + MICROSECONDS)
    pace.leave(START + MICROSECONDS)
    second = pace.due(START + 3 * MICROSECONDS)
    assert (len(first), len(second)) == (3, 2)


def test_new_rate_of_each_user_counts_from_now() -> None:
    """What a person types on the page holds from that moment on."""
    pace = crew(RateControl(Fraction(1)), 1)
    pace.due(START + MICROSECONDS)
    pace.set_per_user(START + MICROSECONDS, Fraction(10))
    assert len(pace.due(START + 2 * MICROSECONDS)) == 10


def test_closed_pace_has_nothing_due() -> None:
    """After Stop, users that are still leaving send nothing more."""
    pace = crew(RateControl(Fraction(100)), 2)
    pace.close(START + MICROSECONDS)
    pace.leave(START + MICROSECONDS)
    assert pace.due(START + 2 * MICROSECONDS) == []
    assert pace.seconds == 1.0


def test_everybody_gone_and_back_goes_on() -> None:
    """Without users nothing comes due; with the next one the sales go on."""
    pace = crew(RateControl(Fraction(1)), 1)
    pace.due(START)
    pace.leave(START)
    assert pace.due(START + 5 * MICROSECONDS) == []
    pace.join(START + 5 * MICROSECONDS)
    assert pace.due(START + 5 * MICROSECONDS) == [START + 5 * MICROSECONDS]


def test_catching_up_comes_in_handfuls() -> None:
    """A process that was held up sends its arrears without starving the delivery reports."""
    pace = crew(RateControl(Fraction(10_000)), 1)
    assert len(pace.due(START + MICROSECONDS)) == MAX_BATCH


def test_users_wait_for_different_sales() -> None:
    """Each user that asks waits for the next sale that nobody waits for, at least a tick."""
    pace = crew(RateControl(Fraction(10)), 2)
    pace.due(START)
    assert pace.turn_seconds(START) == pytest.approx(0.05)
    assert pace.turn_seconds(START) == pytest.approx(0.10)
    assert pace.turn_seconds(START + 10 * MICROSECONDS) == MIN_TICK_SECONDS
    assert RateControl(Fraction(1)).turn_seconds(START) == IDLE_SECONDS


def test_each_of_many_slow_users_waits_for_its_own_sale() -> None:
    """At 10 sales a second of 100 users the last waits 10 s, and no sale is left to nobody."""
    pace = RateControl(Fraction(1, 10), expected_users=100)
    for _ in range(100):
        pace.join(START)
    first = pace.schedule.next if pace.schedule else 0
    waits = [pace.turn_seconds(START) for _ in range(100)]
    due = [max((first + n) / 10, MIN_TICK_SECONDS) for n in range(100)]
    assert waits == pytest.approx(due, abs=0.11)
    assert max(waits) > 9
