"""How long a sale takes in each stage, of samples: the first sales of a second every few seconds.

Each sale carries the time at which it was sent, the topic keeps its append time, and each
notification of a row carries the time at which the row was written. The n-th sale of a row is
visible when the row shows n (`spaf.sale.arrival_rank`), so the first records of a second and the
notifications about it are enough to time these records exactly. That bounds the work to some
hundred records every few seconds, at any rate.

    kafka      sent -> appended
    flink      appended -> its row written
    postgres   row written -> notification here

The broker's and the database's stamps are whole milliseconds.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spaf import clock
from spaf.errors import TopicError
from spaf.sale import Record, Rules
from spaf.sale.arrival_rank import Arrival, Key, first_shown, ranked
from spaf.serve.monitor.snapshot import StageDelay
from spaf.serve.sales.rollup import SecondRow
from spaf.topic import record_reader
from spaf.topic.admin import offsets_at_time, partitions
from spaf.topic.record_reader import ConsumedRecord, OffsetRange, RecordReader

# One second in three is sampled, and read when all of its sales must be visible.
SAMPLE_EVERY_S = 3
VISIBLE_AFTER_S = 1.5
# First records of a second that are read of each partition: some 10 ms of work.
MAX_RECORDS = 200
# At 100 sales/s these are some 500 sales.
MAX_SAMPLES = 5


class StageLatencies(NamedTuple):
    """Milliseconds in each stage, of each sale of a sample for which they are known."""

    kafka: list[float]
    flink: list[float]
    postgres: list[float]


class StageLatencySampler:
    """Notes the notifications about one second, reads its first records, keeps the last samples."""

    def __init__(self, bootstrap: str, topic: str, rules: Rules) -> None:
        """Keep where the records are; the first `poll` chooses a second."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._rules = rules
        self._reader: RecordReader | None = None
        self._second = 0
        # Arrival (µs) and time of writing (ms) of each notification, and the count in it.
        self._shown: defaultdict[Key, list[tuple[tuple[int, int], int]]] = defaultdict(list)
        self._samples: deque[StageLatencies] = deque(maxlen=MAX_SAMPLES)

    def note(self, rows: Sequence[SecondRow], now_us: int) -> None:
        """Note rows that arrived just now; called for each notification, so it must be cheap."""
        second = self._second
        for row in rows:
            if row.second == second:
                key = (second, row.category, row.currency)
                self._shown[key].append(((now_us, row.updated_ms), row.sales))

    @property
    def due(self) -> bool:
        """Whether a second is to be read, or to be chosen."""
        return clock.now_ms() / 1_000 > self._second + 1 + VISIBLE_AFTER_S

    def poll(self) -> dict[str, StageDelay]:
        """Read the second that was noted, choose the next, and return the delays by stage.

        Raises:
            TopicError: the broker cannot be reached.

        """
        second, shown = self._second, self._shown
        self._shown = defaultdict(list)
        self._second = clock.now_ms() // 1_000 + SAMPLE_EVERY_S - 1
        if shown:
            self._samples.append(timed(self._read(second), self._rules, shown))
        elif self._samples:
            self._samples.popleft()  # nothing is sold: old figures must not remain
        return {
            stage: delay
            for stage in StageLatencies._fields
            if (delay := _delay([ms for sample in self._samples for ms in getattr(sample, stage)]))
        }

    def reset(self) -> None:
        """Drop the samples: they would be stale at the next poll."""
        self._samples.clear()
        self._shown.clear()
        self._second = 0

    def close(self) -> None:
        """Close the connection."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read(self, second: int) -> list[Record]:
        """Return the first records of a second that can be ranked."""
        try:
            numbers = partitions(self._bootstrap, self._topic)
            parts = [(self._topic, part) for part in numbers[: record_reader.MAX_PARTITIONS]]
            begin = offsets_at_time(self._bootstrap, parts, second * 1_000)
            behind = offsets_at_time(self._bootstrap, parts, (second + 1) * 1_000)
            if self._reader is None:
                self._reader = RecordReader(self._bootstrap, self._topic)
            spans = {
                part[1]: OffsetRange(first, after)
                for part in parts
                if (first := begin[part]) is not None
                and (after := behind[part] or first + MAX_RECORDS)
            }
            return rankable(self._reader.fetch(spans, MAX_RECORDS), MAX_RECORDS)
        except TopicError:
            self.close()
            raise


def rankable(consumed: Iterable[ConsumedRecord], limit: int) -> list[Record]:
    """Return the records that can be ranked.

    A partition of which `limit` records were read may have more: records of other partitions after
    its last one cannot be ranked.
    """
    parts: defaultdict[int, list[ConsumedRecord]] = defaultdict(list)
    for record in consumed:
        parts[record.partition].append(record)
    last = [records[-1].append_ms for records in parts.values() if len(records) >= limit]
    until = min(last, default=None)
    return [
        Record(record.partition, record.offset, record.append_ms, record.value)
        for records in parts.values()
        for record in records
        if until is None or len(parts) == 1 or record.append_ms < until
    ]


def timed(
    records: Iterable[Record],
    rules: Rules,
    shown: dict[Key, list[tuple[tuple[int, int], int]]],
) -> StageLatencies:
    """Return the time of each sale in each stage; of a row that was not noted, in kafka only."""
    latencies = StageLatencies([], [], [])
    for key, sales in ranked(records, rules).items():
        latencies.kafka.extend(_ms(sample) for sample in sales if sample.sent is not None)
        if rules.dedup_block_ms:
            continue  # an earlier duplicate would shift the ranks
        for sale, stamp in zip(sales, first_shown(shown.get(key, []), len(sales)), strict=True):
            if stamp is not None:
                arrived_us, written_ms = stamp
                latencies.flink.append(max(0.0, float(written_ms - sale.append_ms)))
                latencies.postgres.append(max(0.0, arrived_us / 1_000 - written_ms))
    return latencies


def _ms(sale: Arrival) -> float:
    return max(0.0, sale.append_ms - (sale.sent or 0) / 1_000)


def _delay(values: list[float]) -> StageDelay | None:
    """Return p50 and p99, or None without values."""
    if not values:
        return None
    values.sort()
    places = (-(-len(values) * share // 100) - 1 for share in (50, 99))
    return StageDelay(*(values[place] for place in places))
