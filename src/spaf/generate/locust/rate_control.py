"""Rate control of a test: all users share one schedule, and each adds to its rate."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from spaf.generate.shop.schedule import MICROSECONDS, Schedule

if TYPE_CHECKING:
    from fractions import Fraction

# Shortest wait of a user, and between two users that wake, seconds. To wake a user costs as much as
# to send ten sales, and so does each request to the broker: higher rates lead to larger batches.
MIN_WAIT_S = 0.001
# Wait of a user without a slot, seconds; a change of the rate wakes it earlier.
IDLE_S = 1.0
# Sales that are sent in a row (about 2 ms) before delivery reports are fetched.
MAX_BATCH = 500


class RateControl:
    """The due sales of `users` users with `per_user` sales a second each.

    With `seconds` the run is bounded: it begins when `expected_users` have joined, and its last
    sale is due strictly before the end. Without, the rate follows the users that join and leave.

    The users share one schedule, so the sales are evenly spaced for any number of users.
    """

    def __init__(
        self, per_user: Fraction, *, seconds: Fraction | None = None, expected_users: int = 1
    ) -> None:
        """Start without users; nothing is due."""
        self.per_user = per_user
        self.users = 0
        self.schedule: Schedule | None = None
        self.start_us: int | None = None
        self._closed_us: int | None = None
        self._seconds = seconds
        self._expected = expected_users
        self._limit_us: int | None = None
        # The first slot that another user may wait for.
        self._unclaimed = 0

    @property
    def rate(self) -> Fraction:
        """Sales a second of the present users."""
        return self.users * self.per_user

    @property
    def done(self) -> bool:
        """Whether every sale of a bounded run has been taken."""
        schedule, limit = self.schedule, self._limit_us
        return schedule is not None and limit is not None and schedule.due_us(schedule.next) > limit

    @property
    def seconds(self) -> float:
        """Length of the run: the requested one, or else from its start until it was closed."""
        if self.done and self._seconds is not None:
            return float(self._seconds)
        if self.start_us is None or self._closed_us is None:
            return 0.0
        return (self._closed_us - self.start_us) / MICROSECONDS

    def join(self, now_us: int) -> None:
        """Add a user."""
        self.users += 1
        self._retune(now_us)

    def leave(self, now_us: int) -> None:
        """Remove a user."""
        self.users -= 1
        self._retune(now_us)

    def set_per_user(self, now_us: int, per_user: Fraction) -> None:
        """Change the sales a second of each user."""
        self.per_user = per_user
        self._retune(now_us)

    def close(self, now_us: int) -> None:
        """End the schedule; users may still join or leave."""
        self._closed_us = now_us

    def take_due(self, now_us: int, limit: int | None = MAX_BATCH) -> list[int]:
        """Take the sales that are due by now, at most `limit`, and return their due times."""
        schedule = self.schedule
        if schedule is None or self._closed_us is not None:
            return []
        if self._limit_us is not None:
            now_us = min(now_us, self._limit_us)
        return [schedule.due_us(k) for k in schedule.take_due(now_us, limit)]

    def seconds_to_next_slot(self, now_us: int) -> float:
        """Claim the earliest slot MIN_WAIT_S after those of other users; return seconds until then.

        The slots in between are due when that user wakes, so one user sends them all.
        """
        schedule = self.schedule
        if schedule is None or self._closed_us is not None or self.done:
            return IDLE_S
        slot = max(self._unclaimed, schedule.next)
        self._unclaimed = slot + ceil(MIN_WAIT_S * schedule.rate)
        wait = (schedule.due_us(slot) - now_us) / MICROSECONDS
        # Without an upper limit: a user that wakes earlier would claim another slot, and no user
        # would wait for this one.
        return max(wait, MIN_WAIT_S)

    def _retune(self, now_us: int) -> None:
        """Continue the schedule from now at the present rate."""
        if self._closed_us is not None or self._is_fixed():
            return
        self._unclaimed = 0
        if not self.users:
            self.schedule = None
        elif self.schedule is not None:
            self.schedule = self.schedule.retuned(now_us, self.rate)
        else:
            self._begin(now_us)

    def _is_fixed(self) -> bool:
        """Return whether the run is bounded and users no longer, or not yet, affect its rate."""
        if self._seconds is None:
            return False
        return self.schedule is not None or self.users < self._expected

    def _begin(self, now_us: int) -> None:
        self.schedule = Schedule(now_us, self.rate)
        self.start_us = self.start_us or now_us
        if self._seconds is not None:
            self._limit_us = now_us + int(self._seconds * MICROSECONDS) - 1
