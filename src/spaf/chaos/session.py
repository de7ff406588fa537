"""One run under load: faults are made in it one after the other, and it ends with a proof."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Self

import msgspec
import psycopg

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.load import Load, offered
from spaf.bench.run.verdict import verify
from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.chaos.growth import GrowthSampler
from spaf.chaos.observer import Rows, RunObserver, first_said
from spaf.chaos.outcome import FaultOutcome, not_made
from spaf.chaos.plan import PlannedFault
from spaf.errors import SpafError, StackError
from spaf.generate.locust import status_file
from spaf.generate.locust.load_result import LoadResult
from spaf.stack import process
from spaf.stack.run import Run
from spaf.topic import admin
from spaf.topic.range_reader import read_batches
from spaf.verify import Verdict

# A fault that has not taken place within this never will, seconds.
HAPPENS_S = 15.0
# Rows and status must be well for this long: a service that was killed a moment ago has rows that
# are still fresh for two seconds.
WELL_S = 3.0
# A run that is not well again by then does not recover by itself: four times the slowest recovery
# on a busy machine, and less than a person would wait.
RECOVERY_TIMEOUT_S = 150.0
# From the first sale of the load to current rows, on a busy machine, seconds.
FIRST_ROWS_S = 90.0
# Longer than any plan: the load is stopped, it never ends by itself.
LOAD_S = 7 * 86_400.0
# What the database and the system raise in a fault of their own.
PROBLEMS = (SpafError, OSError, psycopg.Error)


class Proof(msgspec.Struct, frozen=True):
    """The proof of a run whose load has ended."""

    acked: int
    failed: int
    lost: int
    records: int
    differences: int
    exact: bool
    error: str = ""

    @classmethod
    def missing(cls, error: str) -> Self:
        """Return that there is none, and why."""
        return cls(0, 0, 0, 0, 0, exact=False, error=error)


class Counts(NamedTuple):
    """What is compared before and after a fault."""

    late: int
    failed: int


class ChaosSession(AbstractContextManager["ChaosSession"]):
    """A run that is up, its load, and those who watch it."""

    def __init__(
        self,
        scene: Scene,
        kinds: Mapping[str, FaultKind],
        repeat: Callable[[int], str],
        *,
        verify_share: float,
        soak: bool = False,
    ) -> None:
        """Start nothing yet.

        Args:
            scene: the run, and how it is started again.
            kinds: of faults, by name.
            repeat: returns the command that makes the fault with a number again.
            verify_share: of the time since the last verification that one may take; one that
                would take longer is left to a later fault.
            soak: the run is long; it is sampled.

        """
        self._scene, self._kinds, self._repeat = scene, kinds, repeat
        self._run = scene.run
        self._observer = RunObserver(scene.run)
        self._rows = Rows(scene.run)
        self._begin = 0
        self._load: Load | None = None
        self._lost = 0
        self._verified_at = clock.monotonic()
        self._verify_took_s = 0.0
        self._verify_share = verify_share
        self.growth = GrowthSampler(scene.run.home, active=soak)

    def __enter__(self) -> Self:
        """Start the load, and wait for its first rows.

        Raises:
            StackError: there are none.

        """
        run = self._run
        self._begin = sum(run.end_offsets().values())
        self._load = Load(run, offered(run), rate=self._scene.rate, seconds=LOAD_S)
        self._observer.__enter__()
        if not process.wait_until(lambda: self._well_since(0.0) is not None, FIRST_ROWS_S):
            self.__exit__()
            raise StackError("The run was not well before the first fault: see `spaf logs`.")
        return self

    def __exit__(self, *_: object) -> None:
        """End what was started."""
        if self._load is not None:
            self._load.stop()
        self._observer.__exit__()
        self._rows.close()

    @property
    def records(self) -> int:
        """How many records the topic has."""
        return sum(self._run.end_offsets().values())

    def make(self, planned: PlannedFault, progress: Progress) -> FaultOutcome:
        """Make a fault, wait until all is well again, and verify."""
        kind, repeat = self._kinds[planned.kind], self._repeat(planned.number)
        problem = kind.unavailable()
        if problem:
            return not_made(planned, problem, repeat)
        fault = kind.make(self._scene, planned.target)
        before, began = self._counts(), clock.monotonic()
        progress(f"{planned.name}: made")
        problem = self._inject(fault, planned, began)
        lifted = clock.monotonic()
        if problem:
            self._wait_until_well(began, lifted)
            return not_made(planned, problem, repeat)
        progress(f"{planned.name}: waiting for current rows")
        outcome = self._recovered(planned, began, lifted)
        progress(f"{planned.name}: verifying")
        return self._proven(msgspec.structs.replace(outcome, repeat=repeat), before)

    def rest(self, seconds: float) -> None:
        """Let the run go on without a fault."""
        until = clock.monotonic() + seconds
        while clock.monotonic() < until:
            self.growth.sample_if_due()
            clock.sleep(process.POLL_S)

    def _inject(self, fault: Fault, planned: PlannedFault, began: float) -> str:
        """Inject, hold and lift; return why the fault has not happened, or could not be lifted."""
        problem = ""
        try:
            fault.inject()
            if not process.wait_until(fault.happened, HAPPENS_S):
                problem = "it was injected, but nothing happened"
            while not problem and clock.monotonic() < began + planned.hold_s:
                self.growth.sample_if_due()
                clock.sleep(process.POLL_S)
        except PROBLEMS as error:
            problem = problem_of(error)
        finally:
            try:
                fault.lift()
            except PROBLEMS as error:
                problem = f"it could not be lifted: {problem_of(error)}"
        return problem

    def _recovered(self, planned: PlannedFault, began: float, lifted: float) -> FaultOutcome:
        """Wait until rows are current and the status is well; return what was seen."""
        well = self._wait_until_well(began, lifted)
        stood = self._observer.stood_still(began)
        since = None if well is None else max(0.0, stood - began)
        after_lift = None if well is None else max(0.0, stood - lifted)
        status = first_said(self._observer.status, began)
        page = first_said(self._observer.page, began)
        return FaultOutcome(
            number=planned.number,
            kind=planned.kind,
            target=planned.target,
            made=True,
            held_s=round(lifted - began, 2) if planned.hold_s else 0.0,
            recovery_s=rounded(since),
            after_lift_s=rounded(after_lift),
            healthy_s=rounded(None if well is None else max(0.0, well - began)),
            still_s=rounded(self._observer.stood_at_most(began)),
            status_said="" if status is None else status.text,
            status_after_s=None if status is None else round(status.at - began, 2),
            page_said="" if page is None else page.text,
            page_after_s=None if page is None else round(page.at - began, 2),
            stepped_back=self._observer.stepped_back(began),
            error="" if well is not None else self._why(),
        )

    def _wait_until_well(self, began: float, lifted: float) -> float | None:
        """Wait until all has been well for WELL_S; return since when, None if it never is."""
        deadline = lifted + RECOVERY_TIMEOUT_S
        while clock.monotonic() < deadline:
            self.growth.sample_if_due()
            since = self._well_since(began)
            if since is not None and clock.monotonic() - max(since, lifted) >= WELL_S:
                return since
            clock.sleep(process.POLL_S)
        return None

    def _well_since(self, after: float) -> float | None:
        """Return since when rows were current and the status was well; None: they are not."""
        rows, status = self._observer.current_since(after), self._observer.status
        if rows is None or not status or status[-1].text:
            return None
        return max(rows, status[-1].at, after)

    def _why(self) -> str:
        status = self._observer.status
        said = status[-1].text if status else ""
        waited = f"rows were not current within {RECOVERY_TIMEOUT_S:.0f} s"
        return f"{waited}; `spaf status`: {said or 'all is well'}"

    def _proven(self, outcome: FaultOutcome, before: Counts) -> FaultOutcome:
        """Return the outcome with what sales and rows it has cost."""
        differences, error = None, outcome.error
        # Without current rows there is no end to wait for; the proof at the end says more.
        if outcome.recovery_s is not None and self._may_verify():
            try:
                differences = self._differences()
            except PROBLEMS as problem:
                error = f"the verification failed: {problem_of(problem)}"
        lost, after = self._lost_so_far(), self._counts()
        more_lost, self._lost = max(0, lost - self._lost), max(lost, self._lost)
        return msgspec.structs.replace(
            outcome,
            sales_late=max(0, after.late - before.late),
            sales_failed=max(0, after.failed - before.failed),
            differences=differences,
            lost=more_lost,
            error=error,
        )

    def _differences(self) -> int:
        """Verify once more if it fails: rows may be current before a fault has done its worst.

        A job goes on for seconds without a leading JobManager, which a verification needs.
        """
        began = clock.monotonic()
        try:
            return count(self._verify())
        except PROBLEMS:
            self._wait_until_well(began, clock.monotonic())
            return count(self._verify())

    def _may_verify(self) -> bool:
        """Return whether a verification is due: it takes longer the longer the topic is."""
        since_s = clock.monotonic() - self._verified_at
        return self._verify_took_s <= self._verify_share * since_s

    def _verify(self) -> Verdict:
        began = clock.monotonic()
        verdict = verify(self._run)
        self._verified_at = clock.monotonic()
        self._verify_took_s = self._verified_at - began
        return verdict

    def _counts(self) -> Counts:
        late = 0
        with contextlib.suppress(SpafError, psycopg.Error):
            late = self._rows.late()
        statuses = status_file.read_all(self._run.home.runs)
        return Counts(late, sum(status.status.failed for status in statuses))

    def _lost_so_far(self) -> int:
        """Return how many acknowledged sales the topic has too few records for."""
        # The acknowledgements first: each of them is of a record that was in the topic by then.
        statuses = status_file.read_all(self._run.home.runs)
        acked = sum(status.status.acked for status in statuses)
        try:
            records = self.records - self._begin - sum(self._scene.appended)
        except SpafError:
            return self._lost
        return max(0, acked - records)

    def finish(self, progress: Progress) -> Proof:
        """Stop the load, verify everything, and look for each acknowledged sale in the topic.

        Raises:
            LoadError: the load has left no result.

        """
        progress("stopping the load")
        if self._load is None:
            raise StackError("The load was not started.")
        self._load.stop()
        load = self._load.result()
        progress("verifying everything")
        lost = max(0, self._lost)
        try:
            verdict = verify(self._run, progress)
            lost = max(0, load.acked - found_sales(self._run, load))
        except PROBLEMS as error:
            return Proof(load.acked, load.failed, lost, 0, 0, exact=False, error=problem_of(error))
        return Proof(
            *(load.acked, load.failed, lost, verdict.records, count(verdict)), exact=verdict.exact
        )


def found_sales(run: Run, load: LoadResult) -> int:
    """Return how many different sales of a load the topic holds.

    Raises:
        TopicError: the topic cannot be read.

    """
    # As the generator writes it: the seed, the id of its run, the number of the sale.
    return sum(found_numbers(run, f'"transactionId":"{load.seed}-{load.run_id}-'.encode()))


def found_numbers(run: Run, mark: bytes) -> bytearray:
    """Return a byte for each sale that begins with the mark, by its number: 1 if the topic has it.

    Raises:
        TopicError: the topic cannot be read.

    """
    # A byte for each sale: a long run has millions of them.
    kept = bytearray()
    begin, end = admin.begin_offsets(run.kafka, run.topic), run.end_offsets()
    for batch in read_batches(run.kafka, run.topic, begin, end):
        for value in batch.values:
            if value is not None and mark in value:
                number = int(value.partition(mark)[2].partition(b'"')[0])
                if number >= len(kept):
                    kept.extend(bytes(number + 1 - len(kept)))
                kept[number] = 1
    return kept


def count(verdict: Verdict) -> int:
    """Return how many rows and records a verification finds wrong."""
    return len(verdict.differences) + len(verdict.disagreements) + verdict.unaccounted


def problem_of(error: Exception) -> str:
    """Return an error in one line."""
    text = error.line if isinstance(error, SpafError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def rounded(seconds: float | None) -> float | None:
    """Return seconds as a record holds them."""
    return None if seconds is None else round(seconds, 2)
