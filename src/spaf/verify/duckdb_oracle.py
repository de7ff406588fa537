"""The DuckDB oracle: reads a dump, and computes the rows of all tables in SQL.

DuckDB itself decodes only plain records, whose JSON it reads as the contract does;
`sql/020_record.sql` defines them. All other records go through `spaf.sale.decode`, and their number
is part of the result.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import duckdb

from spaf.errors import VerifyError
from spaf.sale import Late, Reason, Sale, decode
from spaf.sale.anomaly_kinds import MINUTE_KINDS, SALE_KINDS, SECOND_KINDS, measures
from spaf.verify import detection as constants
from spaf.verify.answers import (
    Answers,
    BlockDuplicates,
    LedgerCounts,
    SaleOutlier,
    SummarySums,
    TrafficAnomaly,
)
from spaf.verify.detection import COOL_DOWN_ROWS, classify
from spaf.verify.dump import Dump, decode_value
from spaf.verify.outliers import keep_largest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spaf.verify.dump import DumpHeader

# Statements that create macros, tables and views, in order; the others are queries.
CREATE_MACROS, CREATE_RECORD, CREATE_EVENT = "010_json_macros", "020_record", "030_event"
# The rules decide which of these two runs.
CREATE_SALE, CREATE_DEDUPLICATED_SALE = "035_sale_all_copies", "036_sale_deduplicated"
NOT_PLAIN = "025_not_plain"
SUMMARY, DUPLICATES, LEDGER = "040_summary", "045_duplicates", "050_ledger"
SALE_OUTLIERS = "060_sale_outliers"
CREATE_SALES_PER_SECOND, TRAFFIC_ANOMALIES = "070_sales_per_second", "080_traffic_anomalies"
CREATE_MINUTE_SERIES, MINUTE_ANOMALIES = "090_minute_series", "095_minute_anomalies"
ACCEPTED, LATE, REFUSED, UNREADABLE = range(4)
# Rows of a batch between DuckDB and Python.
BATCH_ROWS = 20_000
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


def recompute(dump: Dump, upper_bound: Mapping[int, int], threads: int) -> Answers:
    """Return the rows that follow from the records of a dump.

    Args:
        dump: the records, complete.
        upper_bound: for each partition of the topic the first offset that is not counted.
        threads: number of threads of DuckDB.

    Raises:
        VerifyError: DuckDB cannot read the dump, or needs more disk space.

    """
    header = dump.header()
    try:
        with duckdb.connect(config=_options(dump, threads)) as connection:
            return _DuckdbOracle(connection, dump, upper_bound, header).answers()
    except duckdb.Error as error:
        raise VerifyError(
            f"DuckDB could not recompute the dump in {dump.folder}: {error}",
            todo="If the disk is full, set SPAF_HOME to a folder on another disk.",
        ) from error


def _options(dump: Dump, threads: int) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": threads,
        # The services of the run need memory too; DuckDB spills the rest to the disk.
        "memory_limit": "50%",
        "temp_directory": str(dump.folder / "duckdb"),
        # No download: the extensions that are needed are built in.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
    }


class _DuckdbOracle:
    """One recomputation in a database of its own."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        dump: Dump,
        upper_bound: Mapping[int, int],
        header: DumpHeader,
    ) -> None:
        self._db = connection
        self._dump = dump
        self._upper_bound = upper_bound
        self._rules = header.rules
        self._detection = header.detection
        self._answers = Answers(
            upper_bound, header.begin, deduplicated=header.rules.dedup_block_ms > 0
        )

    def answers(self) -> Answers:
        """Run all statements and return the rows."""
        if not self._dump.files():
            return self._answers
        self._prepare()
        self._answers.by_decoder = self._decode_other_records()
        self._run(CREATE_EVENT)
        self._run(CREATE_DEDUPLICATED_SALE if self._rules.dedup_block_ms else CREATE_SALE)
        self._summary()
        if self._rules.dedup_block_ms:
            self._duplicate_blocks()
        end_second = self._ledger()
        self._outliers()
        self._traffic(end_second)
        self._minutes(end_second)
        return self._answers

    def _prepare(self) -> None:
        for name, value in (
            ("files", [str(file.path) for file in self._dump.files()]),
            ("currency", self._rules.default_currency),
            ("max_ahead_ms", self._rules.max_ahead_ms),
            ("max_lateness_ms", self._rules.max_lateness_ms),
            ("dedup_block_ms", self._rules.dedup_block_ms),
        ):
            self._db.execute(f"SET VARIABLE {name} = ?", [value])
        self._create("upper_bound", UPPER_BOUND)
        self._create("known_category", KNOWN_CATEGORY)
        self._create("decoded_event", DECODED_EVENT)
        self._fill("upper_bound", UPPER_BOUND, [*self._upper_bound.items()])
        categories = [(category,) for category in self._detection.categories]
        self._fill("known_category", KNOWN_CATEGORY, categories)
        self._run(CREATE_MACROS)
        self._run(CREATE_RECORD)

    def _decode_other_records(self) -> int:
        """Decode the records that are not plain with `spaf.sale`, and return their number."""
        number = 0
        for batch in self._not_plain():
            number += len(batch)
            events = [event for record in batch for event in self._events(record)]
            self._fill("decoded_event", DECODED_EVENT, events)
        return number

    def _not_plain(self) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._db.cursor()
        cursor.execute(_statement(NOT_PLAIN))
        while batch := cursor.fetchmany(BATCH_ROWS):
            yield batch

    def _events(self, record: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        partition, offset, append_ms, form, text = record
        field = (text or "").encode()  # DuckDB reads an empty field as NULL
        value = decode_value(form.encode(), field)
        for array_index, outcome in enumerate(decode(value, append_ms, self._rules)):
            key = (partition, offset, array_index, append_ms)
            if isinstance(outcome, Sale):
                yield (*key, ACCEPTED, *_sale_columns(outcome))
            elif isinstance(outcome, Late):
                yield (*key, LATE, *_sale_columns(outcome.sale))
            else:
                self._answers.reasons[outcome] += 1
                code = UNREADABLE if outcome is Reason.UNREADABLE else REFUSED
                yield (*key, code, *[None] * 7)

    def _create(self, table: str, columns: Mapping[str, str]) -> None:
        """Create an empty table, from the name and the type of each column."""
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self._db.execute(f"CREATE TABLE {table} ({declared})")

    def _fill(self, table: str, columns: Mapping[str, str], rows: list[tuple[Any, ...]]) -> None:
        """Insert rows column by column: inserting single rows takes a millisecond each."""
        if rows:
            lists = ", ".join(f"unnest(?::{kind}[])" for kind in columns.values())
            values = [list(column) for column in zip(*rows, strict=True)]
            self._db.execute(f"INSERT INTO {table} SELECT {lists}", values)

    def _run(self, name: str, **values: Any) -> duckdb.DuckDBPyConnection:
        sql = _statement(name)
        return self._db.execute(sql, values) if values else self._db.execute(sql)

    def _summary(self) -> None:
        answers = self._answers
        for second, category, currency, *sums, is_open in self._run(SUMMARY).fetchall():
            if sums[0]:
                answers.summary[second, category, currency] = SummarySums(*sums)
                answers.accepted += sums[0]
            if is_open:
                answers.open_summary.add((second, category, currency))

    def _duplicate_blocks(self) -> None:
        for start_ms, duplicates, conflicting, is_open in self._run(DUPLICATES).fetchall():
            block = start_ms // 1_000, (start_ms + self._rules.dedup_block_ms) // 1_000
            if duplicates:
                self._answers.duplicate_blocks[block] = BlockDuplicates(duplicates, conflicting)
            if is_open:
                self._answers.open_blocks.add(block)

    def _ledger(self) -> int:
        """Compute the ledger, and return the first second that the whole log does not close."""
        answers = self._answers
        newest: dict[int, int] = {}
        newest_counted: dict[int, int] = {}
        for row in self._run(LEDGER).fetchall():
            partition, second, first, last, accepted, late, records, readable, is_open = row[:9]
            late_cents, counted_ms, read_ms = row[9:]
            if first is not None:
                rejected = records - accepted - late
                answers.ledger[partition, second] = LedgerCounts(
                    first, last, accepted, late, rejected, readable
                )
            if is_open:
                answers.open_ledger.add((partition, second))
            answers.records += records
            answers.late += late
            answers.late_cents += late_cents
            newest_counted[partition] = max(newest_counted.get(partition, 0), counted_ms or 0)
            newest[partition] = max(newest.get(partition, 0), read_ms or 0)
        answers.closed = self._first_open_second(newest_counted)
        return self._first_open_second(newest)

    def _first_open_second(self, newest_ms: Mapping[int, int]) -> int:
        """Return the first second that not every partition has passed with a readable record."""
        newest = (newest_ms.get(partition, 0) for partition in self._upper_bound)
        return min(newest, default=0) // 1_000

    def _outliers(self) -> None:
        answers, threshold = self._answers, self._detection.outlier_score
        result = self._run(
            SALE_OUTLIERS,
            block_s=self._detection.outlier_hours * 3_600,
            log_scale=constants.LOG_SCALE,
            threshold=threshold,
            min_history=constants.MIN_HISTORY,
            min_price_spread=constants.MIN_PRICE_SPREAD,
            max_price_spread=constants.MAX_PRICE_SPREAD,
            quantity_spread=constants.QUANTITY_SPREAD,
        )
        columns = [name for name, *_ in result.description]
        for values in result.fetchall():
            row = dict(zip(columns, values, strict=True))
            position = row["kafka_partition"], row["kafka_offset"]
            scores = {measure: row[f"{measure}_score"] for measure in measures(SALE_KINDS)}
            kind, borderline = classify(SALE_KINDS, scores, threshold)
            if borderline:
                answers.borderline_offsets.add(position)
            if kind is not None:
                alert = SaleOutlier(
                    row["transaction_id"],
                    row["category"],
                    row["cents"],
                    row[f"{kind.measure}_expected"],
                    scores[kind.measure],
                )
                key = (*position, kind.name)
                keep_largest(answers.outliers, answers.borderline_offsets, key, alert)

    def _traffic(self, end_second: int) -> None:
        """Score the seconds before `end_second`, and drop the alerts of the cool-down."""
        self._run(CREATE_SALES_PER_SECOND, end_second=end_second)
        rows = self._run(
            TRAFFIC_ANOMALIES,
            third_rows=self._detection.third,
            two_thirds_rows=2 * self._detection.third,
            history_start=self._detection.third + constants.MAX_SPAN - 1,
            min_history_rows=self._detection.min_history_rows,
            max_dispersion=constants.MAX_DISPERSION,
            min_expected=constants.MIN_EXPECTED,
            silence_weight=constants.SILENCE_WEIGHT,
            max_bunching=constants.MAX_BUNCHING,
        ).fetchall()
        last_alert: dict[str, int] = {}
        last_borderline: dict[str, int] = {}
        before = -COOL_DOWN_ROWS
        for second, category, index, observed, expected, score in rows:
            kind, borderline = classify(
                SECOND_KINDS, {"traffic": score}, self._detection.surge_score
            )
            since_borderline = index - last_borderline.get(category, before)
            if borderline or (kind and since_borderline <= COOL_DOWN_ROWS):
                self._answers.borderline_seconds.add((second, category))
            if kind:
                if index - last_alert.get(category, before) > COOL_DOWN_ROWS:
                    anomaly = TrafficAnomaly(observed, expected, score)
                    self._answers.traffic[second, category, kind.name] = anomaly
                last_alert[category] = index
            if borderline:
                last_borderline[category] = index

    def _minutes(self, end_second: int) -> None:
        """Score the minutes that end at `end_second` or before."""
        self._run(
            CREATE_MINUTE_SERIES,
            end_second=end_second,
            max_revenue_cents=constants.MAX_REVENUE_CENTS,
        )
        rows = self._run(
            MINUTE_ANOMALIES,
            min_seasonal_rows=constants.MIN_SEASONAL_ROWS,
            seasonal_gain=constants.SEASONAL_GAIN,
            min_series_rows=constants.MIN_SERIES_ROWS,
            shift_rows=constants.SHIFT_ROWS,
            earlier_shift_rows=constants.SHIFT_ROWS - 1,
            shift_weight=constants.SHIFT_WEIGHT,
            min_relative_scale=constants.MIN_RELATIVE_SCALE,
            max_deviation=constants.MAX_DEVIATION,
            pause_rows=constants.PAUSE_ROWS,
            run_rows=constants.SERIES_RUN_ROWS,
            threshold=self._detection.series_score,
        ).fetchall()
        kinds = {(kind.measure, kind.sign): kind.name for kind in MINUTE_KINDS}
        for measure, category, second, observed, expected, deviation in rows:
            kind = kinds[measure, 1 if deviation > 0 else -1]
            self._answers.traffic[second, category, kind] = TrafficAnomaly(
                observed, expected, deviation
            )


def _statement(name: str) -> str:
    return files("spaf.verify").joinpath("sql", f"{name}.sql").read_text()


def _sale_columns(sale: Sale) -> tuple[Any, ...]:
    return (
        *(sale.product_id, sale.category, sale.currency, sale.unit_cents, sale.quantity),
        *(sale.event_ms, sale.transaction_id),
    )
