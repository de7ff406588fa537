"""What one run of the load came to: written by the Locust process, read by who started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from spaf.errors import LoadError
from spaf.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

# A generator that reached less of its rate measured another load than the one asked for.
SMALLEST_ACHIEVED = 0.99


class PublishDelay(msgspec.Struct, frozen=True):
    """Sent minus due, over every sale, milliseconds; None if nothing was sent."""

    p50: float | None
    p99: float | None
    max: float | None


class LoadResult(msgspec.Struct, frozen=True):
    """The counts and times of one run.

    `intended` is the number of sales that came due; each was sent or refused by the producer's
    full queue, and each ends as `acked` or `failed`. `achieved_rate` is what was acknowledged
    over the time that sending took, at least the time asked for.
    """

    intended: int
    sent: int
    acked: int
    failed: int
    rate: float
    achieved_rate: float
    duration_s: float
    publish_delay_ms: PublishDelay
    first_intended_us: int | None
    last_intended_us: int | None
    seed: int
    run_id: str

    @property
    def reasons(self) -> list[str]:
        """What makes the run unfit to report figures from; nothing if it is fit."""
        found = []
        if self.failed:
            found.append(f"{self.failed} of {self.intended} sales failed")
        if self.acked < self.intended:
            found.append(f"only {self.acked} of {self.intended} sales were acknowledged")
        if self.achieved_rate < SMALLEST_ACHIEVED * self.rate:
            found.append(
                f"the generator fell behind: {self.achieved_rate:.1f} of {self.rate:g} sales/s"
            )
        return found

    @property
    def valid(self) -> bool:
        """Whether the run did what was asked."""
        return not self.reasons

    def write(self, path: Path) -> None:
        """Write the result as JSON."""
        write_atomically(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    @classmethod
    def read(cls, path: Path) -> LoadResult:
        """Return the result that a run wrote.

        Raises:
            LoadError: the run wrote none, or something else is in the file.

        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as failure:
            raise LoadError(
                f"The load generator left no result in {path}: {failure}",
                todo="See its log for why it stopped early.",
            ) from None
