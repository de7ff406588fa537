"""From settings to a planned job: render the SQL, register it, tie each answer to its table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import TYPE_CHECKING, Any

from spaf.errors import JobError
from spaf.settings import Settings

if TYPE_CHECKING:
    from pyflink.table import StatementSet, TableEnvironment

# View of the answers → table of the sink that takes them.
RESULTS = {
    "summary_of_second": "sales_summary",
    "ledger_of_second": "ledger_second",
    "outlying_sale": "sale_anomaly",
    "outlying_second": "window_anomaly",
}
# One more while sales are deduplicated.
RESULTS_ONCE = {"duplicate_of_block": "duplicate_block"}

ANSWERS = tuple(RESULTS.values())

# How long the running sums of a second are kept after their last sale, beyond the lateness that
# the contract allows: the longest stop of the job that state still bridges, seconds. State is
# given up by the wall clock, so a job that resumes later must count again from the log.
STATE_SLACK_S = 3_600
# The same for identifiers that are looked for again: there is one for each sale, so an hour of them
# would take most of the heap.
DUPLICATE_SLACK_S = 900
# Each sink wakes up this often, ms, whether there is something to write or not. Sales are watched
# as they come and have a setting of their own; anomalies may be known a little later, and the
# ledger is read by people and by checks that wait for a checkpoint anyway.
ANOMALY_FLUSH_MS = 10
LEDGER_FLUSH_MS = 50
# A sale is judged by at least so many earlier ones of its product, a second by so many others.
LEAST_HISTORY = 5
LEAST_SECONDS = 30
# Bounds of the spread of a product's prices, in 1e-3 logarithms. At least 10 %: a client that
# always sends the same price would otherwise make each cent of change an outlier. At most 35 %: one
# tenfold typo among twenty sales makes it 50 %, and would hide the next.
LEAST_SPREAD = 100.0
MOST_SPREAD = 350.0
# Spread of the pieces of a sale, in 1e-3 logarithms: at the usual score of 5, twelve times as many
# as usual are too many.
QUANTITY_SPREAD = 500.0
# Traffic may vary this much more than chance does (variance over mean); what varies more is what
# is looked for.
MOST_VARIATION = 4.0
# Seconds looked at together at most, as the text of the SQL says: they are no past yet.
LONGEST_SPAN_S = 16
# Parts of the past that each must find a second unusual.
PARTS = 3
# Alerts of one category with fewer quiet seconds than this between them are one run.
COOL_DOWN_S = 10
# Last millisecond that a timestamp can hold with a day of lateness added.
LAST_MS = 253_402_214_399_999


# What a compiled plan does not hold, because it names tables without their options.
ENDPOINTS = ("bootstrap_servers", "topic", "group", "jdbc_url", "jdbc_user", "jdbc_password")


@dataclass(frozen=True)
class JobParameters:
    """What the SQL of the job leaves open; times in the unit of their name."""

    bootstrap_servers: str
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
    # Length of the blocks of append time in which a transactionId counts once; 0 counts each copy.
    duplicate_block_s: int = 0
    # Sinks that are written; a bench leaves some out to see what they cost.
    answers: tuple[str, ...] = ANSWERS

    @classmethod
    def of(
        cls, settings: Settings, known_categories: tuple[str, ...], **where: Any
    ) -> JobParameters:
        """Return what the settings say, for these categories.

        `where` has the addresses, which are empty where nothing is read or written, and any field
        that is not to be what the settings say.
        """
        job, sale = settings.job, settings.sale
        said: dict[str, Any] = {
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
            "duplicate_block_s": job.deduplicate_minutes * 60,
        }
        return cls(**said | where)

    def placeholders(self) -> dict[str, str]:
        """Return each placeholder of the SQL with the literal that takes its place."""
        columns = [f"n{number}" for number, _ in enumerate(self.known_categories)]
        counts = [
            f"SUM(sales) FILTER (WHERE category = {_text(category)}) AS {column}"
            for column, category in zip(columns, self.known_categories, strict=True)
        ]
        known = ", ".join(map(_text, self.known_categories))
        third = self.surge_seconds // PARTS
        counts.append(f"SUM(sales) FILTER (WHERE category NOT IN ({known})) AS others")
        rows = [
            f"ROW({_text(category)}, {column})"
            for column, category in zip(columns, self.known_categories, strict=True)
        ]
        rows.append(f"ROW({_text('(other)')}, others)")
        return {
            "bootstrap_servers": _text(self.bootstrap_servers),
            "topic": _text(self.topic),
            "group": _text(self.group),
            "jdbc_url": _text(self.jdbc_url),
            "jdbc_user": _text(self.jdbc_user),
            "jdbc_password": _text(self.jdbc_password),
            "summary_flush": _text(f"{self.flush_ms} ms"),
            "anomaly_flush": _text(f"{max(self.flush_ms, ANOMALY_FLUSH_MS)} ms"),
            "ledger_flush": _text(f"{max(self.flush_ms, LEDGER_FLUSH_MS)} ms"),
            "default_currency": _text(self.default_currency),
            "max_lateness_s": str(self.max_lateness_s),
            "max_ahead_s": str(self.max_ahead_s),
            "max_lateness_ms": str(self.max_lateness_s * 1000),
            "max_ahead_ms": str(self.max_ahead_s * 1000),
            "last_ms": str(LAST_MS),
            "state_ttl": _text(f"{self.max_ahead_s + self.max_lateness_s + STATE_SLACK_S} s"),
            "known_categories": known,
            "wide_counts": ", ".join(counts),
            "wide_rows": ", ".join(rows),
            "outlier_block_s": str(self.outlier_hours * 3600),
            "outlier_score": _double(self.outlier_score),
            "least_history": str(LEAST_HISTORY),
            "least_spread": _double(LEAST_SPREAD),
            "most_spread": _double(MOST_SPREAD),
            "quantity_spread": _double(QUANTITY_SPREAD),
            "least_seconds": str(min(LEAST_SECONDS, third)),
            "most_variation": _double(MOST_VARIATION),
            "third_seconds": str(third),
            "two_thirds_seconds": str(2 * third),
            "past_seconds": str(LONGEST_SPAN_S + third),
            "surge_score": _double(self.surge_score),
            "cool_down_seconds": str(COOL_DOWN_S),
            **self._of_blocks(),
        }

    def results(self) -> dict[str, str]:
        """Return which view answers which table."""
        chosen = {view: sink for view, sink in RESULTS.items() if sink in self.answers}
        once = self.duplicate_block_s and "summary_of_second" in chosen
        return chosen | RESULTS_ONCE if once else chosen

    def _of_blocks(self) -> dict[str, str]:
        """Return the placeholders of deduplication.

        An identifier is known until its block cannot get another copy. What its copies feed is
        known for longer: they take back what they said first.
        """
        block_s, slack_s = self.duplicate_block_s, STATE_SLACK_S
        return {
            "duplicate_block_s": str(block_s),
            "duplicate_ttl": _text(f"{block_s + DUPLICATE_SLACK_S} s"),
            "counted_ttl": _text(f"{block_s + slack_s + self.max_ahead_s + self.max_lateness_s} s"),
        }

    def digest(self) -> str:
        """Return a name for everything that the plan of the job depends on, addresses apart."""
        endpoints = JobParameters(
            **{**self.as_dict(), **dict.fromkeys(ENDPOINTS, ""), "flush_ms": 0}
        )
        text = "\0".join([*statements(endpoints), *self.answers])
        return hashlib.sha256(text.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for the wire to the process that submits."""
        return asdict(self)


