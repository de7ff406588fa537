"""The open-loop schedule: the due time of each sale, independent of earlier sales."""

from __future__ import annotations

from fractions import Fraction

MICROSECONDS = 1_000_000


class Schedule:
    """Sale k is due at `start + (k + offset) / rate`, rounded up to a whole microsecond.

    The times are computed from k alone, in integers, so they never drift. A sale that was not sent
    in time is not skipped: it is sent later, with its own due time.
    """

    def __init__(self, start_us: int, rate: Fraction, offset: Fraction = Fraction(0)) -> None:
        """Begin at `start_us` with `rate` sales a second, the first one `offset` periods later."""
        self.start_us = start_us
        self.rate = rate
        self.offset = offset
        self.next = 0
        period = MICROSECONDS / rate
        # (k + offset) * period over one denominator: (k * step + first) / unit
        self._step = period.numerator * offset.denominator
        self._first = period.numerator * offset.numerator
        self._unit = period.denominator * offset.denominator

    def due_us(self, k: int) -> int:
        """Return when sale k is due, epoch microseconds."""
        return self.start_us - (-(k * self._step + self._first) // self._unit)

    def take_due(self, now_us: int, limit: int | None = None) -> range:
        """Take the sales that are due by now and not yet taken, at most `limit`."""
        passed = (now_us - self.start_us) * self._unit - self._first
        stop = max(self.next, passed // self._step + 1)
        if limit is not None:
            stop = min(stop, self.next + limit)
        taken = range(self.next, stop)
        self.next = stop
        return taken

    def retuned(self, now_us: int, rate: Fraction) -> Schedule:
        """Return the schedule that continues from now at another rate.

        The elapsed part of the present period counts, so quick successive changes neither add nor
        delay sales. A sale that was due and not taken is due in the new schedule.
        """
        passed = Fraction(now_us - self.start_us, MICROSECONDS) * self.rate
        return Schedule(now_us, rate, self.next + self.offset - passed)
