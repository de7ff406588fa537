"""The equation, on tables and offsets of every kind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spaf.serve.monitor.ledger import PartitionAccount, ReasonCount, TableCounts
from spaf.serve.monitor.reconciliation import message

parts = st.builds(
    lambda start, accepted, late, rejected: PartitionAccount(
        start, start + accepted + late + rejected, accepted, late
    ),
    *[st.integers(0, 10**9)] * 4,
)


def reconciled(
    tables: TableCounts, ends: dict[int, int], *, current: bool = True, **begins: int
) -> dict:  # type: ignore[type-arg]
    """Return the message of a run that counts each copy."""
    first = {int(name[1:]): begin for name, begin in begins.items()}
    return message(tables, ends, first, current=current, deduplicating=False)


def holds(found: dict[str, int]) -> bool:
    """Say whether the equation holds."""
    terms = ("accepted", "duplicates", "late", "rejected", "in_flight")
    return found["produced"] == sum(found[term] for term in terms)


@given(
    st.dictionaries(st.integers(0, 5), parts, max_size=6),
    st.dictionaries(st.integers(0, 8), st.integers(0, 10**6), max_size=9),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_the_equation_holds(
    tables: dict[int, PartitionAccount],
    ahead: dict[int, int],
    duplicates: int,
    current: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    """Whatever came since the tables were read, and of partitions that the job does not know."""
    ends = {n: (tables[n].end if n in tables else 0) + more for n, more in ahead.items()}
    found = message(TableCounts(tables, duplicates), ends, {}, current=current, deduplicating=True)
    assert holds(found)
    assert found["unaccounted"] == 0
    assert found["in_flight"] == sum(ahead.values())


def test_what_each_term_is() -> None:
    """Starts count from where the job began; what lies behind the tables is in flight."""
    tables = TableCounts({0: PartitionAccount(100, 150, 40, 6), 1: PartitionAccount(0, 10, 10, 0)})
    found = reconciled(tables, {0: 155, 1: 10, 2: 7}, p2=5)
    assert (found["produced"], found["accepted"], found["late"]) == (55 + 10 + 2, 50, 6)
    assert (found["rejected"], found["in_flight"], found["unaccounted"]) == (4, 7, 0)


def test_a_topic_behind_its_tables_is_unaccounted_for() -> None:
    """Records that were counted and are not in the topic any more show, as a negative number."""
    found = reconciled(TableCounts({0: PartitionAccount(0, 50, 50, 0)}), {0: 20})
    assert (found["produced"], found["in_flight"], found["unaccounted"]) == (20, 0, -30)


def test_a_silent_broker_is_no_loss() -> None:
    """Ends from before the tables were read are taken as at least what the tables have."""
    found = reconciled(TableCounts({0: PartitionAccount(0, 50, 50, 0)}), {0: 20}, current=False)
    assert holds(found)
    assert (found["produced"], found["unaccounted"]) == (50, 0)


def test_a_disagreement_is_unaccounted_for() -> None:
    """What the ledger did not accept though the contract does is unaccounted, with either sign."""
    for records in (3, -3):
        counts = [ReasonCount("disagreement", "", records, 0)]
        found = reconciled(TableCounts({0: PartitionAccount(0, 10, 7, 0)}, 0, counts), {0: 10})
        assert holds(found)
        assert found["unaccounted"] == 3


def test_reasons_and_quarantine() -> None:
    """By reason over currencies, the most frequent first; money of late sales as text."""
    counts = [
        ReasonCount("late", "BRL", 2, 12_345),
        ReasonCount("late", "USD", 1, 5),
        ReasonCount("price", "", 4, 0),
        ReasonCount("late", "", 1, 0),
    ]
    tables = TableCounts(
        {0: PartitionAccount(0, 20, 10, 4)}, 0, counts, {"price": 3, "late": 3, "old": 1}
    )
    found = reconciled(tables, {0: 20})
    assert found["late_money"] == {"BRL": "12345", "USD": "5"}
    assert found["reasons"] == [
        {"reason": "late", "records": 4, "kept": 3},
        {"reason": "price", "records": 4, "kept": 3},
        {"reason": "old", "records": 0, "kept": 1},
    ]
    assert found["quarantine"] == {"explained": 8, "kept": 7, "waiting": 2, "sampled": True}
