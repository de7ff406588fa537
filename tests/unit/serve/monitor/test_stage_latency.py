"""Timing the stages of a sample: the first records of a second, and the notices about it."""

from __future__ import annotations

import json

import pytest

from spaf.sale import Record, Rules
from spaf.serve.monitor.stage_latency import rankable, timed
from spaf.topic.record_reader import ConsumedRecord

RULES = Rules("BRL", 600_000, 60_000)
SECOND = 1_795_000_000
KEY = (SECOND, "toys", "BRL")


def sale(offset: int, append_ms: int, partition: int = 0, **more: object) -> Record:
    """Return a sale of KEY that was sent 2 ms before it was appended."""
    event = {
        "productId": "p",
        "productCategory": "toys",
        "productPrice": 1,
        "productQuantity": 1,
        "transactionId": f"{partition}-{offset}",
        "eventTime": SECOND * 1_000 + 1,
        "intendedAt": append_ms * 1_000 - 3_000,
        "sentAt": append_ms * 1_000 - 2_000,
    }
    return Record(partition, offset, append_ms, json.dumps(event | more).encode())


def test_each_sale_gets_the_notice_that_first_shows_it() -> None:
    """The third sale is in the row that shows three, written and seen when its notice says."""
    base = SECOND * 1_000
    records = [sale(n, base + 10 * n) for n in range(4)]
    shown = {KEY: [((base * 1_000 + 8_000, base + 5), 1), ((base * 1_000 + 40_500, base + 33), 3)]}
    found = timed(records, RULES, shown)
    assert found.kafka == pytest.approx([2.0] * 4)
    assert found.flink == [5.0, 23.0, 13.0]
    assert found.postgres == pytest.approx([3.0, 7.5, 7.5])


def test_what_cannot_be_timed_is_left_out() -> None:
    """Sales without stamps, records that are none, and ranks that copies would shift."""
    base = SECOND * 1_000
    shown = {KEY: [((base * 1_000 + 8_000, base + 5), 2)]}
    records = [sale(0, base, sentAt="x"), Record(0, 1, base, b"{"), Record(0, 2, base, None)]
    assert timed(records, RULES, shown).kafka == []
    found = timed([sale(0, base)], Rules("BRL", 600_000, 60_000, dedup_block_ms=60_000), shown)
    assert (len(found.kafka), found.flink, found.postgres) == (1, [], [])


def test_a_stamp_of_whole_milliseconds_is_no_negative_time() -> None:
    """The broker's time is cut to a millisecond, so a sale may seem to come too soon."""
    base = SECOND * 1_000
    records = [sale(0, base, sentAt=base * 1_000 + 700)]
    found = timed(records, RULES, {KEY: [((base * 1_000, base), 1)]})
    assert (found.kafka, found.flink, found.postgres) == ([0.0], [0.0], [0.0])


def test_partitions_are_ranked_only_as_far_as_all_were_read() -> None:
    """What one partition has after the last record read of another has no known rank."""

    def seen(partition: int, *times: int) -> list[ConsumedRecord]:
        return [ConsumedRecord(partition, n, at, None, (), b"") for n, at in enumerate(times)]

    found = rankable([*seen(0, 1, 2, 3), *seen(1, 2, 3, 4, 9)], 3)
    assert [(record.partition, record.append_ms) for record in found] == [(0, 1), (0, 2), (1, 2)]
    alone = rankable(seen(0, 1, 2, 3), 3)
    assert len(alone) == 3
    assert len(rankable([*seen(0, 1), *seen(1, 5)], 3)) == 2
