"""The open-loop schedule: when each sale is due, whatever happened to the ones before it."""

from __future__ import annotations

from fractions import Fraction

MICROSECONDS = 1_000_000


class Schedule:
    """Sale k is due at `start + (k + offset) / rate`, rounded up to a whole microsecond.

    The times are computed from k alone, in integers: an hour late or a week on, none drifts, and
    a sale that was missed is not skipped but caught up with, at its own due time.
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

    def due(self, now_us: int, limit: int | None = None) -> range:
        """Take the sales that are due by now and were not taken before, at most `limit` of them."""
        passed = (now_us - self.start_us) * self._unit - self._first
        stop = max(self.next, passed // self._step + 1)
        if limit is not None:
            stop = min(stop, self.next + limit)
        taken = range(self.next, stop)
        self.next = stop
        return taken

    def retuned(self, now_us: int, rate: Fraction) -> Schedule:
        """Return the schedule that goes on from now at another rate.

        The part of a period that has passed stays passed, so changes in quick succession neither
        add sales nor hold them back; a sale that was due and not taken is due in the new one.
        """
        passed = Fraction(now_us - self.start_us, MICROSECONDS) * self.rate
        return Schedule(now_us, rate, self.next + self.offset - passed)
