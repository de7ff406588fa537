"""The pace of a test: all users share one schedule, each adding its sales a second to the rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaf.generate.shop.schedule import MICROSECONDS, Schedule

if TYPE_CHECKING:
    from fractions import Fraction

# A user looks no more often than this: waking costs about as much as sending, so from here on a
# higher rate makes larger handfuls instead of more waking. Seconds.
MIN_TICK_SECONDS = 0.001
# Nothing is due for a user soon; a change of pace wakes it. Seconds.
IDLE_SECONDS = 1.0
# Sales sent in one go when catching up (about 2 ms), before delivery reports get a turn.
MAX_BATCH = 500


class RateControl:
    """Which sales are due, for `users` users of `per_user` sales a second each.

    With a number of `seconds` the run is bounded: it waits for its `expected_users`, begins when
    the last has come, and its last sale is due strictly before the seconds are over. Without, it
    follows the users that come and go.

    The users share one schedule, so the sales are evenly spaced whatever the number of users.
    """

    def __init__(
        self, per_user: Fraction, *, seconds: Fraction | None = None, expected_users: int = 1
    ) -> None:
        """Stand still until users join."""
        self.per_user = per_user
        self.users = 0
        self.schedule: Schedule | None = None
        self.start_us: int | None = None
        self._closed_us: int | None = None
        self._seconds = seconds
        self._expected = expected_users
        self._limit_us: int | None = None
        self._claimed = -1

    @property
    def rate(self) -> Fraction:
        """Sales a second that the users present stand for."""
        return self.users * self.per_user

    @property
    def done(self) -> bool:
        """Whether every sale of a bounded run has been taken."""
        schedule, limit = self.schedule, self._limit_us
        return schedule is not None and limit is not None and schedule.due_us(schedule.next) > limit

    @property
    def seconds(self) -> float:
        """Length of the run: as long as was asked for, or until it was closed."""
        if self.done and self._seconds is not None:
            return float(self._seconds)
        if self.start_us is None or self._closed_us is None:
            return 0.0
        return (self._closed_us - self.start_us) / MICROSECONDS

    def join(self, now_us: int) -> None:
        """Count a user in."""
        self.users += 1
        self._retune(now_us)

    def leave(self, now_us: int) -> None:
        """Count a user out."""
        self.users -= 1
        self._retune(now_us)

    def set_per_user(self, now_us: int, per_user: Fraction) -> None:
        """Change what each user adds to the rate."""
        self.per_user = per_user
        self._retune(now_us)

    def close(self, now_us: int) -> None:
        """Let nothing come due any more, whoever still joins or leaves."""
        self._closed_us = now_us

    def due(self, now_us: int, limit: int | None = MAX_BATCH) -> list[int]:
        """Take the due times of the sales that are due by now."""
        schedule = self.schedule
        if schedule is None or self._closed_us is not None:
            return []
        if self._limit_us is not None:
            now_us = min(now_us, self._limit_us)
        return [schedule.due_us(k) for k in schedule.due(now_us, limit)]

    def turn_seconds(self, now_us: int) -> float:
        """Return how long the asking user may wait: until the first sale no other waits for."""
        schedule = self.schedule
        if schedule is None or self._closed_us is not None or self.done:
            return IDLE_SECONDS
        self._claimed = max(self._claimed + 1, schedule.next)
        wait = (schedule.due_us(self._claimed) - now_us) / MICROSECONDS
        # However far off: who looked earlier would claim another sale and leave this one to nobody.
        return max(wait, MIN_TICK_SECONDS)

    def _retune(self, now_us: int) -> None:
        """Go on from now at the rate that the users stand for."""
        if self._closed_us is not None or self._fixed():
            return
        self._claimed = -1
        if not self.users:
            self.schedule = None
        elif self.schedule is not None:
            self.schedule = self.schedule.retuned(now_us, self.rate)
        else:
            self._begin(now_us)

    def _fixed(self) -> bool:
        """Return whether a bounded run waits for its users, or has begun and stays as it is."""
        if self._seconds is None:
            return False
        return self.schedule is not None or self.users < self._expected

    def _begin(self, now_us: int) -> None:
        self.schedule = Schedule(now_us, self.rate)
        self.start_us = self.start_us or now_us
        if self._seconds is not None:
            self._limit_us = now_us + int(self._seconds * MICROSECONDS) - 1
