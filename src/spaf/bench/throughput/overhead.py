"""What the ledger and the detection cost over the aggregates alone, on one TaskManager, in one run.

The same topic is drained by jobs that write fewer and more of the tables, in turns, so that
whatever else the machine does falls on all of them. The first round runs code that is not compiled
yet and is not counted.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from spaf.bench.throughput.drain import Drain, Tell, drain
from spaf.job.build import ANSWERS
from spaf.stack.run import Run

ALONE = "aggregates"
ALL = "all"
# What each job writes.
JOBS = {
    ALONE: ("sales_summary",),
    "and ledger": ("sales_summary", "ledger_second"),
    "and sale outliers": ("sales_summary", "ledger_second", "sale_anomaly"),
    ALL: ANSWERS,
}


@dataclass(frozen=True)
class Overhead:
    """The drains of each job, the first round left out."""

    drains: dict[str, list[Drain]]

    def added_us(self, job: str) -> float:
        """Return what a job costs over the aggregates alone, microseconds an event."""
        return self.cpu_us(job) - self.cpu_us(ALONE)

    def cpu_us(self, job: str) -> float:
        """Return the median processor time of the TaskManager for an event, microseconds."""
        return statistics.median(one.cpu_us_per_event for one in self.drains[job])

    @property
    def exact(self) -> bool:
        """Return whether every drain was."""
        return all(one.exact for drains in self.drains.values() for one in drains)


def measure(session: Run, rounds: int, tell: Tell) -> Overhead:
    """Drain the topic by each job, `rounds` times and once more before.

    Raises:
        JobError: a job was refused or stopped.

    """
    drains: dict[str, list[Drain]] = {job: [] for job in JOBS}
    for number in range(rounds + 1):
        for job, answers in JOBS.items():
            found = drain(session, number, tell, answers)
            if number:
                drains[job].append(found)
    return Overhead(drains)
