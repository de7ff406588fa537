"""Watches a run from outside while faults are made: its rows, `spaf status`, and the live page.

Each of them is asked in a thread of its own, because each may hang for as long as a fault lasts.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Self

import httpx
import msgspec
import psycopg

from spaf import clock
from spaf.errors import SpafError
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE
from spaf.stack.vitals import status_problem
from spaf.store import queries
from spaf.store.reader_connection import ReaderConnection
from spaf.store.statement import statement
from spaf.topic import admin

# Resolution of a recovery time, seconds.
POLL_S = 0.2
# A row of the present second is visible within a second of its first sale; a second more is a
# reserve for a busy machine. Older rows are not current.
FRESH_S = 2.0
# A record that waits in the topic for this long has not been counted in time, seconds.
COUNTED_S = 1.5
# A query that waits longer than this sees no current rows, milliseconds.
STATEMENT_MS = 1_000
# The broker answers within milliseconds, or not at all.
KAFKA_TIMEOUT_S = 1.0
# The page sends an event at least once a second; without one for this long it has stopped.
PAGE_SILENT_S = 3.0
# Ends of the topic that are remembered: those of the last minutes.
MAX_ENDS = 3_000


class Said(NamedTuple):
    """What was said, and when, by the monotonic clock; an empty text says that all is well."""

    at: float
    text: str


class Moment(NamedTuple):
    """Whether the rows were current at a time of the monotonic clock."""

    at: float
    current: bool


class Ends(NamedTuple):
    """The end of each partition at a time of the monotonic clock."""

    at: float
    offsets: dict[int, int]


class StepBack(NamedTuple):
    """By how many records the counts of the tables have decreased, and when."""

    at: float
    records: int


class RunObserver(AbstractContextManager["RunObserver"]):
    """The threads that watch one run."""

    def __init__(self, run: Run) -> None:
        """Prepare the threads; they start with the block."""
        self._run = run
        self.rows: deque[Moment] = deque(maxlen=100_000)
        self.status: deque[Said] = deque(maxlen=100_000)
        self.page: deque[Said] = deque(maxlen=100_000)
        self._ends: deque[Ends] = deque(maxlen=MAX_ENDS)
        self.steps_back: deque[StepBack] = deque(maxlen=100_000)
        # When more records were counted than at any time before.
        self.growth: deque[float] = deque(maxlen=100_000)
        # The highest counted offset of each partition so far.
        self._farthest: dict[int, int] = {}
        self._ended = threading.Event()
        watches = (self._watch_rows, self._watch_ends, self._watch_status, self._watch_page)
        self._threads = [
            threading.Thread(target=watch, name=watch.__name__, daemon=True) for watch in watches
        ]

    def __enter__(self) -> Self:
        """Begin to watch."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads; one that waits for a server ends with this process."""
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=2 * POLL_S)

    def current_since(self, after: float) -> float | None:
        """Return since when the rows are current, at the earliest `after`; None if they are not.

        Readings that are missing, because a reader hangs, make the rows not current.
        """
        since = None
        # A copy: the threads add to it meanwhile.
        for moment in reversed(list(self.rows)):
            if moment.at < after:
                break
            if not moment.current:
                break
            since = moment.at
        newest = self.rows[-1].at if self.rows else 0.0
        return None if clock.monotonic() - newest > FRESH_S else since

    def stood_still(self, since: float) -> float:
        """Return when the rows were last not current since a moment; 0 if they always were."""
        return max((m.at for m in list(self.rows) if m.at >= since and not m.current), default=0.0)

    def stood_at_most(self, since: float) -> float:
        """Return the longest time without a further counted record since a moment, seconds."""
        grown = [at for at in list(self.growth) if at > since]
        ends = [*grown, clock.monotonic()]
        return max(end - begin for begin, end in zip([since, *grown], ends, strict=True))

    def stepped_back(self, since: float) -> int:
        """Return the largest step back of the tables since a moment, in records."""
        return max((step.records for step in list(self.steps_back) if step.at >= since), default=0)

    def _loop(self, poll: Callable[[], None]) -> None:
        while not self._ended.wait(POLL_S):
            with contextlib.suppress(SpafError, OSError, httpx.HTTPError, psycopg.Error):
                poll()

    def _watch_status(self) -> None:
        home = self._run.home
        self._loop(lambda: note(self.status, status_problem(home)))

    def _watch_ends(self) -> None:
        run = self._run

        def poll() -> None:
            at = clock.monotonic()
            known = (
                self._ends[-1].offsets if self._ends else admin.end_offsets(run.kafka, run.topic)
            )
            parts = [(run.topic, part) for part in known]
            ends = admin.end_offsets_of(run.kafka, parts, KAFKA_TIMEOUT_S)
            self._ends.append(Ends(at, {part: end for (_, part), end in ends.items()}))

        self._loop(poll)

    def _watch_rows(self) -> None:
        rows = Rows(self._run)

        def poll() -> None:
            began = clock.monotonic()
            try:
                current = self._counted(rows.counted(), began) and rows.fresh()
            except (SpafError, psycopg.Error):
                rows.close()
                current = False
            self.rows.append(Moment(clock.monotonic(), current))

        self._loop(poll)
        rows.close()

    def _counted(self, counted: dict[int, int], now: float) -> bool:
        """Return whether every record that has waited for COUNTED_S is counted."""
        self._note_growth(counted)
        old = next(
            (ends for ends in reversed(list(self._ends)) if now - ends.at >= COUNTED_S), None
        )
        return old is None or all(counted.get(p, 0) >= end for p, end in old.offsets.items())

    def _note_growth(self, counted: dict[int, int]) -> None:
        """Note whether more is counted than before, or less."""
        back = sum(max(0, self._farthest.get(p, 0) - end) for p, end in counted.items())
        if back:
            self.steps_back.append(StepBack(clock.monotonic(), back))
        if any(end > self._farthest.get(p, -1) for p, end in counted.items()):
            self.growth.append(clock.monotonic())
        self._farthest |= {p: max(end, self._farthest.get(p, 0)) for p, end in counted.items()}

    def _watch_page(self) -> None:
        while not self._ended.is_set():
            text = "the page does not answer"
            try:
                address = self._run.home.running().services[SERVE].address
                for text in page_texts(address):
                    note(self.page, text)
                    if self._ended.is_set():
                        return
                text = "the stream of the page has ended"
            except (httpx.HTTPError, SpafError, KeyError, OSError):
                pass
            if not self._ended.wait(POLL_S):
                note(self.page, text)


