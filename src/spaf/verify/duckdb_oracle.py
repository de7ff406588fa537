"""Formulation two: DuckDB over the dump. Plain records are read, judged and added up by SQL alone.

What DuckDB's JSON reader and the contract might read differently is not plain (`sql/020_record.sql`
says exactly what is); those records go through `spaf.sale.decode`, and how many is told.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import duckdb

from spaf.errors import VerifyError
from spaf.sale import Late, Reason, Rules, Sale, decode
from spaf.verify import detection as constants
from spaf.verify.answers import (
    Answers,
    BlockDuplicates,
    LedgerCounts,
    SaleOutlier,
    SummarySums,
    TrafficAnomaly,
)
from spaf.verify.detection import COOL_DOWN, Detection, near
from spaf.verify.dump import Dump, unwritten
from spaf.verify.outliers import stand_for_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Statements that create macros, tables and views, in order; the others are queries.
CREATE_MACROS, CREATE_RECORD, CREATE_EVENT = "010_json_macros", "020_record", "030_event"
# The rules decide which of these two runs.
CREATE_SALE, CREATE_DEDUPLICATED_SALE = "035_sale_all_copies", "036_sale_deduplicated"
NOT_PLAIN = "025_not_plain"
SUMMARY, DUPLICATES, LEDGER = "040_summary", "045_duplicates", "050_ledger"
SALE_OUTLIERS = "060_sale_outliers"
CREATE_SALES_PER_SECOND, TRAFFIC_ANOMALIES = "070_sales_per_second", "080_traffic_anomalies"
ACCEPTED, LATE, REFUSED, UNREADABLE = range(4)
# Rows that pass between DuckDB and Python at a time.
BATCH = 20_000
UPPER_BOUND = {"kafka_partition": "INTEGER", "end_offset": "BIGINT"}
KNOWN_CATEGORY = {"category": "VARCHAR"}
DECODED_EVENT = {
    "kafka_partition": "INTEGER",
    "kafka_offset": "BIGINT",
    "array_index": "INTEGER",
    "append_ms": "BIGINT",
    "outcome": "INTEGER",
    "product": "VARCHAR",
    "category": "VARCHAR",
    "currency": "VARCHAR",
    "unit_cents": "BIGINT",
    "quantity": "BIGINT",
    "event_ms": "BIGINT",
    "transaction_id": "VARCHAR",
}


def recompute(dump: Dump, cut: Mapping[int, int], threads: int) -> Answers:
    """Return what the dump comes to.

    Args:
        dump: the records, complete.
        cut: for each partition of the topic the first offset that is not counted.
        threads: how many DuckDB may use.

    Raises:
        VerifyError: DuckDB could not read the dump, or has no room.

    """
    about = dump.about()
    try:
        with duckdb.connect(config=_options(dump, threads)) as connection:
            return _DuckdbOracle(connection, dump, cut, about.rules, about.detection).answers(
                about.begin
            )
    except duckdb.Error as error:
        raise VerifyError(
            f"DuckDB could not recompute the dump in {dump.folder}: {error}",
            todo="If it lacks room, SPAF_HOME names another folder.",
        ) from error


def _options(dump: Dump, threads: int) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": threads,
        # The run itself needs memory too; what does not fit goes to the disk.
        "memory_limit": "50%",
        "temp_directory": str(dump.folder / "duckdb"),
        # Nothing is fetched: all that is needed is built in.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
    }


class _DuckdbOracle:
    """One run of the SQL."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        dump: Dump,
        cut: Mapping[int, int],
        rules: Rules,
        detection: Detection,
    ) -> None:
        self._db = connection
        self._dump = dump
        self._cut = cut
        self._rules = rules
        self._detection = detection

    def answers(self, begin: Mapping[int, int]) -> Answers:
        found = Answers(self._cut, begin, deduplicated=self._rules.once_ms > 0)
        if not self._dump.stretches():
            return found
        self._prepare()
        found.by_decoder = self._resolve(found)
        self._run(CREATE_EVENT)
        self._run(CREATE_DEDUPLICATED_SALE if self._rules.once_ms else CREATE_SALE)
        self._summary(found)
        if self._rules.once_ms:
            self._repeats(found)
        closed = self._ledger(found)
        self._outliers(found)
        self._swings(found, closed)
        return found

    def _prepare(self) -> None:
        for name, value in (
            ("files", [str(stretch.path) for stretch in self._dump.stretches()]),
            ("currency", self._rules.default_currency),
            ("max_ahead_ms", self._rules.max_ahead_ms),
            ("max_lateness_ms", self._rules.max_lateness_ms),
            ("dedup_block_ms", self._rules.once_ms),
        ):
            self._db.execute(f"SET VARIABLE {name} = ?", [value])
        self._create("upper_bound", UPPER_BOUND)
        self._create("known_category", KNOWN_CATEGORY)
        self._create("decoded_event", DECODED_EVENT)
        self._fill("upper_bound", UPPER_BOUND, [*self._cut.items()])
        categories = [(category,) for category in self._detection.categories]
        self._fill("known_category", KNOWN_CATEGORY, categories)
        self._run(CREATE_MACROS)
        self._run(CREATE_RECORD)

    def _resolve(self, found: Answers) -> int:
        """Have the decoder judge the records that are not plain, and return how many there are."""
        number = 0
        for batch in self._not_plain():
            number += len(batch)
            events = [event for record in batch for event in self._events(record, found)]
            self._fill("decoded_event", DECODED_EVENT, events)
        return number

    def _not_plain(self) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._db.cursor()
        cursor.execute(_statement(NOT_PLAIN))
        while batch := cursor.fetchmany(BATCH):
            yield batch

    def _events(self, record: tuple[Any, ...], found: Answers) -> Iterator[tuple[Any, ...]]:
        part, off, append_ms, form, text = record
        written = (text or "").encode()  # an empty field is NULL to a reader of such files
        value = written if form == "t" else unwritten(form.encode(), written)
        for place, outcome in enumerate(decode(value, append_ms, self._rules)):
            where = (part, off, place, append_ms)
            if isinstance(outcome, Sale):
                yield (*where, ACCEPTED, *_sold(outcome))
            elif isinstance(outcome, Late):
                yield (*where, LATE, *_sold(outcome.sale))
            else:
                found.reasons[outcome] += 1
                kind = UNREADABLE if outcome is Reason.UNREADABLE else REFUSED
                yield (*where, kind, *[None] * 7)

    def _create(self, table: str, columns: Mapping[str, str]) -> None:
        """Create an empty table, from the name and the type of each column."""
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self._db.execute(f"CREATE TABLE {table} ({declared})")

    def _fill(self, table: str, columns: Mapping[str, str], rows: list[tuple[Any, ...]]) -> None:
        """Insert rows, a column at a time: row by row DuckDB would take a millisecond for each."""
        if rows:
            lists = ", ".join(f"unnest(?::{kind}[])" for kind in columns.values())
            values = [list(column) for column in zip(*rows, strict=True)]
            self._db.execute(f"INSERT INTO {table} SELECT {lists}", values)

    def _run(self, name: str, **values: Any) -> duckdb.DuckDBPyConnection:
        sql = _statement(name)
        return self._db.execute(sql, values) if values else self._db.execute(sql)

    def _summary(self, found: Answers) -> None:
        for second, category, currency, *sums, is_open in self._run(SUMMARY).fetchall():
            if sums[0]:
                found.summary[second, category, currency] = SummarySums(*sums)
                found.accepted += sums[0]
            if is_open:
                found.open_summary.add((second, category, currency))

    def _repeats(self, found: Answers) -> None:
        for start_ms, duplicates, conflicting, is_open in self._run(DUPLICATES).fetchall():
            block = start_ms // 1_000, (start_ms + self._rules.once_ms) // 1_000
            if duplicates:
                found.repeats[block] = BlockDuplicates(duplicates, conflicting)
            if is_open:
                found.open_repeats.add(block)

    def _ledger(self, found: Answers) -> int:
        """Fill in the ledger and return the first second that the whole log does not close."""
        newest: dict[int, int] = {}
        counted: dict[int, int] = {}
        for row in self._run(LEDGER).fetchall():
            part, second, first, last, accepted, late, records, readable, is_open = row[:9]
            late_cents, newest_counted, newest_at_all = row[9:]
            if first is not None:
                rejected = records - accepted - late
                found.ledger[part, second] = LedgerCounts(
                    first, last, accepted, late, rejected, readable
                )
            if is_open:
                found.open_ledger.add((part, second))
            found.records += records
            found.late += late
            found.late_cents += late_cents
            counted[part] = max(counted.get(part, 0), newest_counted or 0)
            newest[part] = max(newest.get(part, 0), newest_at_all or 0)
        found.closed = min((counted.get(part, 0) for part in self._cut), default=0) // 1000
        return min((newest.get(part, 0) for part in self._cut), default=0) // 1000

    def _outliers(self, found: Answers) -> None:
        threshold = self._detection.outlier_score
        rows = self._run(
            SALE_OUTLIERS,
            block_s=self._detection.outlier_hours * 3_600,
            log_scale=constants.LOG_SCALE,
            threshold=threshold,
            min_history=constants.LEAST_HISTORY,
            min_price_spread=constants.LEAST_SPREAD,
            max_price_spread=constants.LARGEST_SPREAD,
            quantity_spread=constants.QUANTITY_SPREAD,
        ).fetchall()
        for part, off, identifier, category, cents, by_price, by_pieces, *expected in rows:
            usual = abs(by_price) <= threshold
            many = by_pieces > 0 and near(by_pieces, threshold)
            if near(by_price, threshold) or (usual and many):
                found.doubtful_offsets.add((part, off))
            if not usual:
                kind = "high_price" if by_price > 0 else "low_price"
                one = SaleOutlier(identifier, category, cents, expected[0], by_price)
            elif by_pieces > threshold:
                kind = "bulk_quantity"
                one = SaleOutlier(identifier, category, cents, expected[1], by_pieces)
            else:
                continue
            stand_for_record(found.outliers, found.doubtful_offsets, (part, off, kind), one)

    def _swings(self, found: Answers, closed: int) -> None:
        """Judge the seconds; an alert so many rows after another one belongs to it."""
        self._run(CREATE_SALES_PER_SECOND, end_second=closed)
        threshold = self._detection.surge_score
        rows = self._run(
            TRAFFIC_ANOMALIES,
            third_rows=self._detection.third,
            two_thirds_rows=2 * self._detection.third,
            history_start=self._detection.third + constants.GAP - 1,
            min_history_rows=self._detection.least_seconds,
            max_dispersion=constants.MOST_VARIATION,
            min_expected=constants.LEAST_EXPECTED,
        ).fetchall()
        alerts: dict[str, int] = {}
        doubts: dict[str, int] = {}
        for second, category, place, observed, expected, score in rows:
            alert, doubt = abs(score) > threshold, near(score, threshold)
            if doubt or (alert and place - doubts.get(category, -COOL_DOWN) <= COOL_DOWN):
                found.doubtful_seconds.add((second, category))
            if alert and place - alerts.get(category, -COOL_DOWN) > COOL_DOWN:
                kind = "surge" if score > 0 else "drought"
                found.swings[second, category, kind] = TrafficAnomaly(observed, expected, score)
            if alert:
                alerts[category] = place
            if doubt:
                doubts[category] = place


def _statement(name: str) -> str:
    return files("spaf.verify").joinpath("sql", f"{name}.sql").read_text()


def _sold(sale: Sale) -> tuple[Any, ...]:
    return (
        *(sale.product_id, sale.category, sale.currency, sale.unit_cents, sale.quantity),
        *(sale.event_ms, sale.transaction_id),
    )
