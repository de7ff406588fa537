"""The comparison sees each kind of damage, and nothing where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.sale import Reason, Record, Rules
from spaf.verify import (
    Answers,
    Detection,
    Difference,
    LedgerRow,
    PythonOracle,
    SummaryRow,
    TableRows,
    compare,
)
from spaf.verify.render import tables_of as rendered

BASE_MS = 1_763_800_000_000
SECOND = BASE_MS // 1_000
RULES = Rules(default_currency="BRL", max_lateness_ms=10_000, max_ahead_ms=1_000)
DETECTION = Detection(6, 5.0, 120, 4.5, ("books", "toys"))
END = 60
Rows = tuple[list[SummaryRow], list[LedgerRow]]
Damage = Callable[[list[SummaryRow], list[LedgerRow]], None]


def topic() -> list[Record]:
    """Return two partitions with good, late, refused and unreadable records."""
    return [
        Record(partition, offset, BASE_MS + offset * 97, value(offset))
        for partition in (0, 1)
        for offset in range(END)
    ]


def value(offset: int) -> bytes:
    """Return a record; every tenth is late, refused or unreadable."""
    if offset % 10 == 9:
        return [b"", b"{}", b'{"productId":"p"}'][offset % 3]
    late = 20_000 if offset % 10 == 5 else 0
    return json.dumps(
        {
            "productId": f"p{offset}",
            "productCategory": ("books", "toys")[offset % 2],
            "productPrice": offset + 0.01,
            "productQuantity": 1 + offset % 4,
            "eventTime": BASE_MS + offset * 97 - late,
        }
    ).encode()


def count(cut: dict[int, int], records: list[Record]) -> Answers:
    """Return what the records come to."""
    recount = PythonOracle(RULES, cut, DETECTION)
    recount.feed(records)
    return recount.answers()


def recounted(cut: int = END) -> Answers:
    """Return the recomputed rows up to an upper bound."""
    return count({0: cut, 1: cut}, topic())


def tables_of(answers: Answers) -> Rows:
    """Return the rows that a correct job has written when it has read up to the upper bound."""
    seen = [record for record in topic() if record.offset < answers.upper_bound[record.partition]]
    tables = rendered(count(dict(answers.upper_bound), seen))
    return list(tables.summary), list(tables.ledger)


def drop_summary(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Lose a row."""
    summary.pop(3)