class Rows:
    """The tables, over a connection that is opened again when it was lost."""

    def __init__(self, run: Run) -> None:
        """Keep the access; nothing is connected yet."""
        self._reader = ReaderConnection(run.access, STATEMENT_MS)

    def fresh(self) -> bool:
        """Return whether the newest row is of the last FRESH_S.

        Raises:
            StoreError: PostgreSQL does not answer.
            psycopg.Error: the connection was lost, or the statement was cancelled.

        """
        now_s = clock.now_us() / 1e6
        query = statement("spaf.chaos", "newest_second")
        row = self._reader.get().execute(query, {"now_s": now_s}).fetchone()
        return row is not None and row[0] is not None and row[0] >= now_s - FRESH_S

    def counted(self) -> dict[int, int]:
        """Return up to which offset each partition is counted.

        Raises:
            StoreError: PostgreSQL does not answer.
            psycopg.Error: the connection was lost, or the statement was cancelled.

        """
        offsets = queries.counted_offsets(self._reader.get())
        return {part: counted for part, (_, counted) in offsets.items()}

    def late(self) -> int:
        """Return the late records so far.

        Raises:
            StoreError: PostgreSQL does not answer.
            psycopg.Error: the connection was lost, or the statement was cancelled.

        """
        row = self._reader.get().execute(statement("spaf.chaos", "late_records")).fetchone()
        return 0 if row is None else int(row[0])

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()


def note(said: deque[Said], text: str) -> None:
    """Keep a text if it is another one than the last."""
    if not said or said[-1].text != text:
        said.append(Said(clock.monotonic(), text))


def first_said(said: deque[Said], since: float) -> Said | None:
    """Return the first complaint since a moment; one from before counts if it was still said."""
    for complaint in list(said):
        if complaint.at >= since and complaint.text:
            return complaint
    return None


def page_texts(address: str) -> Iterator[str]:
    """Yield what the page says at each event of its stream; empty if all is well.

    Raises:
        httpx.HTTPError: the page does not answer, or sends nothing for PAGE_SILENT_S.

    """
    timeout = httpx.Timeout(PAGE_SILENT_S)
    with httpx.stream("GET", f"{address}/api/stream", timeout=timeout, trust_env=False) as stream:
        stream.raise_for_status()
        event = ""
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                text = _page_text(event, value)
                if text is not None:
                    yield text


def _page_text(event: str, data: str) -> str | None:
    """Return what an event says of the health of the run; None if it says nothing of it."""
    if event == "start":
        return "the run starts"
    if event != "pipeline":
        return None
    pipeline: dict[str, Any] = msgspec.json.decode(data)
    cause = pipeline["cause"]
    return "" if cause is None else str(cause["what"])
