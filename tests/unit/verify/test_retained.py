"""After records or rows are gone: no false difference, no row of what is left is left out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

import pytest

from spaf.bench.agreement.synthetic import BEGIN_MS, SECONDS, log
from spaf.generate.shop.assortment import CATEGORIES
from spaf.sale import Record, Rules
from spaf.verify import Answers, Detection, PythonOracle, TableRows, compare, retained
from spaf.verify.ledger import expected_rows
from spaf.verify.render import tables_of

BEGIN_S = BEGIN_MS // 1_000
DETECTION = Detection(1, 2.0, 12, 3.0, CATEGORIES)
SEEDS = range(6)
# A part of the log is deleted before this second of it, or rows are dropped before it.
CUT_S = 20


def rules(block_s: int) -> Rules:
    """Return rules with few seconds of lateness; copies count once in a block, s."""
    return Rules("BRL", 10_000, 1_000, block_s * 1_000)


# A log is long, and several tests begin with the same one; they change none.
synthetic = cache(log)


@cache
def counted_whole(seed: int, block_s: int) -> Answers:
    """Return what follows from all records of a log."""
    records, end = synthetic(seed)
    return recomputed(records, end, {}, block_s)


def recomputed(
    records: list[Record], end: dict[int, int], begin: dict[int, int], block_s: int
) -> Answers:
    """Return what follows from the records from these offsets on."""
    oracle = PythonOracle(rules(block_s), end, DETECTION, begin)
    oracle.feed(record for record in records if record.offset >= begin.get(record.partition, 0))
    return oracle.answers()


def offsets_at(records: list[Record], second: int) -> dict[int, int]:
    """Return the first offset of each partition in a second of the log, or after it."""
    begin: dict[int, int] = {}
    for record in records:
        if record.append_ms >= (BEGIN_S + second) * 1_000 + 500:
            begin.setdefault(record.partition, record.offset)
    return begin


def without_dropped(tables: TableRows, answers: Answers, before: int) -> TableRows:
    """Return the tables after rows before a second were dropped."""
    last = {
        part: max(
            (
                row.readable
                for (of, second), row in answers.ledger.items()
                if of == part and second < before
            ),
            default=-1,
        )
        for part in answers.upper_bound
    }
    return replace(
        tables,
        summary=[row for row in tables.summary if row.second >= before],
        ledger=[row for row in tables.ledger if row.second >= before],
        outliers=[row for row in tables.outliers if row.offset > last[row.partition]],
        traffic=[row for row in tables.traffic if row.second >= before],
        duplicate_blocks=[row for row in tables.duplicate_blocks if row.end > before],
        dropped_before=before,
        dropped_offsets={part: offset for part, offset in last.items() if offset >= 0},
    )


@pytest.mark.parametrize("block_s", [0, 15])
@pytest.mark.parametrize("seed", SEEDS)
def test_deleted_records_give_no_false_difference(seed: int, block_s: int) -> None:
    """The tables hold everything, the topic the rest of it."""
    records, end = synthetic(seed)
    whole = counted_whole(seed, block_s)
    tables = replace(tables_of(whole), counted_from=dict.fromkeys(end, 0))
    begin = offsets_at(records, CUT_S)
    left = recomputed(records, end, begin, block_s)
    assert compare(left, tables).differences
    found = compare(left, tables, retained(left, tables, rules(block_s), DETECTION))
    assert list(map(str, found.differences)) == []
    assert found.exact
    assert found.proven_from is not None
    assert found.proven_from.deleted == begin
    # Rows up to some seconds after the cut are left out, not more.
    margin_s = 2 + block_s + 2
    expected = sum(key[0] >= BEGIN_S + CUT_S + margin_s for key in whole.summary)
    assert found.rows["sales_summary"] >= expected
    assert found.rows["ingest_ledger"] >= len(end) * (SECONDS - CUT_S - 2)
    alerts = sum(key[0] >= BEGIN_S + CUT_S + 45 for key in whole.traffic)
    assert found.rows["window_anomaly"] >= alerts * (not block_s) - len(whole.borderline_seconds)


@pytest.mark.parametrize("seed", SEEDS)
def test_damage_after_the_cut_is_found(seed: int) -> None:
    """A cent, and a record of the ledger."""
    records, end = synthetic(seed)
    tables = replace(tables_of(counted_whole(seed, 0)), counted_from=dict.fromkeys(end, 0))
    left = recomputed(records, end, offsets_at(records, CUT_S), 0)
    held = retained(left, tables, rules(0), DETECTION)
    row = tables.summary[-1]
    wrong = row._replace(total_sales=row.total_sales + Decimal("0.01"))
    damaged = replace(tables, summary=[*tables.summary[:-1], wrong])
    assert len(compare(left, damaged, held).differences) == 1
    last = max(tables.ledger, key=lambda row: row.second)
    ledger = [row for row in tables.ledger if row != last]
    lost = replace(tables, ledger=[*ledger, last._replace(accepted=last.accepted - 1)])
    assert compare(left, lost, held).unaccounted > 0


@pytest.mark.parametrize("block_s", [0, 15])
@pytest.mark.parametrize("seed", SEEDS)
def test_dropped_rows_are_not_missing(seed: int, block_s: int) -> None:
    """Everything after them is compared, detections too: the topic is whole."""
    _, end = synthetic(seed)
    whole = counted_whole(seed, block_s)
    before = BEGIN_S + CUT_S
    tables = replace(
        without_dropped(tables_of(whole), whole, before), counted_from=dict.fromkeys(end, 0)
    )
    found = compare(whole, tables, retained(whole, tables, rules(block_s), DETECTION))
    assert list(map(str, found.differences)) == []
    assert found.exact
    assert found.rows["sales_summary"] == sum(key[0] >= before for key in whole.summary)
    assert found.proven_from is not None
    assert found.proven_from.dropped_before == before
    assert found.proven_from.deleted == {}


def test_a_row_that_comes_back_is_a_difference() -> None:
    """Of each table."""
    _, end = synthetic(1)
    whole = counted_whole(1, 0)
    tables, before = tables_of(whole), BEGIN_S + 3 * CUT_S
    dropped = replace(without_dropped(tables, whole, before), counted_from=dict.fromkeys(end, 0))
    held = retained(whole, dropped, rules(0), DETECTION)
    gone = next(row for row in tables.outliers if row not in dropped.outliers)
    back = [
        replace(dropped, summary=[*dropped.summary, min(tables.summary)]),
        replace(dropped, ledger=[*dropped.ledger, tables.ledger[0]]),
        replace(dropped, outliers=[*dropped.outliers, gone]),
    ]
    for damaged in back:
        kinds = {difference.kind for difference in compare(whole, damaged, held).differences}
        assert kinds == {"unexpected"}


@pytest.mark.parametrize("seed", SEEDS)
def test_both_at_once(seed: int) -> None:
    """Rows were dropped up to one second, and records deleted up to a later one."""
    records, end = synthetic(seed)
    whole = counted_whole(seed, 0)
    tables = replace(
        without_dropped(tables_of(whole), whole, BEGIN_S + CUT_S // 2),
        counted_from=dict.fromkeys(end, 0),
    )
    left = recomputed(records, end, offsets_at(records, CUT_S), 0)
    found = compare(left, tables, retained(left, tables, rules(0), DETECTION))
    assert list(map(str, found.differences)) == []
    assert found.exact


def test_expected_rows_begin_where_what_is_left_out_ends() -> None:
    """The first row counts the unreadable records before it, not those of other rows."""
    records, end = synthetic(2)
    left = recomputed(records, end, offsets_at(records, CUT_S), 0)
    tables = TableRows((), (), counted_from=dict.fromkeys(end, 0))
    trimmed = retained(left, tables, rules(0), DETECTION).answers(left)
    assert expected_rows(trimmed)
    assert all(trimmed.begin[part] > left.begin[part] for part in end)


def test_a_whole_log_is_compared_as_a_whole() -> None:
    """Nothing was deleted or dropped."""
    records, end = synthetic(0)
    answers = recomputed(records, end, {}, 0)
    tables = tables_of(answers)
    held = retained(answers, tables, rules(0), DETECTION)
    assert held.whole
    assert held.report() is None
    assert held.answers(answers) is answers
    assert held.tables(tables) is tables
