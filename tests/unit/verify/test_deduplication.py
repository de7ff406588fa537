"""Each transactionId once: both oracles count the same copies and leave the same rows open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaf.sale import Record, Rules
from spaf.verify import Answers, BlockDuplicates, Detection, disagreements, duckdb_oracle, parallel
from spaf.verify.dump import Dump, DumpHeader
from tests.support.scale import scaled

BASE_MS = 1_763_800_080_000
RULES = Rules(
    default_currency="BRL", max_lateness_ms=10_000, max_ahead_ms=1_000, dedup_block_ms=2 * 60_000
)
DETECTION = Detection(1, 5.0, 120, 4.5, ("books", "toys"))


def record(partition: int, offset: int, after_ms: int, name: object, **more: object) -> Record:
    """Return a sale so long after the beginning of a block."""
    plain = {"productId": "p", "productPrice": 1.5, "productQuantity": 2, "transactionId": name}
    sale = {**plain, "productCategory": "books", **more}
    return Record(partition, offset, BASE_MS + after_ms, json.dumps(sale).encode())


def both(
    folder: Path, records: Sequence[Record], cut: dict[int, int], rules: Rules = RULES
) -> tuple[Answers, Answers]:
    """Return the result of each oracle, with three records in a file."""
    dump = Dump(folder)
    dump.create()
    for partition in cut:
        own = [record for record in records if record.partition == partition]
        for first in range(0, len(own), 3):
            dump.write(partition, own[first].offset, own[first : first + 3])
    ends = {partition: len(records) for partition in cut}
    dump.write_header(DumpHeader("t", {}, ends, rules, DETECTION))
    return parallel.recompute(dump, cut, 1), duckdb_oracle.recompute(dump, cut, 1)


def counts(answers: Answers) -> dict[int, int]:
    """Return sales by second after the beginning."""
    return {key[0] - BASE_MS // 1_000: group.count for key, group in answers.summary.items()}


def test_the_first_copy_counts(tmp_path: Path) -> None:
    """In another partition, in one record, in the next block, without an identifier."""
    array = b'[{"x":1},%s,%s]' % (record(0, 0, 0, "c").value, record(0, 0, 0, "c").value)
    records = [
        record(0, 0, 5_000, "a"),
        record(0, 1, 6_000, "b", productPrice=1),
        Record(0, 2, BASE_MS + 7_000, array),
        record(0, 3, 8_000, None),
        record(0, 4, 8_000, ""),
        record(0, 5, 121_000, "a"),
        record(1, 0, 4_000, "a"),
        record(1, 1, 7_000, "b"),
    ]
    one, two = both(tmp_path, records, {0: 6, 1: 2})
    assert list(map(str, disagreements(one, two))) == []
    assert counts(one) == {4: 1, 6: 1, 7: 1, 8: 2, 121: 1}
    start = BASE_MS // 1_000
    assert one.duplicate_blocks == {(start, start + 120): BlockDuplicates(3, 1)}
    assert (one.accepted, one.duplicates, one.late) == (6, 3, 0)
    assert one.open_groups == set()


def test_a_copy_after_the_upper_bound_opens_the_row_that_it_changes(tmp_path: Path) -> None:
    """An earlier one in another partition may move the sale; a later one changes only its block."""
    records = [
        record(0, 0, 5_000, "a"),
        record(0, 1, 6_000, "b"),
        record(1, 0, 4_000, "a"),
        record(1, 1, 9_000, "b"),
    ]
    one, two = both(tmp_path, records, {0: 2, 1: 0})
    assert list(map(str, disagreements(one, two))) == []
    assert counts(one) == {5: 1, 6: 1}
    seconds = {key[0] - BASE_MS // 1_000 for key in one.open_summary}
    assert seconds == {4, 5, 9}
    assert len(one.open_blocks) == 1


def test_off_each_copy_counts(tmp_path: Path) -> None:
    """Without a block length nothing is a copy."""
    records = [record(0, at, 1_000, "a") for at in range(4)]
    one, two = both(tmp_path, records, {0: 4}, replace(RULES, dedup_block_ms=0))
    assert list(map(str, disagreements(one, two))) == []
    assert counts(one) == {1: 4}
    assert (one.accepted, one.duplicates, one.deduplicated) == (4, 0, False)


@settings(max_examples=scaled(12, 250), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 40),
            st.sampled_from(["a", "b", "c", None, "x" * 65, "\n"]),
            st.sampled_from(["books", "caf\u00e9", "\U0001f600", "\uffff"]),
            st.integers(1, 3),
        ),
        max_size=30,
    ),
    st.tuples(*[st.integers(0, 12)] * 3),
)
def test_they_agree_on_any_copies(
    tmp_path: Path, drawn: list[tuple[int, int, str | None, str, int]], stops: tuple[int, ...]
) -> None:
    """For any content of the partitions and any upper bound."""
    records: list[Record] = []
    for partition in range(3):
        own = sorted(one for one in drawn if one[0] == partition and one[2] is not None)
        own += [one for one in drawn if one[0] == partition and one[2] is None]
        own.sort(key=lambda one: one[1])
        for offset, (_, second, name, category, quantity) in enumerate(own):
            more = {"productCategory": category, "productQuantity": quantity}
            records.append(record(partition, offset, second * 7_000, name, **more))
    folder = tmp_path / f"dump-{len(list(tmp_path.iterdir()))}"
    one, two = both(folder, records, dict(enumerate(stops)))
    assert list(map(str, disagreements(one, two))) == []
