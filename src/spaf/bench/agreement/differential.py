"""The differential test: the same hostile records through the real job and through `spaf.sale`.

Each record has a *slot* of time of its own: its append time is stated by the producer, and lies
further from that of any other record than lateness and lead together allow. So a ledger row belongs
to one record, and a row of sales_summary does too, whatever the job made of it; two errors cannot
cancel each other out, and nothing has to be searched for.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from spaf import clock
from spaf.bench.agreement.cases import Case, kept
from spaf.bench.agreement.fuzz import Fuzzer
from spaf.bench.run.job_run import own_job, wait_until_through
from spaf.errors import TopicError
from spaf.sale import Late, Reason, Record, Rules, Sale, decode
from spaf.sale.conformance.cases import FORMS
from spaf.sale.conformance.forms import at
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, SaleSettings, Settings
from spaf.stack.run import Run
from spaf.store.access import Role
from spaf.topic.admin import create_stamped_topic
from spaf.topic.producer import open_producer
from spaf.topic.range_reader import read

PARTITIONS = 2
SLOTS = 2
# The contract of the table of forms: its defaults, whatever the user has set for a run.
CONTRACT = SaleSettings()
RULES = Rules.of(CONTRACT)
# A slot holds every second that a sale in it may have been made in, and a minute to spare, ms.
SPARE_MS = 60_000
SLOT_MS = RULES.max_lateness_ms + RULES.max_ahead_ms + SPARE_MS
# Where in its slot a record is appended, up to a second later, ms.
APPEND_MS = RULES.max_lateness_ms + SPARE_MS // 2
# The hand-made records come first, in slots of 1971; the fuzzed ones from a slot that the seed
# chooses, before this one, which is in 2019.
FIRST_SLOT = 365 * 86_400_000 // SLOT_MS
LAST_FUZZED_SLOT = 49 * 365 * 86_400_000 // SLOT_MS
# The largest that a topic of the lab takes; the broker refuses more (kind 60), bytes.
LARGEST = 1024 * 1024
DELIVERY_SECONDS = 120.0
# Records between two looks at the producer's reports.
POLL_EVERY = 1_000
FF_IN_A_NAME = re.compile(rb'"[^"]*\xff[^"]*"\s*:')

SummaryRow = tuple[int, str, str, int, int, Decimal]


class Outcomes(NamedTuple):
    """What became of one record: its events by outcome, and the summary rows that it made."""

    accepted: int
    late: int
    refused: int
    rows: tuple[SummaryRow, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it for a report."""
        return {**self._asdict(), "rows": [[*row[:5], str(row[5])] for row in self.rows]}


NOTHING = Outcomes(0, 0, 0, ())


class Disagreement(NamedTuple):
    """One record that the job and `spaf.sale` do not make the same of."""

    case: Case
    expected: Outcomes
    found: Outcomes

    def as_dict(self) -> dict[str, Any]:
        """Return it for a report; the case is a line for the file of kept cases."""
        return {
            "case": self.case.as_dict(),
            "expected": self.expected.as_dict(),
            "found": self.found.as_dict(),
        }


@dataclass
class DifferentialReport:
    """What a differential test found."""

    seed: int
    records: int = 0
    hand_made: int = 0
    kept: int = 0
    fuzzed: int = 0
    unsettled: int = 0
    """Records that the decoder itself judges by what it has read before (a name with byte FF)."""
    outcomes: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it for --json."""
        return {
            "seed": self.seed,
            "records": self.records,
            "hand_made": self.hand_made,
            "kept": self.kept,
            "fuzzed": self.fuzzed,
            "unsettled": self.unsettled,
            "outcomes": dict(sorted(self.outcomes.items())),
            "disagreements": [one.as_dict() for one in self.disagreements],
        }


def scenario(settings: Settings) -> Settings:
    """Return the settings of a stack of its own for the test; detection stays the user's."""
    job = {**settings.job.model_dump(), "parallelism": SLOTS, "checkpoint_ms": 500}
    return settings.model_copy(
        update={
            "home": settings.home / "differential",
            "kafka": KafkaSettings(topic="differential", partitions=PARTITIONS),
            "flink": FlinkSettings(slots=SLOTS),
            "job": JobSettings(**job),
            "sale": CONTRACT,
        }
    )


