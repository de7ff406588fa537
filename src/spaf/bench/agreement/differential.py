"""The differential test: the same hostile records through the real job and through `spaf.sale`.

Each record has its own *slot* of time: the producer sets its append time, which is further from
that of any other record than lateness and lead together allow. So a ledger row belongs to one
record, and so does a row of sales_summary, whatever the job made of the record. Two errors cannot
cancel each other out.
"""

from __future__ import annotations

import random
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from confluent_kafka import KafkaError, Message

from spaf import clock
from spaf.bench.agreement.cases import Case, append, kept
from spaf.bench.agreement.fuzz import Fuzzer, shown
from spaf.bench.progress import Progress
from spaf.bench.run.job_run import own_job, wait_until_through
from spaf.bench.scenario import Result, Scenario, Table, option
from spaf.errors import TopicError
from spaf.sale import Late, Reason, Record, Rules, Sale, decode
from spaf.sale.conformance.cases import FORMS
from spaf.sale.conformance.forms import at
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, SaleSettings, Settings
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.statement import statement
from spaf.topic.admin import create_stamped_topic
from spaf.topic.producer import open_producer
from spaf.topic.range_reader import read

PARTITIONS = 2
SLOTS = 2
# The contract of the table of forms: the defaults, not the settings of the user.
CONTRACT = SaleSettings()
RULES = Rules.of(CONTRACT)
# A slot covers every event time that the contract accepts for its record, and a spare minute.
SPARE_MS = 60_000
SLOT_MS = RULES.max_lateness_ms + RULES.max_ahead_ms + SPARE_MS
# Position of the append time in its slot; fuzzed records are appended up to a second later.
APPEND_MS = RULES.max_lateness_ms + SPARE_MS // 2
# The hand-made records come first, in slots of 1974: before 1973 an epoch in milliseconds has the
# magnitude of one in seconds. The fuzzed ones follow, from a slot that the seed chooses, before the
# last slot, which is in 2019.
FIRST_SLOT = 4 * 365 * 86_400_000 // SLOT_MS
LAST_FUZZED_SLOT = 49 * 365 * 86_400_000 // SLOT_MS
# Upper bound of the topic; the broker refuses larger records (kind 60).
MAX_RECORD_BYTES = 1024 * 1024
DELIVERY_S = 120.0
# Records between two polls for the producer's delivery reports.
POLL_EVERY = 1_000
FF_IN_A_NAME = re.compile(rb'"[^"]*\xff[^"]*"\s*:')

# Disagreements that a person reads; --json and --keep have all.
MAX_SHOWN = 20
# Origins of cases: the first word.
HAND_MADE, KEPT, FUZZED = "hand-made", "kept", "seed"

SummaryRow = tuple[int, str, str, int, int, Decimal]


class Outcomes(msgspec.Struct, frozen=True):
    """The outcome of one record: its events by outcome, and the summary rows that it made."""

    accepted: int
    late: int
    refused: int
    rows: tuple[SummaryRow, ...]


NO_OUTCOME = Outcomes(0, 0, 0, ())


class Disagreement(msgspec.Struct, frozen=True):
    """One record that the job and `spaf.sale` give different outcomes.

    `case`, as JSON, is a line for the file of kept cases.
    """

    case: Case
    expected: Outcomes
    found: Outcomes


class DifferentialResult(Result, frozen=True):
    """The result of a differential test."""

    seed: int
    records: int
    hand_made: int
    kept: int
    fuzzed: int
    unsettled: int
    """Records that the decoder itself decides by what it has read before (a name with byte FF)."""
    outcomes: dict[str, int]
    disagreements: list[Disagreement]

    @property
    def reasons(self) -> list[str]:
        """The number of disagreements, and the command that repeats the test."""
        repeat = f"spaf prove differential --records {self.fuzzed} --seed {self.seed} --keep FILE"
        number = len(self.disagreements)
        return [f"{number:,} disagreements; to repeat the test: {repeat}"] if number else []

    def tables(self) -> Iterable[Table]:
        """Return the counts, and the first disagreements."""
        rows = [
            ("records", self.records),
            ("hand-made", self.hand_made),
            ("kept from earlier failures", self.kept),
            ("fuzzed", self.fuzzed),
            *self.outcomes.items(),
            ("unsettled", self.unsettled),
            ("disagreements", len(self.disagreements)),
        ]
        columns = ("origin", "record", "spaf.sale", "job")
        cells = [
            (
                disagreement.case.origin,
                shown(disagreement.case.value),
                repr(disagreement.expected),
                repr(disagreement.found),
            )
            for disagreement in self.disagreements[:MAX_SHOWN]
        ]
        tables = [Table(f"seed {self.seed}", ("", "records"), rows)]
        return [*tables, Table("disagreements", columns, cells)] if cells else tables


