"""What bounds a larger run besides the job: rows, commits that notify, the reader, retention.

`spaf size` needs these figures: bytes of a row with its indexes, how many commits a second several
writers make together when each of them notifies, how often rows can change, and how many changed
rows the page's one reader applies. What dropping a day costs is measured too, whole and row by row.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec
import psutil
import psycopg
from psycopg import sql

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.scenario import Result, Scenario, Table, option
from spaf.generate.shop.assortment import CATEGORIES
from spaf.serve.sales import notifications
from spaf.serve.sales.rollup import Rollup
from spaf.settings import Settings
from spaf.stack.run import Run
from spaf.store import retention
from spaf.store.access import Role
from spaf.store.migrate import migrate
from spaf.store.statement import statement

DAY_S = 86_400
ANOMALIES = 100_000
# Rows of one commit of a sink at the highest rate of one task, and of a large one.
SINK_ROWS, LARGE_ROWS = 10, 500
# Rows of a notification, see `notify_sales_summary`.
NOTIFIED_ROWS = 14


class TableSize(msgspec.Struct, frozen=True):
    """Bytes of a row of a table, with its indexes."""

    table: str
    rows: int
    bytes_per_row: float


class DropCost(msgspec.Struct, frozen=True):
    """What it costs to be rid of a day of sales_summary."""

    way: str
    rows: int
    seconds: float
    wal_mib: float


class CapacityResult(Result, frozen=True):
    """What was measured; rates are of all sessions together."""

    sizes: list[TableSize]
    drops: list[DropCost]
    sessions: int
    commits_per_second: float
    """Without notifications."""
    notifying_commits_per_second: float
    row_updates_per_second: float
    reader_rows_per_second: float

    def tables(self) -> Iterable[Table]:
        """Return a table for each group of figures."""
        sizes = [(size.table, size.rows, size.bytes_per_row) for size in self.sizes]
        yield Table("rows", ("table", "rows", "bytes a row"), sizes)
        drops = [(drop.way, drop.rows, drop.seconds, drop.wal_mib) for drop in self.drops]
        yield Table("a day of sales_summary", ("way", "rows", "seconds", "log MiB"), drops)
        rates = [
            (f"commits of {SINK_ROWS} rows, {self.sessions} sessions", self.commits_per_second),
            ("the same with notifications", self.notifying_commits_per_second),
            (f"changed rows, commits of {LARGE_ROWS}", self.row_updates_per_second),
            ("rows that the page's reader applies", self.reader_rows_per_second),
        ]
        yield Table("rates", ("what", "a second"), rates)


class CapacityScenario(Scenario, frozen=True):
    """Measure what bounds a larger run besides the job: rows, notifying commits, the page's reader.

    Uses its own run folder and tables.
    """

    bare: ClassVar[bool] = True

    sessions: Annotated[int, option("Sessions that write at once.", ge=1, le=64)] = 8
    seconds: Annotated[int, option("Seconds of each measurement.", ge=1, le=600)] = 5

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the scenario's own run."""
        return settings.model_copy(update={"home": settings.home / "capacity"})

    def measure_run(self, run: Run, progress: Progress) -> CapacityResult:
        """Measure sizes, drops, commits and the reader."""
        target = run.with_tables("unused", f"capacity_{clock.now_ms()}")
        migrate(target.access)
        today_s = clock.now_ms() // 1_000 // DAY_S * DAY_S
        for days in (2, 1, 0):
            at = datetime.fromtimestamp(today_s - days * DAY_S, UTC)
            retention.create_ahead(target.access, at, by_day=True)
        progress("loading two days of rows")
        rows = _fill(target, today_s)
        sizes = _sizes(target, rows)
        progress("dropping a day row by row, and a day as a whole")
        drops = _drops(target, today_s, rows["sales_summary"] // 2)
        with _Listener(target):
            progress(f"{self.sessions} sessions commit and notify")
            notifying, _ = self._commits(target, today_s + 1, SINK_ROWS)
            progress("the same with many rows")
            _, updates = self._commits(target, today_s + 2, LARGE_ROWS)
        with target.access.session(Role.OWNER) as connection:
            connection.execute(statement("spaf.bench", "disable_triggers"))
        progress("the same without notifications")
        silent, _ = self._commits(target, today_s + 3, SINK_ROWS)
        progress("the page's reader")
        return CapacityResult(
            sizes=sizes,
            drops=drops,
            sessions=self.sessions,
            commits_per_second=silent,
            notifying_commits_per_second=notifying,
            row_updates_per_second=updates,
            reader_rows_per_second=reader_rows_per_second(self.seconds),
        )

    def _commits(self, run: Run, second: int, rows: int) -> tuple[float, float]:
        """Let all sessions change rows of their own; return commits and changes a second."""
        values = {"second": second, "rows": rows}
        began_s = clock.monotonic()
        with ThreadPoolExecutor(self.sessions) as pool:
            writing = [
                pool.submit(_write, run, values | {"session": session}, self.seconds)
                for session in range(self.sessions)
            ]
            commits = sum(future.result() for future in writing)
        seconds = clock.monotonic() - began_s
        return round(commits / seconds, 1), round(commits * rows / seconds, 1)


def _write(run: Run, values: dict[str, int], seconds: float) -> int:
    """Change rows again and again for some seconds; return the number of commits."""
    change = statement("spaf.bench", "upsert_rows")
    commits, ends_s = 0, clock.monotonic() + seconds
    with run.access.session(Role.OWNER, autocommit=True) as connection:
        while clock.monotonic() < ends_s:
            connection.execute(change, values)
            commits += 1
    return commits


class _Listener:
    """A session that listens, as the page does, and drops what it hears."""

    def __init__(self, run: Run) -> None:
        self._connection = run.access.connect(Role.READ, autocommit=True)
        channel = sql.Identifier(f"{notifications.SALES}{run.access.schema}")
        self._connection.execute(sql.SQL("LISTEN {}").format(channel))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            for _ in self._connection.notifies(timeout=0.2):
                if self._ended.is_set():
                    break


def _fill(run: Run, today_s: int) -> dict[str, int]:
    """Load two days of rows, and some anomalies; return the rows of each table."""
    values: dict[str, Any] = {"first": today_s - 2 * DAY_S, "last": today_s}
    with run.access.session(Role.OWNER) as connection:
        connection.execute(statement("spaf.bench", "disable_triggers"))
        more = {"categories": list(CATEGORIES), "currency": run.contract.currency}
        summary = connection.execute(statement("spaf.bench", "insert_day"), values | more)
        ledger = connection.execute(statement("spaf.bench", "insert_ledger_day"), values)
        connection.execute(statement("spaf.bench", "insert_anomalies"), {"rows": ANOMALIES})
        connection.execute(statement("spaf.bench", "enable_triggers"))
        return {
            "sales_summary": summary.rowcount,
            "ledger_second": ledger.rowcount,
            "sale_anomaly": ANOMALIES,
        }


def _sizes(run: Run, rows: dict[str, int]) -> list[TableSize]:
    with run.access.session(Role.READ) as connection:
        return [
            TableSize(table, number, round(_bytes(connection, table) / number, 1))
            for table, number in rows.items()
        ]


def _bytes(connection: psycopg.Connection, table: str) -> int:
    rows = connection.execute(statement("spaf.bench", "table_bytes"), {"table": table}).fetchall()
    return int(rows[0][0])


def _drops(run: Run, today_s: int, rows: int) -> list[DropCost]:
    """Delete the older of two days row by row, and drop the other one as retention does."""

    def delete() -> None:
        values = {"before": today_s - DAY_S}
        with run.access.session(Role.OWNER, autocommit=True) as connection:
            connection.execute(statement("spaf.bench", "delete_day"), values)
            connection.execute("VACUUM sales_summary")

    def drop() -> None:
        retention.drop_before(run.access, datetime.fromtimestamp(today_s, UTC))

    return [_cost(run, "row-by-row", rows, delete), _cost(run, "as-a-whole", rows, drop)]


def _cost(run: Run, way: str, rows: int, do: Callable[[], None]) -> DropCost:
    before, began_s = _wal_bytes(run), clock.monotonic()
    do()
    seconds = clock.monotonic() - began_s
    return DropCost(way, rows, round(seconds, 3), round((_wal_bytes(run) - before) / 2**20, 1))


def _wal_bytes(run: Run) -> int:
    with run.access.session(Role.READ) as connection:
        rows = connection.execute(statement("spaf.bench", "wal_position")).fetchall()
    return int(rows[0][0])


def reader_rows_per_second(seconds: float) -> float:
    """Return how many changed rows the page's reader decodes and applies on one core."""
    rollup = Rollup()
    now_s = clock.now_ms() // 1_000
    rollup.load([], [], now_s - 60, now_s - 3_600)
    payloads = [
        msgspec.json.encode(
            [
                (now_s - 30 + number, category, "BRL", number, number, str(number), 1)
                for category in CATEGORIES[:NOTIFIED_ROWS]
            ]
        )
        for number in range(1, 31)
    ]
    rows, began_s, used_s = 0, clock.monotonic(), _processor_s()
    while clock.monotonic() - began_s < seconds:
        for payload in payloads:
            for row in notifications.rows(payload):
                rollup.apply(row)
                rows += 1
    return round(rows / max(_processor_s() - used_s, 1e-9), 1)


def _processor_s() -> float:
    """Return the processor time of this process, seconds: others may use the core meanwhile."""
    used = psutil.Process().cpu_times()
    return float(used.user + used.system)
