"""The log of a replay, and that a difference between two dumps is seen."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec

from spaf.bench.agreement.replay import (
    BEGIN_MS,
    LOG_S,
    TABLES,
    UNUSUAL,
    VARIANTS,
    ReplayResult,
    ReplayRun,
    Size,
    Variant,
    differences,
    log_of,
)
from spaf.generate.shop.assortment import CATEGORIES
from spaf.sale import Late, Reason, Record, Rules, Sale, decode
from spaf.settings import JobSettings, SaleSettings
from spaf.verify import Detection
from spaf.verify.python_oracle import PythonOracle

EVENTS = 6_000
LOG = list(log_of(EVENTS, 4, 1))


def test_a_log_is_the_same_every_time() -> None:
    """Seed and size decide every byte."""
    assert list(log_of(EVENTS, 4, 1)) == LOG
    assert list(log_of(EVENTS, 4, 2)) != LOG


def test_a_log_holds_what_could_tell_replays_apart() -> None:
    """Late, hostile, unusual seconds, a silent one, and one partition with most records."""
    assert abs(len(LOG) - EVENTS) <= 1
    partitions = Counter(line.partition for line in LOG)
    assert set(partitions) == {0, 1, 2, 3}
    assert partitions[0] > 5 * max(partitions[n] for n in (1, 2, 3))
    rules = Rules.of(SaleSettings())
    outcomes = [one for line in LOG for one in decode(line.value, line.append_ms, rules)]
    kinds = Counter(type(outcome).__name__ for outcome in outcomes)
    assert kinds[Late.__name__] > 20
    assert kinds[Reason.__name__] > 20
    assert kinds[Sale.__name__] > EVENTS * 0.9
    seconds = Counter((line.append_ms - BEGIN_MS) // 1_000 for line in LOG)
    assert max(seconds) == LOG_S - 1
    assert seconds[220] == 0
    assert seconds[260] > 4 * seconds[100]
    assert set(UNUSUAL) < set(range(LOG_S))


def test_a_log_has_unusual_minutes() -> None:
    """Of sales and of revenue, after more than an hour of history."""
    records: list[Record] = []
    ends: Counter[int] = Counter()
    for line in log_of(2 * EVENTS, 4, 3):
        records.append(Record(line.partition, ends[line.partition], line.append_ms, line.value))
        ends[line.partition] += 1
    rules, job = Rules.of(SaleSettings()), JobSettings()
    detection = Detection(
        job.outlier_hours, job.outlier_score, job.surge_seconds, job.surge_score, CATEGORIES
    )
    oracle = PythonOracle(rules, ends, detection)
    oracle.feed(records)
    kinds = {kind for _, _, kind in oracle.answers().traffic}
    assert {"busy_minute", "high_revenue"} <= kinds


def test_append_times_never_step_back() -> None:
    """As on a topic that stamps arrival by itself."""
    assert all(one.append_ms <= other.append_ms for one, other in pairwise(LOG))


def test_the_variants_differ_in_all_that_is_promised() -> None:
    """Parallelism 1, 2 and 4, mini-batch on and off, a kill, and a single partition."""
    assert {variant.parallelism for variant in VARIANTS} == {1, 2, 4}
    assert {bool(variant.mini_batch_ms) for variant in VARIANTS} == {True, False}
    assert sum(variant.killed for variant in VARIANTS) == 1
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)


def run(variant: Variant, *, exact: bool = True) -> ReplayRun:
    """Return a variant that was run."""
    figures = msgspec.structs.asdict(variant)
    return ReplayRun(**figures, sha256="", rows={}, exact=exact, restored=0, seconds=1.0)


def test_a_difference_is_shown_by_its_rows() -> None:
    """One byte in one row of one table differs, and both rows are named."""
    dump = dict.fromkeys(TABLES, b"1\t2\n3\t4\n")
    one = run(VARIANTS[0]), dump
    other = run(VARIANTS[1]), {**dump, "sale_anomaly": b"1\t2\n3\t5\n"}
    assert differences(one, one) == {}
    assert differences(one, other) == {
        "sale_anomaly": {VARIANTS[0].name: ["3\t4"], VARIANTS[1].name: ["3\t5"]}
    }
    size = Size(EVENTS, 1)
    assert ReplayResult.of(size, [one, one]).reasons == []
    result = ReplayResult.of(size, [one, other])
    assert (result.identical, result.runs, len(result.reasons)) == (False, 2, 1)
    assert result.differences == [differences(one, other)]
    inexact = run(VARIANTS[0], exact=False), dump
    assert not ReplayResult.of(size, [one, inexact]).identical
