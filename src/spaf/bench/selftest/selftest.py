"""The self-test of the verifier: correct tables pass, and each kind of damage is caught.

For every seed a log is made, and the tables of a correct job that has read some records past the
upper bound. The real comparison must find them exact, and both formulations must agree. Then each
kind of damage is done to a final row, or the job reads a changed log, and the comparison must find
a difference.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Annotated, Self

import msgspec

from spaf.bench.agreement.synthetic import log
from spaf.bench.progress import Progress
from spaf.bench.scenario import Result, Scenario, Table, option
from spaf.errors import VerifyError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.sale import Record, Rules, Sale, decode
from spaf.settings import JobSettings, SaleSettings, Settings
from spaf.stack.control import Watcher
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
MIN_SCORE = 0.1
# Each transactionId counts once in blocks of this length; a log is about three of them.
ONCE_MS = 40_000
# Share of the log past the upper bound where the system is live; every other seed is not live.
PAST_SHARE = 0.05


class World(msgspec.Struct, frozen=True):
    """A log, its upper bound, and the tables of a correct job."""

    records: Sequence[Record]
    end: dict[int, int]
    cut: dict[int, int]
    seen: dict[int, int]
    """Offsets that the job has read: past the upper bound, because it goes on."""
    rules: Rules
    detection: Detection
    answers: Answers
    tables: TableRows


class DamageCount(msgspec.Struct, frozen=True):
    """How often a kind of damage was done, and how often it was caught."""

    done: int = 0
    caught: int = 0


class SelfTestResult(Result, frozen=True):
    """The result of a self-test."""

    damages: int
    caught: int
    false_alarms: int
    clean_runs: int
    seeds: int
    kinds: dict[str, DamageCount]
    passed: bool

    @classmethod
    def of(cls, seeds: int, kinds: dict[str, DamageCount], false_alarms: int) -> Self:
        """Return the result: passed if all damage was caught and no clean run raised an alarm."""
        complete = all(kind.done == kind.caught == seeds for kind in kinds.values())
        return cls(
            damages=sum(kind.done for kind in kinds.values()),
            caught=sum(kind.caught for kind in kinds.values()),
            false_alarms=false_alarms,
            clean_runs=seeds,
            seeds=seeds,
            kinds=kinds,
            passed=complete and not false_alarms,
        )

    def tables(self) -> Iterable[Table]:
        """Return a row a kind of damage."""
        rows = [(kind, count.done, count.caught) for kind, count in self.kinds.items()]
        return [Table("", ("damage", "done", "caught"), rows)]

    def summary(self) -> str:
        """Return the sums."""
        return (
            f"{self.damages:,} damages, {self.caught:,} caught; {self.clean_runs:,} clean runs, "
            f"{self.false_alarms:,} false alarms"
        )

    @property
    def reasons(self) -> list[str]:
        """What is at fault."""
        return [] if self.passed else ["the verifier misses damage, or raises a false alarm"]


class SelfTestScenario(Scenario, frozen=True):
    """Verify the verifier: damage correct tables in every way, and expect each to be caught.

    Needs no running services. For each seed a log is made, and the tables that a correct job would
    have written. Those must be found exact; each kind of damage must be found. Exit code 1 if not.
    """

    seeds: Annotated[int, option("Logs that are made.", ge=1, le=10_000)] = 20

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> SelfTestResult:  # noqa: ARG002 - no run
        """Damage the tables of each log in every way, and count what is caught.

        Raises:
            VerifyError: a damage could not be done, so that nothing would be proven.

        """
        kinds = {kind: DamageCount() for kind in (*DAMAGES, *LOG_DAMAGES, FORMULATION)}
        false_alarms = 0
        for seed in range(self.seeds):
            progress("both formulations, seed", seed + 1, self.seeds)
            world = build(seed)
            two = by_duckdb(world)
            clean = compare(world.answers, world.tables)
            false_alarms += not (clean.exact and not disagreements(world.answers, two))
            progress(f"{len(kinds)} kinds of damage, seed", seed + 1, self.seeds)
            for kind, count in kinds.items():
                caught = is_caught(kind, world, two, Random(f"{kind} {seed}"))  # noqa: S311
                kinds[kind] = DamageCount(count.done + 1, count.caught + caught)
        return SelfTestResult.of(self.seeds, kinds, false_alarms)


def build(seed: int) -> World:
    """Return the world of a seed; those of odd seeds are live."""
    records, end = log(seed)
    live = seed % 2 == 1
    cut = {part: int(stop * (1 - PAST_SHARE)) if live else stop for part, stop in end.items()}
    seen = {part: (cut[part] + stop) // 2 for part, stop in end.items()}
    rules, job = replace(Rules.of(SaleSettings()), dedup_block_ms=ONCE_MS), JobSettings()
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
    """Return the tables of a job that has read the records before these offsets."""
    recount = PythonOracle(rules, seen, detection)
    recount.feed(record for record in records if record.offset < seen[record.partition])
    return tables_of(recount.answers())


def by_duckdb(world: World) -> Answers:
    """Return the answers of the second formulation."""
    with tempfile.TemporaryDirectory(prefix="spaf-self-test-") as folder:
        dump = Dump(Path(folder))
        for part in world.end:
            dump.write(part, 0, (record for record in world.records if record.partition == part))
        dump.write_header(DumpHeader("self-test", {}, world.end, world.rules, world.detection))
        return duckdb_oracle.recompute(dump, world.cut, 1)


def is_caught(kind: str, world: World, two: Answers, rng: Random) -> bool:
    """Do one damage and return whether the comparison finds it.

    Raises:
        VerifyError: it could not be done.

    """
    if kind == FORMULATION:
        return bool(disagreements(world.answers, damaged_formulation(two, rng)))
    if kind in DAMAGES:
        tables = DAMAGES[kind](rng, world.answers, world.tables)
    else:
        tables = LOG_DAMAGES[kind](rng, world)
    if tables is None or tables == world.tables:
        raise VerifyError(f"The self-test found nothing to damage: {kind}.")
    return not compare(world.answers, tables).exact


FORMULATION = "verifier: one formulation a cent off"


def damaged_formulation(two: Answers, rng: Random) -> Answers:
    """Return answers of which one group is a cent too high."""
    key = rng.choice(sorted(two.summary))
    group = replace(two.summary[key], cents=two.summary[key].cents + 1)
    return replace(two, summary={**two.summary, key: group})


def settled_sales(world: World) -> list[int]:
    """Return the indexes of records with one accepted sale whose rows are final."""
    indexes = []
    for index, record in enumerate(world.records):
        (sale, *more) = decode(record.value, record.append_ms, world.rules)
        if (
            not more
            and isinstance(sale, Sale)
            and record.offset < world.cut[record.partition]
            and (record.partition, record.append_ms // 1_000) not in world.answers.open_ledger
            and (sale.event_ms // 1_000, sale.category, sale.currency)
            not in world.answers.open_summary
        ):
            indexes.append(index)
    return indexes


def lost_record(rng: Random, world: World) -> TableRows:
    """Let the job miss a sale."""
    index = rng.choice(settled_sales(world))
    record = world.records[index]
    return _other(world, {index: record._replace(value=None)})


def changed_price(rng: Random, world: World) -> TableRows:
    """Let the job read another price of a sale."""
    index = rng.choice(settled_sales(world))
    record = world.records[index]
    value = (record.value or b"").replace(b'"productPrice":', b'"productPrice":1')
    return _other(world, {index: record._replace(value=value)})


def swapped_records(rng: Random, world: World) -> TableRows:
    """Let the job read two sales in exchanged order, with other keys."""
    indexes = settled_sales(world)
    while True:
        left, right = rng.sample(indexes, 2)
        first, second = world.records[left], world.records[right]
        if first.append_ms // 1_000 != second.append_ms // 1_000:
            break
    odd = b'{"productId":"p","productCategory":"odd","productPrice":1,"productQuantity":1}'
    return _other(
        world, {left: first._replace(value=second.value), right: second._replace(value=odd)}
    )


def duplicated_batch(rng: Random, world: World) -> TableRows:
    """Let the job count a batch of records twice, as after a replay into old state."""
    indexes = settled_sales(world)
    first = rng.randrange(len(indexes) - BATCH)
    batch = [world.records[index] for index in indexes[first : first + BATCH]]
    recount = PythonOracle(world.rules, world.seen, world.detection)
    recount.feed(record for record in world.records if record.offset < world.seen[record.partition])
    repeated = PythonOracle(world.rules, world.seen, world.detection)
    repeated.feed(batch)
    answers, more = recount.answers(), repeated.answers()
    for key, group in more.summary.items():
        sums = answers.summary.setdefault(key, SummarySums())
        sums.count += group.count
        sums.units += group.units
        sums.cents += group.cents
    for second, intake in more.ledger.items():
        answers.ledger[second].accepted += intake.accepted
    return tables_of(answers)


def late_let_in(_: Random, world: World) -> TableRows:
    """Let the job accept late sales."""
    rules = replace(world.rules, max_lateness_ms=world.rules.max_lateness_ms * 2)
    return job_tables(world.records, world.seen, rules, world.detection)


def other_threshold(_: Random, world: World) -> TableRows:
    """Let the job detect with a threshold so low that it finds more."""
    score, tables = world.detection.outlier_score, world.tables
    while tables == world.tables and score > MIN_SCORE:
        score /= 2
        detection = replace(world.detection, outlier_score=score)
        tables = job_tables(world.records, world.seen, world.rules, detection)
    return tables


def stopped_early(_: Random, world: World) -> TableRows:
    """Let the job stop long before the upper bound and report that it has passed it."""
    seen = {part: stop // 2 for part, stop in world.cut.items()}
    return job_tables(world.records, seen, world.rules, world.detection)


def _other(world: World, changes: dict[int, Record]) -> TableRows:
    """Return the tables of a job that read other values of some records."""
    records = [changes.get(index, record) for index, record in enumerate(world.records)]
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
