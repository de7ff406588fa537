"""The differential test's own arithmetic: slots, expectations, and that it sees what is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from spaf import settings
from spaf.bench.agreement import cases
from spaf.bench.agreement.cases import Case
from spaf.bench.agreement.differential import (
    CONTRACT,
    NO_OUTCOME,
    RULES,
    SLOT_MS,
    Comparison,
    DifferentialScenario,
    Outcomes,
    compare,
    expectation,
    unsettled,
)
from spaf.bench.agreement.differential import cases as make_cases
from spaf.sale import Record
from spaf.sale.conformance.cases import FORMS

FULL = b'{"productId":"p","productCategory":"books","productPrice":1.25,"productQuantity":3}'
MADE = list(make_cases(300, 7))
SLOT = 100_000
APPEND_MS = SLOT * SLOT_MS + RULES.max_lateness_ms + 5_000
RECORD = Record(0, 0, APPEND_MS, FULL)
ROW = (APPEND_MS // 1_000, "books", "BRL", 1, 3, Decimal("3.75"))
RIGHT = Outcomes(1, 0, 0, (ROW,))


def test_each_case_has_a_slot_of_its_own() -> None:
    """No two records can have made the same row, nor the same second of the ledger."""
    slots = [case.append_ms // SLOT_MS for case in MADE]
    assert len(set(slots)) == len(slots)
    for case in MADE:
        begin = case.append_ms // SLOT_MS * SLOT_MS
        assert begin <= case.append_ms - RULES.max_lateness_ms
        assert case.append_ms + RULES.max_ahead_ms + 1_000 < begin + SLOT_MS


def test_every_form_is_sent_twice_and_every_kept_case_once() -> None:
    """The hand-made records, those that failed once, and as many others as were asked for."""
    origins = [case.origin for case in MADE]
    assert origins.count("hand-made") == 2 * len(FORMS)
    assert origins.count("seed 7") == 300
    assert len(origins) == 2 * len(FORMS) + 300 + len(cases.kept())


def test_a_seed_repeats_its_cases() -> None:
    """The seed that a failure prints is enough."""
    assert list(make_cases(300, 7)) == MADE
    assert list(make_cases(300, 8)) != MADE


def test_what_is_equal_is_no_disagreement() -> None:
    """A row that both have."""
    assert expectation(RECORD) == (RIGHT, ["accepted"])
    assert _compare({SLOT: RIGHT}).disagreements == []


@pytest.mark.parametrize(
    "found",
    [
        NO_OUTCOME,
        Outcomes(0, 0, 1, ()),
        Outcomes(0, 1, 0, ()),
        Outcomes(1, 0, 0, ()),
        Outcomes(2, 0, 0, (ROW,)),
        Outcomes(1, 0, 0, (ROW, ROW)),
        Outcomes(1, 0, 0, ((ROW[0] + 1, *ROW[1:]),)),
        Outcomes(1, 0, 0, ((ROW[0], "book", *ROW[2:]),)),
        Outcomes(1, 0, 0, ((*ROW[:2], "USD", *ROW[3:]),)),
        Outcomes(1, 0, 0, ((*ROW[:3], 2, *ROW[4:]),)),
        Outcomes(1, 0, 0, ((*ROW[:4], 4, ROW[5]),)),
        Outcomes(1, 0, 0, ((*ROW[:5], Decimal("3.76")),)),
    ],
)
def test_each_kind_of_disagreement_is_seen(found: Outcomes) -> None:
    """Outcome, number, second, category, currency, count, units and cents."""
    (disagreement,) = _compare({SLOT: found}).disagreements
    assert disagreement.case.value == FULL
    assert (disagreement.expected, disagreement.found) == (RIGHT, found)


def test_a_row_of_no_record_is_seen() -> None:
    """A ghost in a slot that nothing was sent in."""
    (disagreement,) = _compare({SLOT: RIGHT, SLOT + 1: RIGHT}).disagreements
    assert disagreement.case.value is None
    assert disagreement.expected == NO_OUTCOME


def test_an_array_makes_rows_of_one_record() -> None:
    """Sales of one group add up; an unreadable record makes nothing at all."""
    both = RECORD._replace(value=b"[%s,%s]" % (FULL, FULL))
    row = (*ROW[:3], 2, 6, Decimal("7.50"))
    assert expectation(both)[0] == Outcomes(2, 0, 0, (row,))
    assert expectation(RECORD._replace(value=None))[0] == NO_OUTCOME
    assert expectation(RECORD._replace(value=b"{}"))[0] == Outcomes(0, 0, 1, ())


def test_only_a_name_with_ff_is_unsettled() -> None:
    """What the decoder itself decides by chance is counted apart; nothing else is."""
    assert unsettled(b'{"productI\xffd": 1}')
    assert not unsettled(b'{"productId": "\xff"}')
    assert not unsettled(FULL)
    assert not unsettled(None)
    value = FULL[:-1] + b',"x\xff":1}'
    records = [(Case("x", APPEND_MS, value), RECORD._replace(value=value))]
    comparison = compare(records, {SLOT: RIGHT})
    assert (comparison.unsettled, comparison.disagreements) == (1, [])


def test_a_kept_case_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Bytes that no text holds survive the file."""
    file = tmp_path / "cases.jsonl"
    made = [Case("seed 1", 5, b"\0\xff"), Case("seed 2", 6, None)]
    cases.append(file, made)
    found = list(map(cases.read, file.read_text().splitlines()))
    assert [case.value for case in found] == [case.value for case in made]
    assert [case.append_ms for case in found] == [5, 6]
    assert found[0].origin == "kept, seed 1"


@pytest.mark.usefixtures("bare")
def test_the_contract_is_that_of_the_table() -> None:
    """Whatever the user set for a run: the examples rest on the defaults."""
    user = settings.load(
        home=Path("mine"), sale={"max_lateness_s": 7}, job={"deduplicate_minutes": 60}
    )
    chosen = DifferentialScenario().settings(user)
    assert chosen.sale == CONTRACT
    assert chosen.job.deduplicate_minutes == 0
    assert chosen.home == Path("mine/differential")


def _compare(by_slot: dict[int, Outcomes]) -> Comparison:
    return compare([(Case("x", APPEND_MS, FULL), RECORD)], by_slot)
