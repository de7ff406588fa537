"""The rows that every program must have, and how those of one differ."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from psycopg import sql

from spaf import clock
from spaf.bench.progress import Progress, no_progress
from spaf.bench.run.dumping import dump_range
from spaf.bench.run.verdict import detection_of
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.migrate import migrate
from spaf.store.statement import composed
from spaf.topic import admin
from spaf.verify import Answers, PythonOracle, SummaryRow, TableRows, compare
from spaf.verify.dump import Dump
from spaf.verify.tables import SUMMARY


class Expected(NamedTuple):
    """What the records of a topic add up to."""

    answers: Answers
    records: int
    sales: int
    """Records that count."""

    @property
    def refused(self) -> int:
        """Records that do not count: late, or against a rule."""
        return self.records - self.sales


class Deviation(msgspec.Struct, frozen=True):
    """How the rows of a program differ from those expected."""

    rows: int
    """Rows that differ, are missing or are too many."""
    lost: int
    """Sales that a row has too few, over all rows."""
    doubled: int
    """Sales that a row has too many."""

    @property
    def exact(self) -> bool:
        """Whether every row is as expected, money to the cent."""
        return self.rows == 0

    def __str__(self) -> str:
        """Return it for a person."""
        if self.exact:
            return "exact"
        parts = [f"{self.lost:,} sales lost"] * (self.lost > 0)
        parts += [f"{self.doubled:,} counted twice"] * (self.doubled > 0)
        return ", ".join(parts or [f"{self.rows:,} rows differ"])


def expected(run: Run, progress: Progress = no_progress) -> Expected:
    """Recompute the topic of a run as it is now.

    Raises:
        TopicError: the topic cannot be read.
        VerifyError: the dump of it cannot be written.

    """
    begin, end = admin.begin_offsets(run.kafka, run.topic), run.end_offsets()
    oracle = PythonOracle(run.rules, end, detection_of(run), begin)
    dump = Dump(run.home.runs / f"dump-{clock.now_us()}")
    try:
        dump_range(dump, (run.kafka, run.topic), begin, end, oracle, progress)
        answers = oracle.answers()
    finally:
        dump.delete()
    sales = sum(row.count for row in answers.summary.values())
    return Expected(answers, sum(end.values()) - sum(begin.values()), sales)


def deviation(run: Run, wanted: Expected) -> Deviation:
    """Compare the table of a run with what is expected, by the verifier.

    Raises:
        StoreError: the table cannot be read.

    """
    with run.access.session(Role.READ) as connection:
        rows = [SummaryRow(*row) for row in queries.summary(connection)]
    verdict = compare(wanted.answers, TableRows(summary=rows, ledger=()))
    different = sum(difference.table == SUMMARY for difference in verdict.differences)
    counts = {(row.second, row.category, row.currency): row.sales_count for row in rows}
    right = {key: sums.count for key, sums in wanted.answers.summary.items()}
    surplus = [counts.get(key, 0) - right.get(key, 0) for key in counts.keys() | right.keys()]
    lost = -sum(difference for difference in surplus if difference < 0)
    return Deviation(different, lost, sum(difference for difference in surplus if difference > 0))


def counted(run: Run) -> int:
    """Return the sales in the table of a run.

    Raises:
        StoreError: the table cannot be read.

    """
    with run.access.session(Role.READ, autocommit=True) as connection:
        return queries.counted_sales(connection)


def with_new_tables(run: Run, topic: str, name: str) -> Run:
    """Return the run with a topic, and with new tables in which a program may add its own.

    Raises:
        StoreError: the tables cannot be made.

    """
    schema = f"peer_{name.replace('-', '_').replace(' ', '_')}_{clock.now_ms()}"
    made = run.with_tables(topic, schema)
    migrate(made.access)
    if made.access.passwords:
        names = {"schema": sql.Identifier(schema), "role": sql.Identifier(Role.SINK)}
        with made.access.session(Role.OWNER) as connection:
            connection.execute(composed("spaf.bench", "grant_create", **names))
    return made
