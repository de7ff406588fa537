"""The verifier, verified: right tables pass, and each kind of damage is caught.

For every seed a log is made, and the tables that a right job would hold after some more records
than the cut. Those must be found exact by the real comparison, both formulations agreeing. Then
each kind of damage is done to a settled row, or the job is made to have seen another log, and the
comparison must say so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from spaf.bench.agreement.synthetic import log
from spaf.errors import VerifyError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.sale import Record, Rules, Sale, decode
from spaf.settings import JobSettings, SaleSettings
from spaf.verify import (
    Answers,
    Detection,
    PythonOracle,
    SummarySums,
    TableRows,
    compare,
    disagreements,
    duckdb_oracle,
)
from spaf.verify.damage import DAMAGES
from spaf.verify.dump import Dump, DumpHeader
from spaf.verify.render import tables_of

# Records of a batch that is counted twice.
BATCH = 20
# Nearly every sale has a higher score than this.
LEAST_SCORE = 0.1
# Each transactionId counts once in blocks of this length; a log is about three of them.
ONCE_MS = 40_000
# The share of the log that is behind the cut, where the system is live; every other seed is not.
BEHIND = 0.05

Tell = Callable[[str], None]


@dataclass(frozen=True)
class World:
    """A log, its cut, and what a right job would hold."""

    records: Sequence[Record]
    end: dict[int, int]
    cut: dict[int, int]
    seen: dict[int, int]
    """How far the job has come: behind the cut, because it goes on."""
    rules: Rules
    detection: Detection
    answers: Answers
    tables: TableRows


@dataclass(frozen=True)
class DamageCount:
    """How often a kind of damage was done, and how often it was caught."""

    kind: str
    done: int = 0
    caught: int = 0


@dataclass(frozen=True)
class SelfTest:
    """What the self-test came to."""

    seeds: int
    kinds: list[DamageCount]
    false_alarms: int
    clean_runs: int

    @property
    def passed(self) -> bool:
        """Whether every damage of every kind was caught, and no clean run gave an alarm."""
        whole = all(found.done == found.caught == self.seeds for found in self.kinds)
        return whole and not self.false_alarms

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        return {
            "damages": sum(found.done for found in self.kinds),
            "caught": sum(found.caught for found in self.kinds),
            "false_alarms": self.false_alarms,
            "clean_runs": self.clean_runs,
            "seeds": self.seeds,
            "kinds": {
                found.kind: {"done": found.done, "caught": found.caught} for found in self.kinds
            },
            "passed": self.passed,
        }


def self_test(seeds: int, tell: Tell) -> SelfTest:
    """Damage the tables of so many logs in every way, and return what was caught.

    Raises:
        VerifyError: a damage could not be done, so that nothing would be proven.

    """
    kinds = {kind: DamageCount(kind) for kind in (*DAMAGES, *LOG_DAMAGES, FORMULATION)}
    false_alarms = 0
    for seed in range(seeds):
        tell(f"seed {seed + 1} of {seeds}: both formulations")
        world = build(seed)
        two = by_duckdb(world)
        clean = compare(world.answers, world.tables)
        false_alarms += not (clean.exact and not disagreements(world.answers, two))
        tell(f"seed {seed + 1} of {seeds}: {len(kinds)} kinds of damage")
        for kind, one in kinds.items():
            caught = is_caught(kind, world, two, Random(f"{kind} {seed}"))  # noqa: S311
            kinds[kind] = replace(one, done=one.done + 1, caught=one.caught + caught)
    return SelfTest(seeds, list(kinds.values()), false_alarms, seeds)


def build(seed: int) -> World:
    """Return the world of a seed; those of odd ones are live."""
    records, end = log(seed)
    live = seed % 2 == 1
    cut = {part: int(stop * (1 - BEHIND)) if live else stop for part, stop in end.items()}
    seen = {part: (cut[part] + stop) // 2 for part, stop in end.items()}
    rules, job = replace(Rules.of(SaleSettings()), once_ms=ONCE_MS), JobSettings()
    detection = Detection(
        job.outlier_hours, job.outlier_score, job.surge_seconds, job.surge_score, CATEGORIES
    )
    recount = PythonOracle(rules, cut, detection)
    recount.feed(records)
    tables = job_tables(records, seen, rules, detection)
    return World(records, end, cut, seen, rules, detection, recount.answers(), tables)


def job_tables(
    records: Sequence[Record], seen: dict[int, int], rules: Rules, detection: Detection
) -> TableRows:
    """Return the tables of a job that has come so far."""
    recount = PythonOracle(rules, seen, detection)
    recount.feed(record for record in records if record.offset < seen[record.partition])
    return tables_of(recount.answers())


def by_duckdb(world: World) -> Answers:
    """Return what the second formulation makes of the log."""
    with tempfile.TemporaryDirectory(prefix="spaf-self-test-") as folder:
        dump = Dump(Path(folder))
        for part in world.end:
            dump.write(part, 0, (record for record in world.records if record.partition == part))
        dump.write_header(DumpHeader("self-test", {}, world.end, world.rules, world.detection))
        return duckdb_oracle.recompute(dump, world.cut, 1)


def is_caught(kind: str, world: World, two: Answers, luck: Random) -> bool:
    """Do one damage and return whether the comparison says so.

    Raises:
        VerifyError: it could not be done.

    """
    if kind == FORMULATION:
        return bool(disagreements(world.answers, damaged_formulation(two, luck)))
    if kind in DAMAGES:
        tables = DAMAGES[kind](luck, world.answers, world.tables)
    else:
        tables = LOG_DAMAGES[kind](luck, world)
    if tables is None or tables == world.tables:
        raise VerifyError(f"The self-test found nothing to damage: {kind}.")
    return not compare(world.answers, tables).exact


FORMULATION = "verifier: one formulation a cent off"


def damaged_formulation(two: Answers, luck: Random) -> Answers:
    """Return answers of which one group is a cent too high."""
    key = luck.choice(sorted(two.summary))
    group = replace(two.summary[key], cents=two.summary[key].cents + 1)
    return replace(two, summary={**two.summary, key: group})


def settled_sales(world: World) -> list[int]:
    """Return the places of the records that are one accepted sale and touch settled rows only."""
    found = []
    for place, record in enumerate(world.records):
        (sale, *more) = decode(record.value, record.append_ms, world.rules)
        if (
            not more
            and isinstance(sale, Sale)
            and record.offset < world.cut[record.partition]
            and (record.partition, record.append_ms // 1_000) not in world.answers.open_ledger
            and (sale.event_ms // 1_000, sale.category, sale.currency)
            not in world.answers.open_summary
        ):
            found.append(place)
    return found


def lost_record(luck: Random, world: World) -> TableRows:
    """Have the job miss a sale."""
    place = luck.choice(settled_sales(world))
    record = world.records[place]
    return _other(world, {place: record._replace(value=None)})


def changed_price(luck: Random, world: World) -> TableRows:
    """Have the job read another price of a sale."""
    place = luck.choice(settled_sales(world))
    record = world.records[place]
    value = (record.value or b"").replace(b'"productPrice":', b'"productPrice":1')
    return _other(world, {place: record._replace(value=value)})


def swapped_records(luck: Random, world: World) -> TableRows:
    """Have the job read two sales in each other's place, with other keys."""
    places = settled_sales(world)
    while True:
        one, two = luck.sample(places, 2)
        here, there = world.records[one], world.records[two]
        if here.append_ms // 1_000 != there.append_ms // 1_000:
            break
    odd = b'{"productId":"p","productCategory":"odd","productPrice":1,"productQuantity":1}'
    return _other(world, {one: here._replace(value=there.value), two: there._replace(value=odd)})


