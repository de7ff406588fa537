"""What can still be compared, after records were deleted from the topic or rows from the tables.

A row can be recomputed only if the topic holds every record that belongs to it. So the records that
are left decide from where on each table is compared, and rows that retention has dropped are not
expected. What is left out is reported; a row that was dropped and is there all the same is a
difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from spaf.sale.anomaly_kinds import SECOND_S, window_s
from spaf.verify.answers import Answers, LedgerCounts, OutlierKey, TrafficKey
from spaf.verify.detection import COOL_DOWN_ROWS, MAX_SPAN, OTHER, Detection
from spaf.verify.tables import TableRows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spaf.sale import Rules

# Later than every second and offset: nothing is compared.
NEVER = 2**62
# Earlier than every second and offset.
ALWAYS = -1


class ProvenFrom(msgspec.Struct, frozen=True):
    """From where on the rows of each table were compared; None where nothing was left out."""

    deleted: Mapping[int, int]
    """Partition → records that were counted and are no longer in the topic."""
    dropped_before: int | None
    """Rows of the tables before this second were dropped, by `store.keep`."""
    sales_summary: int | None
    """Second of event time; so the others, in seconds of append time."""
    ingest_ledger: Mapping[int, int]
    sale_anomaly: Mapping[int, int]
    """Partition → offset."""
    window_anomaly: int | None
    """Seconds; minutes are not compared if records were deleted: they depend on the whole log."""
    duplicate_block: int | None


@dataclass(frozen=True, slots=True)
class Retained:
    """From where on rows are compared; everything by default."""

    dropped_before: int = ALWAYS
    deleted: Mapping[int, int] = field(default_factory=dict)
    summary: int = ALWAYS
    ledger: Mapping[int, int] = field(default_factory=dict)
    outliers: Mapping[int, int] = field(default_factory=dict)
    traffic: int = ALWAYS
    # Category → first second; a category that is not named has not sold since.
    sold_since: Mapping[str, int] = field(default_factory=dict)
    blocks: int = ALWAYS
    """A block is compared if it starts at this second or later."""

    @property
    def whole(self) -> bool:
        """Whether everything can be compared."""
        return self.dropped_before == ALWAYS and not self.deleted

    def report(self) -> ProvenFrom | None:
        """Return from where on rows were compared; None if all were."""
        if self.whole:
            return None
        return ProvenFrom(
            deleted=self.deleted,
            dropped_before=_bound(self.dropped_before),
            sales_summary=_bound(self.summary),
            ingest_ledger=self.ledger,
            sale_anomaly=self.outliers,
            window_anomaly=_bound(self.traffic),
            duplicate_block=_bound(self.blocks),
        )

    def answers(self, answers: Answers) -> Answers:
        """Return the rows that can be expected; the log begins after what is left out."""
        if self.whole:
            return answers
        kept = {key: row for key, row in answers.ledger.items() if self._in_ledger(key)}
        return replace(
            answers,
            begin={part: self._begin(answers, part) for part in answers.upper_bound},
            ledger=kept,
            summary={k: row for k, row in answers.summary.items() if k[0] >= self.summary},
            outliers={k: row for k, row in answers.outliers.items() if self._is_outlier(k)},
            traffic={k: row for k, row in answers.traffic.items() if self._is_traffic(k)},
            duplicate_blocks={
                k: row for k, row in answers.duplicate_blocks.items() if self._is_block(k)
            },
        )

    def tables(self, tables: TableRows) -> TableRows:
        """Return the rows to compare: all but those that the topic cannot prove.

        Rows of dropped seconds stay, because they must not be there.
        """
        if self.whole:
            return tables
        dropped = self.dropped_before
        return replace(
            tables,
            summary=[
                row for row in tables.summary if row.second < dropped or row.second >= self.summary
            ],
            ledger=[
                row
                for row in tables.ledger
                if row.second < dropped or self._in_ledger((row.partition, row.second))
            ],
            outliers=[
                row
                for row in tables.outliers
                if row.offset <= tables.dropped_offsets.get(row.partition, ALWAYS)
                or self._is_outlier((row.partition, row.offset, row.kind))
            ],
            traffic=[
                row
                for row in tables.traffic
                if row.second < dropped or self._is_traffic((row.second, row.category, row.kind))
            ],
            duplicate_blocks=[
                row
                for row in tables.duplicate_blocks
                if row.end <= dropped or self._is_block((row.start, row.end))
            ],
        )

    def _in_ledger(self, key: tuple[int, int]) -> bool:
        return key[1] >= self.ledger.get(key[0], self.dropped_before)

    def _is_outlier(self, key: OutlierKey) -> bool:
        return key[1] >= self.outliers.get(key[0], ALWAYS)

    def _is_traffic(self, key: TrafficKey) -> bool:
        second, category, kind = key
        if second < max(self.traffic, self.dropped_before):
            return False
        if not self.deleted:
            return True
        return window_s(kind) == SECOND_S and second >= self.sold_since.get(category, NEVER)

    def _is_block(self, key: tuple[int, int]) -> bool:
        return key[0] >= self.blocks and key[1] > self.dropped_before

    def _begin(self, answers: Answers, partition: int) -> int:
        """Return the offset at which the first compared second of a partition begins."""
        readable = [
            counts.readable
            for (part, second), counts in answers.ledger.items()
            if part == partition and not self._in_ledger((part, second))
        ]
        return max([answers.begin.get(partition, 0), *(last + 1 for last in readable)])


def retained(answers: Answers, tables: TableRows, rules: Rules, detection: Detection) -> Retained:
    """Return from where on the tables can be compared with what was recomputed."""
    deleted = {
        part: answers.begin.get(part, 0) - first
        for part, first in tables.counted_from.items()
        if part in answers.upper_bound and answers.begin.get(part, 0) > first
    }
    dropped = ALWAYS if tables.dropped_before is None else tables.dropped_before
    if not deleted:
        offsets = {part: last + 1 for part, last in tables.dropped_offsets.items()}
        return Retained(dropped, {}, summary=dropped, outliers=offsets)
    return _cut(answers, tables, (rules, detection), deleted, dropped)


def _cut(
    answers: Answers,
    tables: TableRows,
    contract: tuple[Rules, Detection],
    deleted: Mapping[int, int],
    dropped: int,
) -> Retained:
    """Return from where on tables can be compared whose first records were deleted."""
    rules, detection = contract
    seconds = {part: _seconds(answers, part) for part in answers.upper_bound}
    # By partition: the last second that a deleted record may belong to.
    last_cut = {part: _last_cut(seconds[part], tables, part) for part in deleted}
    cut = max(last_cut.values())
    ahead_s, block_s = rules.max_ahead_ms // 1_000, rules.dedup_block_ms // 1_000
    blocks = (cut // block_s + 1) * block_s if block_s else ALWAYS
    summary = max(cut, blocks) + ahead_s + 1
    traffic = _traffic_from(seconds.values(), cut, detection)
    lateness_s = rules.max_lateness_ms // 1_000
    return Retained(
        dropped_before=dropped,
        deleted=deleted,
        summary=max(summary, dropped),
        ledger={part: max(_after_readable(seconds[part]), dropped) for part in deleted},
        outliers={
            part: max(
                _outliers_from(seconds[part], last_cut.get(part), detection),
                tables.dropped_offsets.get(part, ALWAYS) + 1,
            )
            for part in answers.upper_bound
        },
        traffic=traffic,
        sold_since=_sold_since(answers, detection, lateness_s),
        blocks=blocks,
    )


Seconds = list[tuple[int, LedgerCounts]]


def _seconds(answers: Answers, partition: int) -> Seconds:
    return sorted(
        (
            (second, counts)
            for (part, second), counts in answers.ledger.items()
            if part == partition
        ),
        key=lambda item: item[0],
    )


def _last_cut(seconds: Seconds, tables: TableRows, partition: int) -> int:
    """Return the last second of append time that a deleted record of a partition may have.

    Append times never decrease in a partition. If the topic holds none of its records any more, the
    newest second of the table decides.
    """
    if seconds:
        return seconds[0][0]
    return max((row.second for row in tables.ledger if row.partition == partition), default=NEVER)


def _after_readable(seconds: Seconds) -> int:
    """Return the second after the first one with a readable record.

    What the ledger counts in a second begins after the last readable record before it, which must
    be known.
    """
    return next((second + 1 for second, counts in seconds if counts.readable >= 0), NEVER)


def _outliers_from(seconds: Seconds, last_cut: int | None, detection: Detection) -> int:
    """Return the offset from which on a partition holds whole blocks of sales of a product."""
    if last_cut is None:
        return ALWAYS
    block_s = detection.outlier_hours * 3_600
    whole = (last_cut // block_s + 1) * block_s
    return next((counts.min_offset for second, counts in seconds if second >= whole), NEVER)


def _traffic_from(parts: Iterable[Seconds], cut: int, detection: Detection) -> int:
    """Return the second from which on the history of a second lies after the cut as a whole.

    The history counts the seconds in which any sale was accepted.
    """
    rows = sorted(
        {second for part in parts for second, counts in part if counts.accepted and second > cut}
    )
    needed = detection.surge_seconds + MAX_SPAN + COOL_DOWN_ROWS
    return rows[needed] if len(rows) > needed else NEVER


def _sold_since(answers: Answers, detection: Detection, lateness_s: int) -> dict[str, int]:
    """Return from when on the time since the last sale of a category is known.

    Of a sale only the second of its event is known; it was appended at most `lateness_s` later.
    """
    since: dict[str, int] = {}
    for second, category, _ in answers.summary:
        name = category if category in detection.categories else OTHER
        since[name] = min(since.get(name, NEVER), second + lateness_s + 1)
    return since


def _bound(value: int) -> int | None:
    return None if value == ALWAYS else value