def add_summary(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Invent a row."""
    summary.append(summary[0]._replace(category="unexpected"))


def add_count(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Count a sale twice."""
    summary[2] = summary[2]._replace(sales_count=summary[2].sales_count + 1)


def take_unit(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Lose a unit."""
    summary[2] = summary[2]._replace(units_sold=summary[2].units_sold - 1)


def add_cent(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Gain a cent."""
    summary[2] = summary[2]._replace(total_sales=summary[2].total_sales + Decimal("0.01"))


def add_dust(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Gain less than a cent, as a sum of binary fractions does."""
    summary[2] = summary[2]._replace(total_sales=summary[2].total_sales + Decimal("1E-12"))


def swap_keys(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Write two rows each under the other's category."""
    one, two = summary[0], summary[1]
    summary[:2] = [
        one._replace(second=two.second, category=two.category),
        two._replace(second=one.second, category=one.category),
    ]


def shift_second(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Write a row a second late."""
    summary[-1] = summary[-1]._replace(second=summary[-1].second + 1)


def change_currency(summary: list[SummaryRow], _: list[LedgerRow]) -> None:
    """Write a row in another currency."""
    summary[0] = summary[0]._replace(currency="USD")


def drop_ledger(_: list[SummaryRow], ledger: list[LedgerRow]) -> None:
    """Lose a row of the ledger."""
    ledger.pop(1)


def add_ledger(_: list[SummaryRow], ledger: list[LedgerRow]) -> None:
    """Invent a row of the ledger."""
    ledger.append(LedgerRow(7, SECOND, 1, 0, 0, 0, 0))


def add_accepted(_: list[SummaryRow], ledger: list[LedgerRow]) -> None:
    """Accept an event twice."""
    ledger[1] = ledger[1]._replace(accepted=ledger[1].accepted + 1)


def take_late(_: list[SummaryRow], ledger: list[LedgerRow]) -> None:
    """Lose a late event."""
    at = next(number for number, row in enumerate(ledger) if row.late)
    ledger[at] = ledger[at]._replace(late=ledger[at].late - 1)


def take_rejected(_: list[SummaryRow], ledger: list[LedgerRow]) -> None:
    """Lose a rejected record."""
    at = next(number for number, row in enumerate(ledger) if row.rejected)
    ledger[at] = ledger[at]._replace(rejected=ledger[at].rejected - 1)


def move_accepted(_: list[SummaryRow], ledger: list[LedgerRow]) -> None:
    """Book an event in the wrong second."""
    ledger[0] = ledger[0]._replace(accepted=ledger[0].accepted - 1)
    ledger[1] = ledger[1]._replace(accepted=ledger[1].accepted + 1)


SUMMARY_DAMAGE: list[Damage] = [
    drop_summary,
    add_summary,
    add_count,
    take_unit,
    add_cent,
    add_dust,
    swap_keys,
    shift_second,
    change_currency,
]
LEDGER_DAMAGE: list[Damage] = [drop_ledger, add_ledger, add_accepted, take_late, take_rejected]
SILENT_LEDGER_DAMAGE: list[Damage] = [move_accepted]


def test_a_second_without_readable_records_needs_no_row() -> None:
    """A ledger row that only holds unreadable records may stand under another second."""
    recount = count({0: 1}, [Record(0, 0, SECOND * 1000, b"garbage")])
    tables = TableRows([], [LedgerRow(0, SECOND + 5, 0, 0, 1, 0, 0)])
    assert compare(recount, tables).exact


def test_no_false_alarm() -> None:
    """Right tables are exact, and every record is accounted for."""
    recount = recounted()
    verdict = compare(recount, TableRows(*tables_of(recount)))
    assert verdict.exact
    assert [str(difference) for difference in verdict.differences] == []
    assert verdict.accepted + verdict.late + verdict.rejected == verdict.records == 2 * END
    assert verdict.late > 0
    assert verdict.late_cents == recount.late_cents > 0
    assert verdict.reasons[Reason.UNREADABLE] > 0


@pytest.mark.parametrize(
    "damage", SUMMARY_DAMAGE + LEDGER_DAMAGE + SILENT_LEDGER_DAMAGE, ids=lambda item: item.__name__
)
def test_damage_is_found(damage: Damage) -> None:
    """Each kind of damage is a difference, and what the ledger lacks or invents is a number."""
    recount = recounted()
    summary, ledger = tables_of(recount)
    damage(summary, ledger)
    verdict = compare(recount, TableRows(summary, ledger))
    assert not verdict.exact
    assert verdict.differences
    assert (verdict.unaccounted > 0) == (damage in LEDGER_DAMAGE)


def test_money_is_compared_as_a_number() -> None:
    """A total may have any number of trailing zeros."""
    recount = recounted()
    summary, ledger = tables_of(recount)
    summary = [
        row._replace(total_sales=row.total_sales.quantize(Decimal("1E-6"))) for row in summary
    ]
    assert compare(recount, TableRows(summary, ledger)).exact


def test_a_second_that_the_job_saw_nothing_of_may_be_missing() -> None:
    """Unreadable records may be booked in another second of their partition, but not nowhere."""
    recount = count({0: 2}, [Record(0, 0, BASE_MS, b""), Record(0, 1, BASE_MS + 1_000, value(0))])
    late_news = [LedgerRow(0, SECOND + 1, 1, 0, 1, 0, 1)]
    no_news = [LedgerRow(0, SECOND + 1, 1, 0, 0, 1, 1)]
    summary = list(rendered(recount).summary)
    assert compare(recount, TableRows(summary, late_news)).exact
    verdict = compare(recount, TableRows(summary, no_news))
    assert verdict.unaccounted == 1
    assert [str(difference) for difference in verdict.differences] == [
        "ingest_ledger (0, 1763800001) unequal: expected (1, 0, 1, 0, 1), found (1, 0, 0, 1, 1)"
    ]


@given(st.integers(0, END), st.integers(0, END))
def test_tables_that_are_ahead_of_the_upper_bound(cut: int, ahead: int) -> None:
    """Records that the job counts after the upper bound was set raise no false alarm."""
    recount = recounted(cut)
    verdict = compare(recount, TableRows(*tables_of(recounted(max(cut, ahead)))))
    assert verdict.exact, list(map(str, verdict.differences))
    assert verdict.open_groups == len(recount.open_groups)


def test_closed_rows_are_compared_if_others_are_open() -> None:
    """Damage before the upper bound is found although the end of the log is open."""
    recount = recounted(END - 1)
    summary, ledger = tables_of(recounted())
    summary[0] = summary[0]._replace(sales_count=0)
    ledger[0] = ledger[0]._replace(late=99)
    verdict = compare(recount, TableRows(summary, ledger))
    assert len(verdict.differences) == 2
    assert verdict.unaccounted > 0
    assert verdict.open_groups > 0


def test_report() -> None:
    """The JSON keys are those that scripts rely on."""
    recount = recounted()
    summary, ledger = tables_of(recount)
    add_cent(summary, ledger)
    report = compare(recount, TableRows(summary, ledger)).report()
    assert msgspec.json.decode(msgspec.json.encode(report)) == {
        "records": recount.records,
        "accepted": recount.accepted,
        "duplicates": 0,
        "late": recount.late,
        "rejected": recount.rejected,
        "without_record": 0,
        "unaccounted": 0,
        "differences": 1,
        "exact": False,
        "open": 0,
        "formulations_agree": True,
        "rows": {
            "sales_summary": len(summary),
            "ingest_ledger": len(ledger),
            "sale_anomaly": 0,
            "window_anomaly": 0,
            "duplicate_block": 0,
        },
        "records_by_decoder": 0,
        "verify_seconds": {},
        "complete_to": {"0": END, "1": END},
        "proven_from": None,
    }


def test_a_difference_is_one_plain_line() -> None:
    """A hostile category cannot break the line or move the terminal."""
    key = (1, "a\n\x1b[2J\u202e", "BRL")
    difference = Difference("unexpected", "sales_summary", key, None, (1, 2))
    assert str(difference) == (
        r"sales_summary (1, 'a\n\x1b[2J\u202e', 'BRL') unexpected: expected None, found (1, 2)"
    )


def with_gaps(answers: Answers, gaps: dict[int, int]) -> Answers:
    """Return the answers of a log that has further offsets without a record at its end."""
    bound = {part: end + gaps.get(part, 0) for part, end in answers.upper_bound.items()}
    return replace(answers, upper_bound=bound)


@pytest.mark.parametrize(
    ("without", "explained", "exact"),
    [
        (0, 0, True),
        (3, 0, True),
        (3, END + 3, True),
        (0, END + 3, False),
        (2, END + 3, False),
        (2, END + 2, True),
    ],
)
def test_offsets_without_a_record_are_no_rejections(
    without: int, explained: int, *, exact: bool
) -> None:
    """Until the quarantine has read the gap the two are compared as one sum, then each."""
    summary, ledger = tables_of(recounted())
    index = max(range(len(ledger)), key=lambda n: (ledger[n].partition == 0, ledger[n].second))
    last = ledger[index]
    ledger[index] = last._replace(
        rejected=last.rejected + 3 - without,
        max_offset=last.max_offset + 3,
        without_record=without,
    )
    answers = with_gaps(recounted(), {0: 3})
    verdict = compare(answers, TableRows(summary, ledger, explained={0: explained}))
    assert (verdict.exact, verdict.without_record, verdict.differences) == (exact, 3, [])


def test_a_gap_that_is_missing_is_found() -> None:
    """Fewer offsets than the log has are a difference, explained or not."""
    summary, ledger = tables_of(recounted())
    verdict = compare(with_gaps(recounted(), {1: 2}), TableRows(summary, ledger))
    assert not verdict.exact
    assert verdict.unaccounted == 2