def duplicated_batch(luck: Random, world: World) -> TableRows:
    """Have the job count a run of records twice, as after a replay into old state."""
    places = settled_sales(world)
    first = luck.randrange(len(places) - BATCH)
    again = [world.records[place] for place in places[first : first + BATCH]]
    recount = PythonOracle(world.rules, world.seen, world.detection)
    recount.feed(one for one in world.records if one.offset < world.seen[one.partition])
    twice = PythonOracle(world.rules, world.seen, world.detection)
    twice.feed(again)
    answers, more = recount.answers(), twice.answers()
    for key, group in more.summary.items():
        mine = answers.summary.setdefault(key, SummarySums())
        mine.count += group.count
        mine.units += group.units
        mine.cents += group.cents
    for place, intake in more.ledger.items():
        answers.ledger[place].accepted += intake.accepted
    return tables_of(answers)


def late_let_in(_: Random, world: World) -> TableRows:
    """Have the job take for good what is late."""
    rules = replace(world.rules, max_lateness_ms=world.rules.max_lateness_ms * 2)
    return job_tables(world.records, world.seen, rules, world.detection)


def other_threshold(_: Random, world: World) -> TableRows:
    """Have the job detect with a lower threshold, so low that it finds more."""
    score, tables = world.detection.outlier_score, world.tables
    while tables == world.tables and score > LEAST_SCORE:
        score /= 2
        detection = replace(world.detection, outlier_score=score)
        tables = job_tables(world.records, world.seen, world.rules, detection)
    return tables


def stopped_early(_: Random, world: World) -> TableRows:
    """Have the job stop long before the cut and claim to be done."""
    seen = {part: stop // 2 for part, stop in world.cut.items()}
    return job_tables(world.records, seen, world.rules, world.detection)


def _other(world: World, changes: dict[int, Record]) -> TableRows:
    """Return the tables of a job that saw some records otherwise."""
    records = [changes.get(place, record) for place, record in enumerate(world.records)]
    return job_tables(records, world.seen, world.rules, world.detection)


LOG_DAMAGES: dict[str, Callable[[Random, World], TableRows]] = {
    "log: lost record": lost_record,
    "log: changed price": changed_price,
    "log: records in each other's place": swapped_records,
    "log: duplicated batch": duplicated_batch,
    "log: late sales let in": late_let_in,
    "log: other threshold": other_threshold,
    "log: stopped early": stopped_early,
}
