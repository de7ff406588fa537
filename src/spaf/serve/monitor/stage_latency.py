"""How long a sale takes in each stage, of a sample: whole beginnings of seconds, now and then.

Every sale carries when it was sent; the log keeps when it was appended; each notice of a row tells
when the row was written, and comes at a moment that is noted. The n-th sale of a row is visible
when the row shows n (`spaf.sale.arrival_rank`), so the first records of a second and the notices
about it are enough to time these records exactly. That bounds the work to some hundred records
every few seconds, at any rate.

    kafka      sent -> appended
    flink      appended -> its row written
    postgres   row written -> notice here

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
from spaf.serve.monitor.pipeline import StageDelay
from spaf.serve.sales.rollup import SecondRow
from spaf.topic import record_reader
from spaf.topic.admin import offsets_at_time, partitions
from spaf.topic.record_reader import ConsumedRecord, OffsetRange, RecordReader

# A second is timed every so many seconds, and read when all of it must be visible.
EVERY_S = 3
SETTLED_S = 1.5
# Records of each partition that are read of a second: the first ones, some 10 ms of work.
MOST_RECORDS = 200
# The figures are those of the last samples: at 100 sales/s some 500 sales.
SAMPLES = 5


class StageLatencies(NamedTuple):
    """Milliseconds in each stage, of every sale of a sample that is known there."""

    kafka: list[float]
    flink: list[float]
    postgres: list[float]


class StageLatencySampler:
    """Notes the notices of one second, reads its first records, and keeps the last samples."""

    def __init__(self, bootstrap: str, topic: str, rules: Rules) -> None:
        """Keep where the records are; nothing is sampled until the first `look`."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._rules = rules
        self._eye: RecordReader | None = None
        self._second = 0
        # Stamp (µs) and moment of writing (ms), and the count that the row showed then.
        self._shown: defaultdict[Key, list[tuple[tuple[int, int], int]]] = defaultdict(list)
        self._samples: deque[StageLatencies] = deque(maxlen=SAMPLES)

    def note(self, rows: Sequence[SecondRow], now_us: int) -> None:
        """Take rows that were told just now; called for each notice, so it does next to nothing."""
        second = self._second
        for row in rows:
            if row.second == second:
                key = (second, row.category, row.currency)
                self._shown[key].append(((now_us, row.updated_ms), row.sales))

    @property
    def due(self) -> bool:
        """Whether a second waits to be read, or to be chosen."""
        return clock.now_ms() / 1_000 > self._second + 1 + SETTLED_S

    def look(self) -> dict[str, StageDelay]:
        """Read the second that was noted, choose another, and return the delays by stage.

        Raises:
            TopicError: the broker cannot be reached.

        """
        second, shown = self._second, self._shown
        self._shown = defaultdict(list)
        self._second = clock.now_ms() // 1_000 + EVERY_S - 1
        if shown:
            self._samples.append(timed(self._read(second), self._rules, shown))
        elif self._samples:
            self._samples.popleft()  # nothing is sold: old figures must not pass for new ones
        return {
            stage: found
            for stage in StageLatencies._fields
            if (found := _delay([ms for one in self._samples for ms in getattr(one, stage)]))
        }

    def forget(self) -> None:
        """Begin anew: nobody has looked for a while."""
        self._samples.clear()
        self._shown.clear()
        self._second = 0

    def close(self) -> None:
        """Close the connection."""
        if self._eye is not None:
            self._eye.close()
            self._eye = None

    def _read(self, second: int) -> list[Record]:
        """Return the first records of a second, up to where all partitions were read."""
        try:
            numbers = partitions(self._bootstrap, self._topic)
            parts = [(self._topic, part) for part in numbers[: record_reader.MAX_PARTITIONS]]
            begin = offsets_at_time(self._bootstrap, parts, second * 1_000)
            behind = offsets_at_time(self._bootstrap, parts, (second + 1) * 1_000)
            if self._eye is None:
                self._eye = RecordReader(self._bootstrap, self._topic)
            spans = {
                part[1]: OffsetRange(first, after)
                for part in parts
                if (first := begin[part]) is not None
                and (after := behind[part] or first + MOST_RECORDS)
            }
            return beginning(self._eye.fetch(spans, MOST_RECORDS), MOST_RECORDS)
        except TopicError:
            self.close()
            raise


def beginning(seen: Iterable[ConsumedRecord], limit: int) -> list[Record]:
    """Return the records up to the moment at which the first partition has no more of them.

    Of a partition of which the limit was read there may be more: what other partitions have after
    its last one cannot be ranked.
    """
    parts: defaultdict[int, list[ConsumedRecord]] = defaultdict(list)
    for one in seen:
        parts[one.partition].append(one)
    last = [found[-1].append_ms for found in parts.values() if len(found) >= limit]
    until = min(last, default=None)
    return [
        Record(one.partition, one.offset, one.append_ms, one.value)
        for found in parts.values()
        for one in found
        if until is None or len(parts) == 1 or one.append_ms < until
    ]


def timed(
    records: Iterable[Record],
    rules: Rules,
    shown: dict[Key, list[tuple[tuple[int, int], int]]],
) -> StageLatencies:
    """Return the time of each sale in each stage; a row that was not noted tells of kafka only."""
    found = StageLatencies([], [], [])
    for key, sales in ranked(records, rules).items():
        found.kafka.extend(_ms(one) for one in sales if one.sent is not None)
        if rules.dedup_block_ms:
            continue  # a copy that came before would shift the ranks
        for sale, stamp in zip(sales, first_shown(shown.get(key, []), len(sales)), strict=True):
            if stamp is not None:
                seen_us, written_ms = stamp
                found.flink.append(max(0.0, float(written_ms - sale.append_ms)))
                found.postgres.append(max(0.0, seen_us / 1_000 - written_ms))
    return found


def _ms(sale: Arrival) -> float:
    return max(0.0, sale.append_ms - (sale.sent or 0) / 1_000)


def _delay(values: list[float]) -> StageDelay | None:
    """Return the values that half and 99 % of all do not exceed; None without any."""
    if not values:
        return None
    values.sort()
    places = (-(-len(values) * share // 100) - 1 for share in (50, 99))
    return StageDelay(*(values[place] for place in places))
