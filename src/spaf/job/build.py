"""Render the SQL of the job from the settings, and register it in a table environment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import TYPE_CHECKING, Any

from spaf.errors import JobError
from spaf.sale.anomaly_kinds import MINUTE_KINDS, SALE_KINDS, SECOND_KINDS, measures
from spaf.settings import Settings

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

# Result view → table of the sink that it is written to.
SINK_BY_VIEW = {
    "summary_per_second": "sales_summary",
    "ledger_per_second": "ledger_second",
    "sale_outlier": "sale_anomaly",
    "traffic_outlier": "window_anomaly",
    "series_outlier": "window_anomaly",
}
# The additional result while sales are deduplicated.
DEDUP_SINK_BY_VIEW = {"duplicates_per_block": "duplicate_block"}

SINKS = tuple(dict.fromkeys(SINK_BY_VIEW.values()))

# State of the running sums of a second lives this long after their last sale, beyond the lateness
# that the contract allows. It is also the longest stop of the job that state survives, because it
# expires by the wall clock: a job that resumes later must count again from the log.
STATE_SLACK_S = 3_600
# The same for the identifiers of deduplication. There is one for each sale, so an hour of them
# would fill most of the heap.
DUPLICATE_SLACK_S = 900
# Flush interval of the sinks. Sales have a setting, because the page shows them as they arrive;
# anomalies may be written a little later, and readers of the ledger wait for a checkpoint anyway.
ANOMALY_FLUSH_MS = 10
LEDGER_FLUSH_MS = 50
# What a read of the topic returns at most: records of one poll, bytes of one partition. A job that
# is behind reads in larger pieces than with Kafka's defaults, 500 and 1 MiB.
MAX_POLL_RECORDS = 5_000
MAX_FETCH_BYTES = 4 * 2**20
# Earlier sales of its product that a sale needs to be scored, and rows of history that a second
# needs.
MIN_HISTORY = 5
MIN_HISTORY_ROWS = 30
# Bounds of the spread of a product's prices, in 1e-3 logarithms. At least 10 %: for a client that
# always sends the same price each cent of change would be an outlier otherwise. At most 35 %: one
# tenfold typing error among twenty sales makes the spread 50 %, which would hide the next error.
MIN_PRICE_SPREAD = 100.0
MAX_PRICE_SPREAD = 350.0
# Spread of the quantity of a sale, in 1e-3 logarithms: at the default score of 5, twelve times the
# usual quantity is an outlier.
QUANTITY_SPREAD = 500.0
# Kafka numbers the partitions of a topic from 0 to below this.
MAX_PARTITIONS = 2**31
# Traffic may vary this much more than chance does (variance over mean); more is an anomaly itself.
MAX_DISPERSION = 4.0
# Longest span of seconds that is scored, as the text of the SQL has it; the history ends before it.
MAX_SPAN_S = 16
# Factor of the score of a silence. A silence begins with a sale, wherever that is, so that more of
# them are compared than of the other spans: with 0.95 there are as few false alerts.
SILENCE_WEIGHT = 0.95
# Maximum of the time from the last sale of a second to its end, in units of what chance makes it.
# Over forty seconds chance alone stays below 1.7; sales in bunches have half a bunch.
MAX_BUNCHING = 2
# Parts of the history; a second is an anomaly only if it is one against each of them.
HISTORY_PARTS = 3
# Alerts of one category with fewer seconds than this between them are one run.
COOL_DOWN_S = 10
# The category that stands for all outside the catalogue.
OTHER_CATEGORIES = "(other)"
# Limit of the revenue of one sale in a series: sums of millions of sales still fit a BIGINT, and
# those of real ones are exact as a DOUBLE.
MAX_REVENUE_CENTS = 10**12
# Rows of a minute series that are history before the first one is scored.
MIN_SERIES_ROWS = 60
# Rows with a seasonal prediction before it may replace the simpler one, and the part of that one's
# squared errors that its own must stay below.
MIN_SEASONAL_ROWS = 100
SEASONAL_GAIN = 0.8
HOURS = 24
# The partitions that a row of a series is sent to where no state expires: that of its hour.
OWN_HOUR = f"ARRAY[MOD(hour_slot, {HOURS})]"
# A shift is the mean of this number of last rows. Its deviation counts this many times, because a
# mean varies less than a row.
SHIFT_ROWS = 12
SHIFT_WEIGHT = 1.6
# A scale is at least this part of the expected value: rounding is no anomaly.
MIN_RELATIVE_SCALE = 1e-6
# Limit of a score: a constant history has no scale.
MAX_DEVIATION = 1_000.0
# Rows for which an alert stands: only a larger deviation among them is another alert.
PAUSE_ROWS = 240
# Alerts of a series with fewer rows than this between them are one run.
SERIES_RUN_ROWS = 12
# Event time of a record that breaks a rule, or whose time cannot be read: the largest BIGINT, which
# is too far ahead. Less any append time it is still a BIGINT.
UNREADABLE_MS = 2**63 - 1
# What a time before 1970 is moved by, ms: far beyond every time that the contract accepts.
FAR_FUTURE_MS = 10**15
# Maximum distance of a price from a whole cent, in cents: a twentieth, less what doubles round.
CENT_TOLERANCE = 0.0499


# A date that exists, from 1970 to 2037; leap years are those that four divides.
ISO_DATE = (
    r"((19[7-9]\d|20[0-2]\d|203[0-7])-"
    r"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    r"|(19(7[26]|8[048]|9[26])|20([02][048]|[13][26]))-02-29)"
)
ISO_TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?"
# As programs write it: ` UTC`, `-03`, `-0300`, `-03:00[America/Sao_Paulo]`.
ISO_ZONE = (
    r"( ?([Zz]|UTC|GMT|[+-](0\d|1[0-3])(:?[0-5]\d)?|[+-]14(:?00)?)(\[[A-Za-z0-9_+/-]{1,40}\])?)?"
)
ISO_8601 = rf"\A{ISO_DATE}[Tt ]{ISO_TIME}{ISO_ZONE}\z"

# Parameters that a compiled plan does not hold, because it names tables without their options.
ENDPOINTS = (
    "bootstrap_servers",
    "kafka_security",
    "topic",
    "group",
    "jdbc_url",
    "jdbc_user",
    "jdbc_password",
)

# Options of the connectors that no setting changes, as `digest` has them.
CONNECTORS = {
    "flush_rows": 0,
    "poll_records": MAX_POLL_RECORDS,
    "fetch_bytes": MAX_FETCH_BYTES,
}


@dataclass(frozen=True)
class JobParameters:
    """The values of the placeholders in the SQL of the job; times in the unit of their name."""

    bootstrap_servers: str
    # Protocol, login and certificates: the value of `connector_options`.
    kafka_security: str
    topic: str
    group: str
    jdbc_url: str
    jdbc_user: str
    jdbc_password: str
    flush_ms: int
    default_currency: str
    max_lateness_s: int
    max_ahead_s: int
    known_categories: tuple[str, ...]
    outlier_hours: int
    outlier_score: float
    surge_seconds: int
    surge_score: float
    series_score: float
    # Length of the blocks of append time in which a transactionId counts once; 0 counts each copy.
    duplicate_block_s: int = 0
    # Seconds of the log that pass in one of the clock: the lifetimes of state are divided by it. 1
    # but where a benchmark compresses a log.
    acceleration: int = 1
    # What only the connectors know. Changed rows after which a sink writes before its interval has
    # passed, 0: never; see MAX_POLL_RECORDS and MAX_FETCH_BYTES.
    flush_rows: int = 0
    poll_records: int = MAX_POLL_RECORDS
    fetch_bytes: int = MAX_FETCH_BYTES
    # Sinks that are written; a benchmark leaves some out to measure their cost.
    sinks: tuple[str, ...] = SINKS

    @classmethod
    def of(
        cls, settings: Settings, known_categories: tuple[str, ...], **overrides: Any
    ) -> JobParameters:
        """Return the parameters that the settings give, for these categories.

        Args:
            settings: the settings of the run.
            known_categories: the categories that are counted one by one.
            overrides: the endpoints, which are empty by default, and any field that differs from
                the settings.

        """
        job, sale = settings.job, settings.sale
        values: dict[str, Any] = {
            **dict.fromkeys(ENDPOINTS, ""),
            "flush_ms": job.flush_ms,
            "default_currency": sale.currency,
            "max_lateness_s": sale.max_lateness_s,
            "max_ahead_s": sale.max_ahead_s,
            "known_categories": known_categories,
            "outlier_hours": job.outlier_hours,
            "outlier_score": job.outlier_score,
            "surge_seconds": job.surge_seconds,
            "surge_score": job.surge_score,
            "series_score": job.series_score,
            "duplicate_block_s": job.deduplicate_minutes * 60,
        }
        return cls(**values | overrides)

    def placeholders(self) -> dict[str, str]:
        """Return the literal of each placeholder of the SQL, by name."""
        known = ", ".join(map(_text, self.known_categories))
        third = self.surge_seconds // HISTORY_PARTS
        max_lateness_ms, max_ahead_ms = self.max_lateness_s * 1000, self.max_ahead_s * 1000
        return {
            "bootstrap_servers": _text(self.bootstrap_servers),
            "kafka_security": self.kafka_security,
            "topic": _text(self.topic),
            "group": _text(self.group),
            "jdbc_url": _text(self.jdbc_url),
            "jdbc_user": _text(self.jdbc_user),
            "jdbc_password": _text(self.jdbc_password),
            "summary_flush": _text(f"{self.flush_ms} ms"),
            "anomaly_flush": _text(f"{max(self.flush_ms, ANOMALY_FLUSH_MS)} ms"),
            "ledger_flush": _text(f"{max(self.flush_ms, LEDGER_FLUSH_MS)} ms"),
            "flush_rows": _text(str(self.flush_rows)),
            "poll_records": _text(str(self.poll_records)),
            "fetch_bytes": _text(str(self.fetch_bytes)),
            "default_currency": _text(self.default_currency),
            "max_lateness_ms": str(max_lateness_ms),
            "max_ahead_ms": str(max_ahead_ms),
            "accepted": f"append_ms - event_ms BETWEEN -{max_ahead_ms} AND {max_lateness_ms}",
            "unreadable_ms": str(UNREADABLE_MS),
            "far_future_ms": str(FAR_FUTURE_MS),
            "iso_8601": _text(ISO_8601),
            "cent_tolerance": _double(CENT_TOLERANCE),
            "state_ttl": _text(f"{self._state_ttl_ms()} ms"),
            "known_categories": known,
            "other_categories": _text(OTHER_CATEGORIES),
            "all_categories": ", ".join(
                f"CAST({_text(category)} AS STRING)"
                for category in (*self.known_categories, OTHER_CATEGORIES)
            ),
            "max_revenue_cents": str(MAX_REVENUE_CENTS),
            "outlier_block_ms": str(self.outlier_hours * 3_600_000),
            "partitions": str(MAX_PARTITIONS),
            "min_history": str(MIN_HISTORY),
            "min_price_spread": _double(MIN_PRICE_SPREAD),
            "max_price_spread": _double(MAX_PRICE_SPREAD),
            "quantity_spread": _double(QUANTITY_SPREAD),
            "min_price_distance": _double(self._min_distance(MIN_PRICE_SPREAD)),
            "min_quantity_distance": _double(self._min_distance(QUANTITY_SPREAD)),
            "min_history_rows": str(min(MIN_HISTORY_ROWS, third)),
            "max_dispersion": _double(MAX_DISPERSION),
            "third_rows": str(third),
            "two_thirds_rows": str(2 * third),
            "history_start": str(MAX_SPAN_S + third),
            "surge_score": _double(self.surge_score),
            "silence_weight": _double(SILENCE_WEIGHT),
            "max_bunching": str(MAX_BUNCHING),
            "cool_down_s": str(COOL_DOWN_S),
            "series_score": _double(self.series_score),
            **_series(),
            **self._anomaly_kinds(),
            **self._dedup_placeholders(),
        }

    def _state_ttl_ms(self) -> int:
        """Return how long the sums of a second are kept after their last change."""
        seconds = self.max_ahead_s + self.max_lateness_s + STATE_SLACK_S
        return seconds * 1_000 // self.acceleration

    def _min_distance(self, min_spread: float) -> float:
        """Return how far an outlier is from the mean at least, in 1e-3 logarithms.

        One less than its score and the smallest spread say, so that rounding excludes none.
        """
        return self.outlier_score * min_spread - 1

    def sink_by_view(self) -> dict[str, str]:
        """Return each result view with the sink that it is written to."""
        chosen = {view: sink for view, sink in SINK_BY_VIEW.items() if sink in self.sinks}
        dedup = self.duplicate_block_s and "summary_per_second" in chosen
        return chosen | DEDUP_SINK_BY_VIEW if dedup else chosen

    def _anomaly_kinds(self) -> dict[str, str]:
        """Return the placeholders that follow from the kinds of anomaly."""
        threshold = _double(self.outlier_score)
        comparison = {1: f"> {threshold}", -1: f"< -{threshold}"}
        conditions = {
            kind.name: f"{kind.measure}_score {comparison[kind.sign]}" for kind in SALE_KINDS
        }
        kind_cases = (f"WHEN {test} THEN {_text(name)}" for name, test in conditions.items())
        window_kind = {kind.sign: _text(kind.name) for kind in SECOND_KINDS}
        return {
            "is_unusual": " OR ".join(conditions.values()),
            "sale_kind_cases": " ".join(kind_cases),
            "sale_expected_cases": _cases_by_measure("expected"),
            "sale_score_cases": _cases_by_measure("score"),
            "series_kind_cases": " ".join(
                f"WHEN series LIKE '{kind.measure}/%' AND {kind.sign} * score > 0 "
                f"THEN {_text(kind.name)}"
                for kind in MINUTE_KINDS
            ),
            "rising_kind": window_kind[1],
            "falling_kind": window_kind[-1],
        }

    def _dedup_placeholders(self) -> dict[str, str]:
        """Return the placeholders of deduplication.

        State of an identifier lives until its block can get no further copy. State of the sums that
        its copies feed lives longer, because a copy may retract from them.
        """
        block_s, slack_s = self.duplicate_block_s, STATE_SLACK_S
        return {
            "duplicate_block_ms": str(block_s * 1000),
            "duplicate_ttl": _text(f"{block_s + DUPLICATE_SLACK_S} s"),
            "counted_ttl": _text(f"{block_s + slack_s + self.max_ahead_s + self.max_lateness_s} s"),
        }

    def digest(self) -> str:
        """Return a hash of everything that the plan of the job depends on.

        It names tables without their options, so neither endpoints nor the connectors' options are
        part of it.
        """
        unset: dict[str, Any] = {**dict.fromkeys(ENDPOINTS, ""), "flush_ms": 0, **CONNECTORS}
        text = "\0".join([*statements(replace(self, **unset)), *self.sinks])
        return hashlib.sha256(text.encode()).hexdigest()


# First digit of a statement's number: source and sinks, or the views between them.
TABLES, VIEWS = "0", "1"
# Folder of the statements of deduplication.
DEDUP = "dedup"


def statements(parameters: JobParameters, kinds: str = TABLES + VIEWS) -> Iterator[str]:
    """Yield the statements in the order of their numbers.

    Args:
        parameters: the values of the placeholders.
        kinds: which statements; a caller with its own `sale_log` needs only the views.

    Raises:
        JobError: the SQL names a placeholder that does not exist.

    """
    placeholders = parameters.placeholders()
    for name, path in sorted(_sources(dedup=bool(parameters.duplicate_block_s)).items()):
        if name[0] in kinds:
            yield render(name, path.read_text(), placeholders)


def _sources(*, dedup: bool) -> dict[str, Traversable]:
    """Return the files by name; a file of deduplication replaces the one of the same name.

    Without deduplication none of them is used, so that it costs nothing when it is off.
    """
    root = files("spaf.job").joinpath("sql")
    folders = (root, root.joinpath(DEDUP)) if dedup else (root,)
    return {
        path.name: path
        for folder in folders
        for path in folder.iterdir()
        if path.name.endswith(".sql")
    }


def render(name: str, sql: str, placeholders: Mapping[str, str]) -> str:
    """Return the statement with every placeholder replaced.

    Raises:
        JobError: a placeholder has no value.

    """
    try:
        return Template(sql).substitute(placeholders)
    except (KeyError, ValueError) as error:
        raise JobError(f"job/sql/{name}: unknown placeholder {error}.") from None


def connector_options(options: Mapping[str, str]) -> str:
    """Return options of Kafka's client as lines of a table's options."""
    return "".join(
        f"{_text(f'properties.{name}')} = {_text(value)},\n    " for name, value in options.items()
    )


def register_tables(environment: TableEnvironment, parameters: JobParameters) -> None:
    """Register source and sinks: all that a compiled plan needs."""
    for statement in statements(parameters, TABLES):
        environment.execute_sql(statement)


def register(environment: TableEnvironment, parameters: JobParameters) -> StatementSet:
    """Register source, views and sinks, and return the statement set that writes every sink."""
    register_tables(environment, parameters)
    for statement in statements(parameters, VIEWS):
        environment.execute_sql(statement)
    inserts = environment.create_statement_set()
    for view, sink in parameters.sink_by_view().items():
        inserts.add_insert_sql(f"INSERT INTO {sink} SELECT * FROM {view}")  # noqa: S608 - constants
    return inserts


def _series() -> dict[str, str]:
    """Return the placeholders of the rule for series."""
    hours = ", ".join(map(str, range(HOURS)))
    lags = range(1, SHIFT_ROWS + 1)
    return {
        "touched_hours": f"CASE WHEN hour_rows = 1 THEN ARRAY[{hours}] ELSE {OWN_HOUR} END",
        "earlier_residuals": ", ".join(
            f"LAG(residual, {rows}) OVER by_time AS residual_{rows}" for rows in lags
        ),
        "last_residuals": " + ".join(["residual", *(f"residual_{rows}" for rows in lags[:-1])]),
        "min_seasonal_rows": str(MIN_SEASONAL_ROWS),
        "seasonal_gain": _double(SEASONAL_GAIN),
        "min_series_rows": str(MIN_SERIES_ROWS),
        "shift_rows": str(SHIFT_ROWS),
        "shift_weight": _double(SHIFT_WEIGHT),
        "third": _double(1 / 3),
        "min_relative_scale": _double(MIN_RELATIVE_SCALE),
        "max_deviation": _double(MAX_DEVIATION),
        "pause_preceding": str(PAUSE_ROWS - 1),
        "series_run_rows": str(SERIES_RUN_ROWS),
    }


def _cases_by_measure(column: str) -> str:
    """Return the branches of a CASE that take a column of the measure that decides on the kind."""
    branches = []
    for measure in measures(SALE_KINDS):
        names = ", ".join(_text(kind.name) for kind in SALE_KINDS if kind.measure == measure)
        branches.append(f"WHEN kind IN ({names}) THEN {measure}_{column}")
    return " ".join(branches)


def _text(value: str) -> str:
    """Return a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _double(value: float) -> str:
    """Return a SQL literal of type DOUBLE; without the exponent it would be a DECIMAL."""
    text = repr(float(value))
    return text if re.search("[eE]", text) else f"{text}e0"