# First digit of a statement's number: log and sinks, or the views between them.
TABLES, VIEWS = "0", "1"
# Folder of the statements that count each transactionId once.
ONCE = "once"


def statements(parameters: JobParameters, kinds: str = TABLES + VIEWS) -> Iterator[str]:
    """Yield the statements in the order of their numbers.

    Args:
        parameters: what takes the placeholders' places.
        kinds: which of them; a test that brings its own `sale_log` takes the views alone.

    Raises:
        JobError: the SQL names a placeholder that does not exist.

    """
    placeholders = parameters.placeholders()
    for name, path in sorted(_sources(once=bool(parameters.duplicate_block_s)).items()):
        if name[0] in kinds:
            yield render(name, path.read_text(), placeholders)


def _sources(*, once: bool) -> dict[str, Traversable]:
    """Return the files by name; those that count each sale once take the place of their namesakes.

    Without deduplication none of them takes part, so that it costs nothing then.
    """
    folder = files("spaf.job").joinpath("sql")
    folders = (folder, folder.joinpath(ONCE)) if once else (folder,)
    return {
        path.name: path
        for found in folders
        for path in found.iterdir()
        if path.name.endswith(".sql")
    }


def render(name: str, sql: str, placeholders: Mapping[str, str]) -> str:
    """Return the statement with every placeholder replaced.

    Raises:
        JobError: one of them is not known.

    """
    try:
        return Template(sql).substitute(placeholders)
    except (KeyError, ValueError) as error:
        raise JobError(f"job/sql/{name}: unknown placeholder {error}.") from None


def register_tables(environment: TableEnvironment, parameters: JobParameters) -> None:
    """Register the log and the sinks: all that a compiled plan needs."""
    for statement in statements(parameters, TABLES):
        environment.execute_sql(statement)


def register(environment: TableEnvironment, parameters: JobParameters) -> StatementSet:
    """Register log, views and sinks, and return the one statement set that runs them all."""
    register_tables(environment, parameters)
    for statement in statements(parameters, VIEWS):
        environment.execute_sql(statement)
    inserts = environment.create_statement_set()
    for view, sink in parameters.results().items():
        inserts.add_insert_sql(f"INSERT INTO {sink} SELECT * FROM {view}")  # noqa: S608 - constants
    return inserts


def _text(value: str) -> str:
    """Return a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _double(value: float) -> str:
    """Return a SQL literal of type DOUBLE; without the exponent it would be a DECIMAL."""
    text = repr(float(value))
    return text if re.search("[eE]", text) else f"{text}e0"
