"""The measurement that the live page starts: `spaf bench rates` and `spaf report` as children.

The page's server may import neither, so it runs them as a person would, and reads what they leave:
progress, record, report. They end with the page's process; a record says so.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from spaf import clock
from spaf.environment import SETTINGS_PREFIX
from spaf.serve.sweep_view import (
    USUAL,
    SweepOutcome,
    SweepPlan,
    SweepProgress,
    SweepResult,
    SweepState,
    SweepView,
    listed,
)
from spaf.stack import process
from spaf.stack.state import RunFolder
from spaf.stack.sweep_record import PREFIX, SweepRecords, read_sweep, report_file

log = logging.getLogger(__name__)

NAME = "measure"
# By a person, or by the kernel for want of memory; the page translates it.
BY_SIGKILL = "The measurement was ended by SIGKILL."
LANGUAGES = ("en", "pt")
PROGRESS = "progress.json"
POLL_S = 0.25
# The process of the page has ten seconds to end, and its streams need some of them.
CLOSE_TIMEOUT_S = 6.0
# Lines of the log that are shown if the command failed without a record: what happened, what to do.
REASON_LINES = 2
# As the command does it: before several rates, seconds; and before each, up to this much.
FIRST_WARM_UP_S = 15.0
MAX_WARM_UP_S = 10.0
# Measured on two cores with a short topic, seconds: until the first sale; start of the generator
# and verification of a rate; both reports.
START_S = 3.0
VERIFY_S = 5.0
REPORT_S = 6.0


class StepSeen(msgspec.Struct, frozen=True):
    """Which rate is measured, as the command writes it."""

    number: int
    of: int
    rate: float


class ProgressSeen(msgspec.Struct, frozen=True):
    """What the command writes while it runs."""

    doing: str = ""
    total: int | None = None
    step: StepSeen | None = None

    @property
    def phase(self) -> str:
        """What is done, as the page names it; only seconds of selling have a total."""
        if self.step is None:
            return "warming_up" if self.doing else "starting"
        return "verifying" if self.total is None else "selling"


class Pace:
    """How long a measurement still takes: as planned, or as its first rates took."""

    def __init__(self, plan: SweepPlan) -> None:
        """Begin now."""
        count = len(plan.rates)
        self.count = count
        self._step_s = plan.seconds + min(MAX_WARM_UP_S, plan.seconds / 2) + VERIFY_S
        self._first_s = START_S + (FIRST_WARM_UP_S if count > 1 else 0.0)
        self._began = self._steps_began = self._step_began = clock.monotonic()
        self._number = 0

    @property
    def whole_s(self) -> float:
        """How long the whole takes."""
        return self._first_s + self.count * self._step_s + REPORT_S

    def step(self, number: int) -> None:
        """Note which rate is measured, from 1."""
        if number == self._number:
            return
        now = clock.monotonic()
        if self._number == 0:
            self._steps_began = now
        elif number > 1:
            # A long topic takes longer to verify, at each rate again.
            self._step_s = (now - self._steps_began) / (number - 1)
        self._number, self._step_began = number, now

    def left_s(self) -> int:
        """Return about how long it still takes; a rate that takes longer than planned holds it."""
        now = clock.monotonic()
        if self._number == 0:
            return round(max(self.whole_s - (now - self._began), self.count * self._step_s))
        present = max(1.0, self._step_s - (now - self._step_began))
        return round(present + (self.count - self._number) * self._step_s + REPORT_S)


class PageSweep:
    """Runs one measurement at a time, in a thread that waits for orders.

    The thread begins before the page's process gives way to others, and its children inherit that.
    """

    def __init__(self, home: RunFolder) -> None:
        """Begin to wait for orders."""
        self._home = home
        self._records = SweepRecords(home.results)
        self._log = home.logs / f"{NAME}.log"
        self._orders: queue.SimpleQueue[SweepPlan] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._state = SweepState.IDLE
        self._plan = USUAL
        self._pace = Pace(USUAL)
        self._progress = ProgressSeen()
        self._folder: Path | None = None
        self._failure: SweepResult | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._closing = False
        threading.Thread(target=self._work, name=NAME, daemon=True).start()

    def start(self, plan: SweepPlan) -> bool:
        """Start a measurement; False if one runs already."""
        with self._lock:
            if self.running():
                return False
            self._plan, self._pace, self._progress = plan, Pace(plan), ProgressSeen()
            self._state, self._failure = SweepState.RUNNING, None
            self._idle.clear()
        self._orders.put(plan)
        return True

    def stop(self) -> bool:
        """End the measurement early; False if none runs."""
        with self._lock:
            if not self.running():
                return False
            # A second signal would interrupt the writing of the record.
            if self._state is not SweepState.STOPPING:
                self._state = SweepState.STOPPING
                self._terminate()
            return True

    def running(self) -> bool:
        """Return whether a measurement runs."""
        return self._state is not SweepState.IDLE

    def view(self) -> SweepView:
        """Return the present state."""
        running, reported = self.running(), self._records.reported(LANGUAGES[0])
        newest = self._records.newest(without=self._folder if running else None)
        plan = self._plan if running else USUAL
        return SweepView(
            state=self._state,
            plan=plan,
            about_s=round(Pace(plan).whole_s),
            progress=self._shown_progress() if running else None,
            last=self._failure or (None if newest is None else newest.summary()),
            report_ms=None if reported is None else reported[1].summary().ended_ms,
        )

    def report(self, language: str) -> Path | None:
        """Return the file of the newest report in a language; None without one."""
        reported = self._records.reported(language)
        return None if reported is None else report_file(reported[0], language)

    def close(self) -> None:
        """End the measurement, and wait until its record is written."""
        self._closing = True
        self.stop()
        self._idle.wait(CLOSE_TIMEOUT_S)

    def _shown_progress(self) -> SweepProgress:
        step, of = self._progress.step, self._pace.count
        if self._state is SweepState.REPORTING:
            return SweepProgress(doing="reporting", of=of, left_s=round(REPORT_S))
        return SweepProgress(
            doing=self._progress.phase,
            number=0 if step is None else step.number,
            of=of,
            rate=None if step is None else step.rate,
            left_s=self._pace.left_s(),
        )

    def _work(self) -> None:
        while True:
            plan = self._orders.get()
            try:
                self._measure(plan)
            except Exception:
                log.exception("the measurement of the page failed")
                self._fail("SPAF has a defect; `spaf logs serve` says more.")
            with self._lock:
                self._state, self._child = SweepState.IDLE, None
            self._idle.set()

    def _measure(self, plan: SweepPlan) -> None:
        self._folder = folder = self._home.results / name_of(clock.now_us())
        begin = self._log.stat().st_size if self._log.exists() else 0
        code = self._run("bench", "rates", *options(plan), "--results", folder.name)
        record = read_sweep(folder)
        if record is None or not record.ended:
            if self._state is not SweepState.STOPPING:
                self._fail(reason(code, self._log, begin))
            return
        if record.result is None or self._closing:
            return
        with self._lock:
            self._state = SweepState.REPORTING
        for language in LANGUAGES:
            file = str(report_file(folder, language))
            self._run("report", str(folder), "--language", language, "--output", file)

    def _run(self, *words: str) -> int:
        """Run a command of SPAF to its end, and return its exit code."""
        settings = {k: v for k, v in os.environ.items() if k.startswith(SETTINGS_PREFIX)}
        command = process.module_command("spaf", *words)
        with self._lock:
            self._child = process.spawn(NAME, command, log=self._log, env=settings)
            if self._state is SweepState.STOPPING:
                self._terminate()
        while self._child.poll() is None:
            self._read_progress()
            clock.sleep(POLL_S)
        return self._child.returncode

    def _read_progress(self) -> None:
        if self._folder is None or self._state is SweepState.REPORTING:
            return
        with contextlib.suppress(OSError, msgspec.DecodeError):
            content = (self._folder / PROGRESS).read_bytes()
            self._progress = msgspec.json.decode(content, type=ProgressSeen)
            if self._progress.step is not None:
                self._pace.step(self._progress.step.number)

    def _terminate(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def _fail(self, why: str) -> None:
        self._failure = SweepResult(
            ended_ms=clock.now_ms(), outcome=SweepOutcome.FAILED, reasons=[why]
        )


def name_of(now_us: int) -> str:
    """Return the name of the record of a measurement that begins now; names sort by time."""
    return f"{PREFIX}{datetime.fromtimestamp(now_us / 1e6, UTC):%Y%m%d-%H%M%S}"


def options(plan: SweepPlan) -> list[str]:
    """Return the options of `spaf bench rates`.

    The page is open in a browser while it measures, so the machine is shared.
    """
    size = ["--rates", listed(plan.rates), "--for", f"{plan.seconds:g}s", "--repeats", "1"]
    return ["--quick", "--no-screen", "--shared-machine", "--json", *size]


def reason(code: int, file: Path, begin: int) -> str:
    """Return why the command left no record, from its log."""
    if code == -signal.SIGKILL:
        return BY_SIGKILL
    if code < 0:
        return f"The measurement {process.exit_reason(code, file, begin)}."
    lines = process.log_tail(file, REASON_LINES, begin=begin).splitlines()
    return " ".join(line.strip() for line in lines) or f"It ended with exit code {code}."