class DifferentialScenario(Scenario, frozen=True):
    """Send hostile records through the real job and through spaf.sale, and compare each.

    Every hand-made form of the reference, every record that ever failed, and fuzzed ones go through
    a topic and the job into PostgreSQL. Outcome, value and group of each record must be those that
    spaf.sale gives it. Exit code 1 if one is not.
    """

    bare: ClassVar[bool] = True

    records: Annotated[
        int, option("Fuzzed records in addition to the hand-made ones.", ge=0, le=1_000_000)
    ] = 20_000
    seed: Annotated[
        int | None, option("Seed of the fuzzed records; without it, a random one.", ge=0)
    ] = None
    keep: Annotated[
        Path | None, option("Append each record that fails to this file (JSON lines).")
    ] = None

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the test's own stack; detection stays that of the user.

        Every copy of a transactionId counts: spaf.sale judges each record by itself.
        """
        job = {
            **settings.job.model_dump(),
            "parallelism": SLOTS,
            "checkpoint_ms": 500,
            "deduplicate_minutes": 0,
        }
        return settings.model_copy(
            update={
                "home": settings.home / "differential",
                "kafka": KafkaSettings(topic="differential", partitions=PARTITIONS),
                "flink": FlinkSettings(slots=SLOTS),
                "job": JobSettings(**job),
                "sale": CONTRACT,
            }
        )

    def measure_run(self, run: Run, progress: Progress) -> DifferentialResult:
        """Send all cases through the job and compare the outcome of each."""
        seed = secrets.randbelow(2**31) if self.seed is None else self.seed
        record = compare_all(
            fresh(run), run.settings, list(cases(self.records, seed)), seed, progress
        )
        if self.keep is not None:
            append(self.keep, (disagreement.case for disagreement in record.disagreements))
        return record


def cases(records: int, seed: int) -> Iterator[Case]:
    """Yield the hand-made records, the kept ones, and as many fuzzed ones as `records` says."""
    examples = [form.example for form in FORMS]
    for slot, example in enumerate([*examples, *examples], FIRST_SLOT):
        append_ms = _append_ms(slot)
        yield Case(HAND_MADE, append_ms, at(example, append_ms))
    taken = set()
    for case in kept():
        taken.add(case.append_ms // SLOT_MS)
        yield case
    rng = random.Random(seed)  # noqa: S311 - not a secret
    fuzzer = Fuzzer(seed)
    slot = rng.randrange(FIRST_SLOT + 2 * len(examples), LAST_FUZZED_SLOT - records)
    for number in range(records):
        append_ms = _append_ms(slot + number) + rng.randrange(1_000)
        value = fuzzer.record(append_ms)
        if append_ms // SLOT_MS not in taken:
            yield Case(f"{FUZZED} {seed}", append_ms, value)


def _append_ms(slot: int) -> int:
    return slot * SLOT_MS + APPEND_MS


def compare_all(
    run: Run, settings: Settings, sent: Sequence[Case], seed: int, progress: Progress
) -> DifferentialResult:
    """Send the cases through the job and compare the outcome of each with that of `spaf.sale`.

    Args:
        run: without a job of this topic; its topic and schema must be new.
        settings: with the contract `CONTRACT`.
        sent: the cases, each in its own slot.
        seed: for the record.
        progress: is called while the job works.

    Raises:
        TopicError: the topic could not be filled or read.
        JobError: the job does not come to the end of the records.

    """
    progress("sending the records")
    fill(run, sent)
    progress("planning the job")
    with own_job(run, settings, run.topic) as (target, job):
        wait_until_through(run, target, job, progress)
        by_slot = tables(run)
    by_time = {case.append_ms: case for case in sent}
    records = read(run.kafka, run.topic, {}, run.end_offsets())
    comparison = compare(((by_time[record.append_ms], record) for record in records), by_slot)
    origins = Counter(case.origin.split()[0].rstrip(",") for case in sent)
    return DifferentialResult(
        seed=seed,
        records=comparison.records,
        hand_made=origins[HAND_MADE],
        kept=origins[KEPT],
        fuzzed=origins[FUZZED],
        unsettled=comparison.unsettled,
        outcomes=dict(sorted(comparison.outcomes.items())),
        disagreements=comparison.disagreements,
    )


def fill(run: Run, sent: Iterable[Case]) -> None:
    """Append each case at its own time.

    Raises:
        TopicError: Kafka refused a record.

    """
    create_stamped_topic(run.kafka, run.topic, PARTITIONS)
    producer = open_producer(run.kafka, "spaf-differential", max_bytes=MAX_RECORD_BYTES)
    failures: list[str] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.str())

    for number, case in enumerate(sent):
        producer.produce(
            run.topic,
            case.value,
            partition=number % PARTITIONS,
            timestamp=case.append_ms,
            on_delivery=note,
        )
        if number % POLL_EVERY == 0:
            producer.poll(0)
    if producer.flush(DELIVERY_S) or failures:
        raise TopicError(f"Kafka did not take every record: {failures[:1]}", todo="Try again.")


def tables(run: Run) -> Mapping[int, Outcomes]:
    """Return the outcomes that the job's tables hold, by slot."""
    counts: dict[int, tuple[int, int, int]] = {}
    rows: defaultdict[int, list[SummaryRow]] = defaultdict(list)
    with run.access.session(Role.READ) as connection:
        for second, *events in connection.execute(statement("spaf.bench", "ledger_outcomes")):
            slot = second * 1_000 // SLOT_MS
            accepted, late, refused = counts.get(slot, (0, 0, 0))
            counts[slot] = (accepted + events[0], late + events[1], refused + events[2])
        for row in queries.summary(connection):
            rows[row[0] * 1_000 // SLOT_MS].append(row)
    return {
        slot: Outcomes(*counts.get(slot, (0, 0, 0)), tuple(sorted(rows[slot])))
        for slot in {*counts, *rows}
    }


class Comparison(msgspec.Struct):
    """The records that were compared, and those that the two programs disagree on."""

    records: int = 0
    unsettled: int = 0
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    disagreements: list[Disagreement] = msgspec.field(default_factory=list)


def compare(records: Iterable[tuple[Case, Record]], by_slot: Mapping[int, Outcomes]) -> Comparison:
    """Compare the outcome of each record with the rows of its slot."""
    result = Comparison()
    slots: set[int] = set()
    for case, record in records:
        slot = record.append_ms // SLOT_MS
        slots.add(slot)
        result.records += 1
        outcomes = by_slot.get(slot, NO_OUTCOME)
        expected, names = expectation(record)
        result.outcomes.update(names)
        if outcomes == expected:
            continue
        if unsettled(record.value):
            result.unsettled += 1
        else:
            result.disagreements.append(Disagreement(case, expected, outcomes))
    for slot in sorted(set(by_slot) - slots):
        unexpected = Case("a slot without a record", _append_ms(slot), None)
        result.disagreements.append(Disagreement(unexpected, NO_OUTCOME, by_slot[slot]))
    return result


def expectation(record: Record) -> tuple[Outcomes, list[str]]:
    """Return the outcome of a record by `spaf.sale`, and the name of each outcome."""
    outcomes = decode(record.value, record.append_ms, RULES)
    rows: dict[tuple[int, str, str], list[int]] = {}
    names = []
    for outcome in outcomes:
        if isinstance(outcome, Sale):
            key = outcome.event_ms // 1_000, outcome.category, outcome.currency
            sums = rows.setdefault(key, [0, 0, 0])
            for column, amount in enumerate((1, outcome.quantity, outcome.cents)):
                sums[column] += amount
            names.append("accepted")
        else:
            names.append("late" if isinstance(outcome, Late) else outcome.value)
    rows_of_record = sorted(
        (*key, count, units, Decimal(cents).scaleb(-2))
        for key, (count, units, cents) in rows.items()
    )
    accepted, late = names.count("accepted"), names.count("late")
    unreadable = names.count(Reason.UNREADABLE)
    refused = len(names) - accepted - late - unreadable
    return Outcomes(accepted, late, refused, tuple(rows_of_record)), names


def unsettled(value: bytes | None) -> bool:
    """Return whether the decoder's answer may depend on the records that it has read before.

    The decoder compares a name with those that it has seen before it decodes the name, and it pads
    shorter names with bytes FF.
    """
    return value is not None and FF_IN_A_NAME.search(value) is not None


def fresh(run: Run) -> Run:
    """Return the same run with a new topic and new tables."""
    name = f"differential_{clock.now_us()}"
    return run.with_tables(name, name)
