"""Records as rows and counts: the sums are those of the ledger, whatever the records are."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.quarantine.explain import MAX_PAYLOAD_BYTES, ReasonCounts
from spaf.sale import Record, Rules
from spaf.verify import Detection, PythonOracle

RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
NOW = 1_763_800_000_123
FIELDS = b'"productId":"p","productCategory":"books","productPrice":1.25,"productQuantity":3'
GOOD = b"{%s}" % FIELDS
LATE = b'{%s,"currency":"USD","eventTime":1763799000000}' % FIELDS
BAD = b'{%s,"productPrice":-1}' % FIELDS
VALUES = st.lists(
    st.sampled_from(
        [
            *(GOOD, LATE, BAD, None, b"", b"garbage", b"[]"),
            *(b"[%s,%s]" % (GOOD, GOOD), b"[%s,7]" % LATE, b"[%s,%s]" % (BAD, BAD)),
            b"[%s,%s,%s]" % (LATE, BAD, GOOD),
        ]
    )
)


def counted(values: list[bytes | None]) -> ReasonCounts:
    """Return the tally of records that all have been read."""
    tally = ReasonCounts()
    for record in records(values):
        tally.add(record, RULES)
    return tally


def records(values: list[bytes | None]) -> list[Record]:
    """Return the values as records of one partition."""
    return [Record(0, offset, NOW, value) for offset, value in enumerate(values)]


@given(VALUES)
def test_counts_add_up_to_the_ledger(values: list[bytes | None]) -> None:
    """The recount, which is what the ledger must be, has the same late and rejected."""
    counting = PythonOracle(RULES, {0: len(values)}, Detection(6, 5.0, 120, 4.5, ()))
    counting.feed(records(values))
    recount = counting.answers()
    tally = counted(values)
    assert (tally.late, tally.rejected) == (recount.late, recount.rejected)
    tally.reconcile(recount.late, recount.rejected, whole=True)
    assert not tally.disagrees(recount.late, recount.rejected)
    assert sum(tally.records.values()) == recount.late + recount.rejected
    by_reason = Counter({reason: n for (reason, _), n in tally.records.items()})
    assert {r: n for r, n in by_reason.items() if r in recount.reasons} == dict(recount.reasons)
    assert tally.cents.get(("late", "USD"), 0) == recount.late_cents
    assert by_reason["disagreement"] == 0


@given(VALUES, st.integers(0, 30), st.integers(0, 30), st.integers(0, 5), st.integers(0, 1))
def test_whatever_the_ledger_says_the_sum_is_its_sum(
    values: list[bytes | None], late: int, rejected: int, gap: int, rest: int
) -> None:
    """What was not found is reported as not read, or as a disagreement, and never lost."""
    tally = counted(values)
    tally.gaps[0] = gap
    tally.reconcile(late, rejected + gap, whole=rest == 0)
    assert sum(tally.records.values()) == late + rejected


def test_what_was_not_read_is_counted_apart() -> None:
    """Of a sample the rest is late without money, or rejected without a reason."""
    tally = counted([LATE, BAD, b"garbage"])
    tally.reconcile(10, 20, whole=False)
    assert dict(tally.records) == {
        ("late", "USD"): 1,
        ("price", ""): 1,
        ("unreadable", ""): 1,
        ("late", ""): 9,
        ("not_read", ""): 18,
    }
    assert tally.cents["late", "USD"] == 375


def test_an_offset_without_a_record_is_no_rejected_record() -> None:
    """The ledger cannot distinguish it from an unreadable record; a reader of the gap can."""
    tally = counted([BAD])
    tally.gaps.update({1: 1, 7: 1})
    tally.reconcile(0, 3, whole=True)
    assert not tally.disagrees(0, 3)
    assert (dict(tally.records), tally.without_record) == ({("price", ""): 1}, 2)


def test_a_late_sale_has_its_money_and_its_lateness() -> None:
    """The row says what was lost to the sums: whose category, how much, how late."""
    entry = ReasonCounts().add(Record(2, 7, NOW, LATE), RULES)
    assert entry is not None
    assert (entry.partition, entry.offset, entry.append_ms, entry.reason) == (2, 7, NOW, "late")
    assert (entry.category, entry.currency, entry.amount) == ("books", "USD", Decimal("3.75"))
    assert entry.lateness_ms == NOW - 1_763_799_000_000
    assert entry.payload == LATE


@pytest.mark.parametrize(
    ("value", "reason"), [(None, "unreadable"), (b"", "unreadable"), (BAD, "price")]
)
def test_a_rejected_record_has_its_reason_and_bytes(value: bytes | None, reason: str) -> None:
    """No value differs from an empty one."""
    entry = ReasonCounts().add(Record(0, 0, NOW, value), RULES)
    assert entry is not None
    assert (entry.reason, entry.payload, entry.payload_bytes) == (reason, value, len(value or b""))
    assert entry.amount is None


def test_an_accepted_sale_is_no_row() -> None:
    """Nor is a record with several of them."""
    assert ReasonCounts().add(Record(0, 0, NOW, GOOD), RULES) is None
    assert ReasonCounts().add(Record(0, 0, NOW, b"[%s,%s]" % (GOOD, GOOD)), RULES) is None


def test_a_long_record_is_cut_and_its_length_kept() -> None:
    """One record may be as large as a batch of the topic."""
    entry = ReasonCounts().add(Record(0, 0, NOW, b"x" * 1_000_000), RULES)
    assert entry is not None
    assert entry.payload == b"x" * MAX_PAYLOAD_BYTES
    assert entry.payload_bytes == 1_000_000