def cases(records: int, seed: int) -> Iterator[Case]:
    """Yield the hand-made records, the kept ones, and so many fuzzed ones."""
    hand_made = [form.example for form in FORMS]
    for slot, example in enumerate([*hand_made, *hand_made], FIRST_SLOT):
        append_ms = _append_ms(slot)
        yield Case("hand-made", append_ms, at(example, append_ms))
    taken = set()
    for case in kept():
        taken.add(case.append_ms // SLOT_MS)
        yield case
    luck = random.Random(seed)  # noqa: S311 - not a secret
    fuzzer = Fuzzer(seed)
    slot = luck.randrange(FIRST_SLOT + 2 * len(hand_made), LAST_FUZZED_SLOT - records)
    for number in range(records):
        append_ms = _append_ms(slot + number) + luck.randrange(1_000)
        value = fuzzer.record(append_ms)
        if append_ms // SLOT_MS not in taken:
            yield Case(f"seed {seed}", append_ms, value)


def _append_ms(slot: int) -> int:
    return slot * SLOT_MS + APPEND_MS


def run(
    session: Run, settings: Settings, found: Sequence[Case], seed: int, tell: Any
) -> DifferentialReport:
    """Send the cases through the job and compare what it makes of each with `spaf.sale`.

    Args:
        session: a run, without a job of this topic; its topic and schema must be free.
        settings: with the contract `CONTRACT`.
        found: the cases, each in a slot of its own.
        seed: for the report.
        tell: is told what is being done.

    Raises:
        TopicError: the topic could not be filled or read.
        JobError: the job does not come to the end of the records.

    """
    tell("sending the records")
    fill(session, found)
    tell("planning the job")
    with own_job(session, settings, session.topic) as (place, job):
        wait_until_through(session, place, job, lambda done: tell(f"{done:,} of {len(found):,}"))
        by_slot = tables(session)
    by_time = {case.append_ms: case for case in found}
    report = DifferentialReport(seed)
    for case in found:
        report.hand_made += case.origin == "hand-made"
        report.fuzzed += case.origin.startswith("seed ")
    report.kept = len(found) - report.hand_made - report.fuzzed
    records = read(session.kafka, session.topic, {}, session.end_offsets())
    compare(report, ((by_time[record.append_ms], record) for record in records), by_slot)
    return report


def fill(session: Run, found: Iterable[Case]) -> None:
    """Append each case at its own time.

    Raises:
        TopicError: a record was not taken.

    """
    create_stamped_topic(session.kafka, session.topic, PARTITIONS)
    producer = open_producer(session.kafka, "spaf-differential", largest=LARGEST)
    failures: list[str] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.str())

    for number, case in enumerate(found):
        producer.produce(
            session.topic,
            case.value,
            partition=number % PARTITIONS,
            timestamp=case.append_ms,
            on_delivery=note,
        )
        if number % POLL_EVERY == 0:
            producer.poll(0)
    if producer.flush(DELIVERY_SECONDS) or failures:
        raise TopicError(f"Kafka did not take every record: {failures[:1]}", todo="Try again.")


def tables(session: Run) -> Mapping[int, Outcomes]:
    """Return what the job's tables say, by slot."""
    counts: dict[int, tuple[int, int, int]] = {}
    rows: defaultdict[int, list[SummaryRow]] = defaultdict(list)
    with session.access.session(Role.READ) as connection:
        for second, *three in connection.execute(
            "SELECT extract(epoch FROM append_second)::bigint, accepted, late, refused "
            "FROM ledger_second"
        ):
            slot = second * 1_000 // SLOT_MS
            before = counts.get(slot, (0, 0, 0))
            counts[slot] = (before[0] + three[0], before[1] + three[1], before[2] + three[2])
        for row in connection.execute(
            "SELECT extract(epoch FROM window_start)::bigint, category, currency, sales_count, "
            "units_sold, total_sales FROM sales_summary"
        ):
            rows[row[0] * 1_000 // SLOT_MS].append(row)
    return {
        slot: Outcomes(*counts.get(slot, (0, 0, 0)), tuple(sorted(rows[slot])))
        for slot in {*counts, *rows}
    }


def compare(
    report: DifferentialReport,
    records: Iterable[tuple[Case, Record]],
    by_slot: Mapping[int, Outcomes],
) -> None:
    """Add each record to the report, and what the two programs do not agree on."""
    seen: set[int] = set()
    for case, record in records:
        slot = record.append_ms // SLOT_MS
        seen.add(slot)
        report.records += 1
        found = by_slot.get(slot, NOTHING)
        expected, words = expectation(record)
        report.outcomes.update(words)
        if found == expected:
            continue
        if unsettled(record.value):
            report.unsettled += 1
        else:
            report.disagreements.append(Disagreement(case, expected, found))
    for slot in sorted(set(by_slot) - seen):
        ghost = Case("a slot without a record", _append_ms(slot), None)
        report.disagreements.append(Disagreement(ghost, NOTHING, by_slot[slot]))


def expectation(record: Record) -> tuple[Outcomes, list[str]]:
    """Return what `spaf.sale` makes of a record, and the outcomes in words."""
    outcomes = decode(record.value, record.append_ms, RULES)
    rows: dict[tuple[int, str, str], list[int]] = {}
    words = []
    for outcome in outcomes:
        if isinstance(outcome, Sale):
            key = outcome.event_ms // 1_000, outcome.category, outcome.currency
            sums = rows.setdefault(key, [0, 0, 0])
            for place, amount in enumerate((1, outcome.quantity, outcome.cents)):
                sums[place] += amount
            words.append("accepted")
        else:
            words.append("late" if isinstance(outcome, Late) else outcome.value)
    found = sorted(
        (*key, count, units, Decimal(cents).scaleb(-2))
        for key, (count, units, cents) in rows.items()
    )
    accepted, late = words.count("accepted"), words.count("late")
    unreadable = words.count(Reason.UNREADABLE)
    return Outcomes(accepted, late, len(words) - accepted - late - unreadable, tuple(found)), words


def unsettled(value: bytes | None) -> bool:
    """Tell whether the decoder's answer may depend on the records that it has read before.

    It looks for a name among those that it knows before it looks at the name's bytes, and a byte FF
    is what it fills shorter names with.
    """
    return value is not None and FF_IN_A_NAME.search(value) is not None


def fresh(session: Run) -> Run:
    """Return the same run with a topic and tables that nothing has used."""
    name = f"differential_{clock.now_us()}"
    return session.beside(name, name)
