"""The result of a run of the load: a JSON file that the Locust process writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from spaf.errors import LoadError
from spaf.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

# Below this share of the rate, the run measured another load than the requested one.
MIN_ACHIEVED_SHARE = 0.99


class PublishDelay(msgspec.Struct, frozen=True):
    """Sent minus due over all sales, milliseconds; None without sales."""

    p50: float | None
    p99: float | None
    max: float | None


class LoadResult(msgspec.Struct, frozen=True):
    """The counts and times of one run.

    `intended` is the number of sales that came due; each was sent or refused by the producer's
    full queue, and each ends as `acked` or `failed`. `achieved_rate` is the acknowledged sales
    over the time that sending took, at least the requested time.
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
    # Processor time of the Locust process during the run, by all of its threads.
    cpu_s: float = 0.0
    # Whether it ran before ordinary processes.
    realtime: bool = False

    @property
    def cpu_cores(self) -> float:
        """Average number of cores that the generator used."""
        return self.cpu_s / self.duration_s if self.duration_s else 0.0

    @property
    def reasons(self) -> list[str]:
        """Why the run is invalid, so that no figures are reported; empty if it is valid."""
        reasons = []
        if self.failed:
            reasons.append(f"{self.failed} of {self.intended} sales failed")
        if self.acked < self.intended:
            reasons.append(f"only {self.acked} of {self.intended} sales were acknowledged")
        if self.achieved_rate < MIN_ACHIEVED_SHARE * self.rate:
            reasons.append(
                f"the generator fell behind: {self.achieved_rate:.1f} of {self.rate:g} sales/s"
            )
        return reasons

    @property
    def valid(self) -> bool:
        """Whether figures of the run may be reported."""
        return not self.reasons

    def write(self, path: Path) -> None:
        """Write the result as JSON."""
        write_atomically(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    @classmethod
    def read(cls, path: Path) -> LoadResult:
        """Read the result of a run.

        Raises:
            LoadError: the file is missing or holds something else.

        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as failure:
            raise LoadError(
                f"The load generator left no result in {path}: {failure}",
                todo="See its log for why it stopped early.",
            ) from None
