"""How long `spaf demo` needs to its first true row, in a new run folder and in a used one.

Each start is the command itself, in a folder of its own with services of its own. A start in a new
folder is followed by one in the same folder. Each is ended some seconds after its first row, and
recomputes every sum then: a start whose rows are not exact is not valid.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import httpx
import msgspec

from spaf import clock
from spaf import settings as all_settings
from spaf.bench.progress import Progress
from spaf.bench.run.alone import require_no_run
from spaf.bench.scenario import Result, Scenario, Table, option
from spaf.bench.spread import Spread
from spaf.bench.start.process_times import ProcessTimes
from spaf.errors import StackError
from spaf.settings import FlinkSettings, KafkaSettings, PostgresSettings, Settings
from spaf.stack import control, process
from spaf.stack.control import Watcher
from spaf.stack.service_names import SERVE
from spaf.stack.state import JobPhase, RunFolder, RunState, ServiceStatus

# Sub-folder of the run folder of the settings.
FOLDER = "start"
# How long each start sells, as `spaf demo --for` takes it.
SALES_S = 2
# A start that needs longer than this hangs, seconds.
START_TIMEOUT_S = 120.0
# From the first row to the end of the command: sales, verification, stop. Seconds.
END_TIMEOUT_S = 120.0
# Resolution of a step; and between two readings of the processor time, which take 3 ms each.
POLL_S = 0.02
CPU_POLL_S = 0.2
# The page is asked this often; an answer takes milliseconds. Seconds.
PAGE_POLL_S = 0.1
PAGE_TIMEOUT_S = 0.5

NEW, USED = "new", "used"
FOLDERS = (NEW, USED)
FIRST_ROW, PAGE = "first row", "page answers"


class Start(msgspec.Struct, frozen=True):
    """One start. Times are seconds since the command was started."""

    folder: str
    first_row_s: float
    page_s: float
    exact: bool
    # Each step by its time, and the processor seconds to the first row by process.
    timeline: dict[str, float]
    processor_s: dict[str, float]


class StartResult(Result, frozen=True):
    """The starts of each kind of folder: medians over the repeats."""

    repeats: int
    exact: bool
    first_row_s: dict[str, Spread]
    page_s: dict[str, Spread]
    processor_s: dict[str, dict[str, float]]
    timeline_s: dict[str, dict[str, float]]

    @classmethod
    def of(cls, starts: Sequence[Start]) -> Self:
        """Return the figures of the starts."""
        by_folder = {folder: [s for s in starts if s.folder == folder] for folder in FOLDERS}
        return cls(
            repeats=len(starts) // len(FOLDERS),
            exact=all(start.exact for start in starts),
            first_row_s=_spreads(by_folder, "first_row_s"),
            page_s=_spreads(by_folder, "page_s"),
            processor_s=_medians(by_folder, "processor_s", by_time=False),
            timeline_s=_medians(by_folder, "timeline", by_time=True),
        )

    @property
    def reasons(self) -> list[str]:
        """Why the figures are not valid."""
        return [] if self.exact else ["the tables of a start are not exact"]

    def tables(self) -> Iterable[Table]:
        """Return the times, then the steps and the processor time of both kinds of folder."""
        columns = tuple(f"{folder} folder" for folder in FOLDERS)
        times = {"first true row": self.first_row_s, PAGE: self.page_s}
        return [
            Table(
                f"seconds from the command, median of {self.repeats} (range)",
                ("", *columns),
                [(name, *(str(spreads[f]) for f in FOLDERS)) for name, spreads in times.items()],
            ),
            Table("step, seconds", ("", *columns), _rows(self.timeline_s)),
            Table("processor seconds to the first row", ("", *columns), _rows(self.processor_s)),
        ]


def _spreads(by_folder: Mapping[str, Sequence[Start]], field: str) -> dict[str, Spread]:
    return {
        folder: Spread.of([getattr(start, field) for start in starts])
        for folder, starts in by_folder.items()
    }


def _medians(
    by_folder: Mapping[str, Sequence[Start]], field: str, *, by_time: bool
) -> dict[str, dict[str, float]]:
    """Return the median of each entry; ordered by time, or the largest first with the sum."""
    result = {}
    for folder, starts in by_folder.items():
        seconds: list[dict[str, float]] = [getattr(start, field) for start in starts]
        names = dict.fromkeys(name for by_name in seconds for name in by_name)
        median = {
            name: statistics.median(by_name[name] for by_name in seconds if name in by_name)
            for name in names
        }
        ordered = sorted(median.items(), key=lambda item: item[1] if by_time else -item[1])
        result[folder] = {name: round(value, 2) for name, value in ordered}
        if not by_time:
            together = statistics.median(sum(by_name.values()) for by_name in seconds)
            result[folder]["together"] = round(together, 2)
    return result


def _rows(by_folder: Mapping[str, Mapping[str, float]]) -> list[tuple[Any, ...]]:
    names = dict.fromkeys(name for folder in FOLDERS for name in by_folder[folder])
    return [(name, *(by_folder[folder].get(name, "-") for folder in FOLDERS)) for name in names]


class StartScenario(Scenario, frozen=True):
    """Start `spaf demo` in new and used run folders; time to the first true row and to the page."""

    repeats: Annotated[int, option("Starts of each kind of folder.", ge=1, le=50)] = 3

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the starts: the user's, with services of their own."""
        return settings.model_copy(
            update={
                "home": settings.home / FOLDER,
                "kafka": KafkaSettings(),
                "flink": FlinkSettings(),
                "postgres": PostgresSettings(),
            }
        )

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check that nothing runs that would compete for the processors.

        Raises:
            StackError: a run is up.

        """
        require_no_run(settings, self.settings(settings))
        return ()

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> StartResult:  # noqa: ARG002 - as in Scenario
        """Start again and again; delete the folder at the end."""
        chosen = self.settings(settings)
        starts = []
        try:
            for number in range(self.repeats):
                control.down(chosen, wipe=True)
                for folder in FOLDERS:
                    progress(f"start in a {folder} folder", number + 1, self.repeats)
                    starts.append(_start(chosen, folder))
        finally:
            control.down(chosen, wipe=True)
        return StartResult.of(starts)


def _start(chosen: Settings, folder: str) -> Start:
    """Run the command once and measure it.

    Raises:
        StackError: the command failed, or had no row in time.

    """
    home = RunFolder(chosen.home)
    began = clock.now_us() / 1e6
    child = process.spawn(
        "demo",
        [str(Path(sys.executable).with_name("spaf")), "demo", "--json", "--for", f"{SALES_S}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=all_settings.environment(chosen),
    )
    observer = _Observer(home, began, child.pid)
    try:
        deadline = clock.monotonic() + START_TIMEOUT_S
        while not observer.complete and child.poll() is None and clock.monotonic() < deadline:
            observer.poll()
            clock.sleep(POLL_S)
        output, _ = child.communicate(timeout=END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        output = b""
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()
    return observer.start(folder, exact=_is_exact(home, output))


def _is_exact(home: RunFolder, output: bytes) -> bool:
    """Return what the command says of its rows.

    Raises:
        StackError: it says nothing.

    """
    try:
        return bool(msgspec.json.decode(output)["exact"])
    except (msgspec.DecodeError, KeyError):
        state = home.read()
        why = state.message if state is not None and state.message else "it ended without a result"
        raise StackError(f"`spaf demo` failed: {why}", todo="Try `spaf demo` itself.") from None


class _Observer:
    """Watches one start from outside: its state, its page, its first row and its processes."""

    def __init__(self, home: RunFolder, began: float, pid: int) -> None:
        self._home = home
        self._began = began
        self._timeline: dict[str, float] = {}
        self._times = ProcessTimes(pid)
        self._processor_s: dict[str, float] = {}
        self._page = httpx.Client(timeout=PAGE_TIMEOUT_S, trust_env=False)
        self._next_cpu = self._next_page = 0.0

    @property
    def complete(self) -> bool:
        """Whether both the first row and the page were seen."""
        return FIRST_ROW in self._timeline and PAGE in self._timeline

    def poll(self) -> None:
        """Note what has happened since the last poll."""
        now = clock.monotonic()
        state = self._home.read()
        if state is not None and state.supervisor_started >= self._began - 1:
            self._note_state(state)
            page = state.services.get(SERVE)
            if PAGE not in self._timeline and page is not None and now > self._next_page:
                self._next_page = now + PAGE_POLL_S
                self._ask(page.address)
        if FIRST_ROW not in self._timeline:
            self._note_first_row()
            if now > self._next_cpu or FIRST_ROW in self._timeline:
                self._next_cpu = now + CPU_POLL_S
                self._times.read()
                self._processor_s = self._times.by_name()

    def start(self, folder: str, *, exact: bool) -> Start:
        """Return what was seen.

        Raises:
            StackError: there was no row, or no page.

        """
        self._page.close()
        if not self.complete:
            missing = "row" if FIRST_ROW not in self._timeline else "answer of the page"
            raise StackError(f"`spaf demo` had no {missing} within {START_TIMEOUT_S:.0f} s.")
        row, page = self._timeline[FIRST_ROW], self._timeline[PAGE]
        return Start(folder, row, page, exact, self._timeline, self._processor_s)

    def _note(self, step: str, at: float) -> None:
        self._timeline.setdefault(step, round(at - self._began, 2))

    def _note_state(self, state: RunState) -> None:
        now = clock.now_us() / 1e6
        self._note("supervisor", state.supervisor_started)
        for name, service in state.services.items():
            if service.started:
                self._note(f"{name} started", service.started)
            if service.state is ServiceStatus.RUNNING:
                self._note(f"{name} ready", now)
        if state.job.id:
            self._note("job submitted", now)
        if state.job.state is JobPhase.RUNNING:
            self._note("job running", now)

    def _note_first_row(self) -> None:
        """Read the stamp of the first notification that the command has received."""
        for file in self._home.runs.glob("watch-*.tsv"):
            if int(file.stem.partition("-")[2]) / 1e6 > self._began:
                stamps = file.read_text().splitlines()[1:2]
                if stamps and "\t" in stamps[0]:
                    self._note(FIRST_ROW, int(stamps[0].partition("\t")[0]) / 1e6)

    def _ask(self, address: str) -> None:
        try:
            if self._page.get(f"{address}/").is_success:
                self._note(PAGE, clock.now_us() / 1e6)
        except httpx.HTTPError:
            pass
