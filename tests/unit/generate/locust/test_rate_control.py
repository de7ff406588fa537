"""The rate_control that all users of a test share."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from spaf.generate.locust.rate_control import IDLE_S, MAX_BATCH, MIN_WAIT_S, RateControl
from spaf.generate.shop.schedule import MICROSECONDS

START = 1_795_000_000_000_000


def crew(rate_control: RateControl, users: int) -> RateControl:
    """Return the rate control with this many users, all there at the start."""
    for _ in range(users):
        rate_control.join(START)
    return rate_control


@pytest.mark.parametrize(("users", "rate", "seconds"), [(100, 100, 10), (20, 20_000, 3), (1, 3, 7)])
def test_bounded_run_intends_exactly_rate_times_seconds(
    users: int, rate: int, seconds: int
) -> None:
    """The last sale is due strictly before the end, evenly after the one before it."""
    per_user = Fraction(rate, users)
    rate_control = RateControl(per_user, seconds=Fraction(seconds), expected_users=users)
    crew(rate_control, users)
    due = rate_control.take_due(START + 10**9, limit=None)
    assert len(due) == rate * seconds
    assert due[0] == START
    assert START + (seconds - 1) * MICROSECONDS < due[-1] < START + seconds * MICROSECONDS
    assert rate_control.done


def test_bounded_run_waits_for_its_last_user() -> None:
    """Nothing is due while users are still missing; the schedule starts with the last."""
    rate_control = crew(RateControl(Fraction(10), seconds=Fraction(1), expected_users=3), 2)
    assert rate_control.take_due(START + MICROSECONDS) == []
    rate_control.join(START + MICROSECONDS)
    assert rate_control.take_due(START + MICROSECONDS) == [START + MICROSECONDS]


def test_sales_are_evenly_spaced_whatever_the_number_of_users() -> None:
    """Four users of 25 a second are one stream of 100 a second."""
    rate_control = crew(RateControl(Fraction(25)), 4)
    due = rate_control.take_due(START + MICROSECONDS - 1)
    assert [moment - START for moment in due] == list(range(0, MICROSECONDS, 10_000))


def test_users_that_come_and_go_change_the_rate_at_once() -> None:
    """A second with two users, then a second with one: 2 + 1 sales a second, none twice."""
    rate_control = crew(RateControl(Fraction(1)), 2)
    first = rate_control.take_due(START + MICROSECONDS)
    rate_control.leave(START + MICROSECONDS)
    second = rate_control.take_due(START + 3 * MICROSECONDS)
    assert (len(first), len(second)) == (3, 2)


def test_new_rate_of_each_user_counts_from_now() -> None:
    """What a person types on the page holds from that moment on."""
    rate_control = crew(RateControl(Fraction(1)), 1)
    rate_control.take_due(START + MICROSECONDS)
    rate_control.set_per_user(START + MICROSECONDS, Fraction(10))
    assert len(rate_control.take_due(START + 2 * MICROSECONDS)) == 10


def test_closed_pace_has_nothing_due() -> None:
    """After Stop, users that are still leaving send nothing more."""
    rate_control = crew(RateControl(Fraction(100)), 2)
    rate_control.close(START + MICROSECONDS)
    rate_control.leave(START + MICROSECONDS)
    assert rate_control.take_due(START + 2 * MICROSECONDS) == []
    assert rate_control.seconds == 1.0


def test_everybody_gone_and_back_goes_on() -> None:
    """Without users nothing comes due; with the next one the sales go on."""
    rate_control = crew(RateControl(Fraction(1)), 1)
    rate_control.take_due(START)
    rate_control.leave(START)
    assert rate_control.take_due(START + 5 * MICROSECONDS) == []
    rate_control.join(START + 5 * MICROSECONDS)
    assert rate_control.take_due(START + 5 * MICROSECONDS) == [START + 5 * MICROSECONDS]


def test_catching_up_comes_in_handfuls() -> None:
    """A process that was held up sends its arrears without starving the delivery reports."""
    rate_control = crew(RateControl(Fraction(10_000)), 1)
    assert len(rate_control.take_due(START + MICROSECONDS)) == MAX_BATCH


def test_users_wait_for_different_sales() -> None:
    """Each user that asks claims the earliest slot that is not claimed, at least a tick away."""
    rate_control = crew(RateControl(Fraction(10)), 2)
    rate_control.take_due(START)
    assert rate_control.seconds_to_next_slot(START) == pytest.approx(0.05)
    assert rate_control.seconds_to_next_slot(START) == pytest.approx(0.10)
    assert rate_control.seconds_to_next_slot(START + 10 * MICROSECONDS) == MIN_WAIT_S
    assert RateControl(Fraction(1)).seconds_to_next_slot(START) == IDLE_S


def test_each_of_many_slow_users_waits_for_its_own_sale() -> None:
    """At 10 sales a second of 100 users the last waits 10 s, and every slot is claimed."""
    rate_control = RateControl(Fraction(1, 10), expected_users=100)
    for _ in range(100):
        rate_control.join(START)
    first = rate_control.schedule.next if rate_control.schedule else 0
    waits = [rate_control.seconds_to_next_slot(START) for _ in range(100)]
    due = [max((first + n) / 10, MIN_WAIT_S) for n in range(100)]
    assert waits == pytest.approx(due, abs=0.11)
    assert max(waits) > 9


def test_users_of_a_high_rate_wake_one_after_the_other() -> None:
    """Five users of 20,000 sales a second: one wakes each millisecond, and sends twenty."""
    rate_control = crew(RateControl(Fraction(4_000)), 5)
    rate_control.take_due(START)
    _, *waits = (rate_control.seconds_to_next_slot(START) for _ in range(5))
    steps = [later - earlier for earlier, later in pairwise(waits)]
    assert steps == pytest.approx([MIN_WAIT_S] * 3)
    rate_control.take_due(START + round(waits[0] * MICROSECONDS))
    assert len(rate_control.take_due(START + round(waits[1] * MICROSECONDS))) == 20


def test_a_process_that_was_held_up_finds_its_step_again() -> None:
    """All users wake at once; the first sends what is due, and they spread out again."""
    rate_control = crew(RateControl(Fraction(4_000)), 5)
    rate_control.take_due(START)
    for _ in range(5):
        rate_control.seconds_to_next_slot(START)
    late = START + 20_000
    rate_control.take_due(late)
    waits = [rate_control.seconds_to_next_slot(late) for _ in range(5)]
    assert waits == pytest.approx([MIN_WAIT_S * turn for turn in (1, 1, 2, 3, 4)], rel=0.1)
