"""Accounts for every record of the topic with one equation.

produced = accepted + duplicates + late + rejected + in flight. It must hold in every message,
although Kafka and PostgreSQL are two systems that change while they are read. A record is in the
tables only after it is in Kafka. So the tables are read first, in one database snapshot, and then
the end offsets: the ends are never behind the tables, and the records between are in flight.
Offsets without a record (markers of transactions, aborted and compacted records) are counted apart.
If the ends *are* behind, the tables hold more than the topic (it was created again, for example):
then the equation does not hold, and `unaccounted` is the difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from spaf.quarantine.explain import DISAGREEMENT, LATE, NOT_READ
from spaf.serve.monitor.ledger import PartitionAccount, TableCounts, late_cents


def message(
    tables: TableCounts,
    ends: Mapping[int, int],
    begins: Mapping[int, int],
    *,
    current: bool,
    deduplicating: bool,
) -> dict[str, Any]:
    """Return the `accounts` message.

    `unaccounted` is the difference of the equation, plus the records that the contract accepts and
    the ledger did not (the quarantine's reason `disagreement`).

    Args:
        tables: counts of one database snapshot.
        ends: end of each partition, read after the tables.
        begins: first offset of each, for partitions that the job has not read.
        current: whether `ends` are new; those of a silent broker are older.
        deduplicating: whether duplicates are not counted.

    """
    parts = {**{part: _unknown(begins, part) for part in ends}, **tables.parts}
    known = {part: ends.get(part, account.end) for part, account in parts.items()}
    if not current:
        known = {part: max(end, parts[part].end) for part, end in known.items()}
    without_record = sum(account.without_record for account in parts.values())
    offsets = sum(known[part] - account.start for part, account in parts.items())
    produced = offsets - without_record
    accepted = sum(account.accepted for account in parts.values()) - tables.duplicates
    late = sum(account.late for account in parts.values())
    rejected = sum(account.rejected for account in parts.values())
    in_flight = sum(max(0, known[part] - account.end) for part, account in parts.items())
    difference = produced - accepted - tables.duplicates - late - rejected - in_flight
    return {
        "produced": produced,
        "accepted": accepted,
        "duplicates": tables.duplicates,
        "late": late,
        "rejected": rejected,
        "without_record": without_record,
        "unaccounted": difference + abs(_records(tables, DISAGREEMENT)),
        "in_flight": in_flight,
        "late_money": {name: str(cents) for name, cents in late_cents(tables.counts).items()},
        "deduplicating": deduplicating,
        "reasons": reasons(tables),
        "quarantine": quarantine(tables, late + rejected),
    }


def reasons(tables: TableCounts) -> list[dict[str, Any]]:
    """Return counted and stored records by reason, the most frequent first."""
    records: Counter[str] = Counter()
    for count in tables.counts:
        records[count.reason] += count.records
    rows = [
        {"reason": name, "records": records[name], "kept": tables.kept.get(name, 0)}
        for name in {*records, *tables.kept}
        if records[name] or tables.kept.get(name)
    ]
    return sorted(rows, key=lambda row: (-row["records"], row["reason"]))


def quarantine(tables: TableCounts, not_accepted: int) -> dict[str, Any]:
    """Return how many records are explained, stored, and waiting to be explained."""
    explained = sum(count.records for count in tables.counts)
    unread = (
        count.records
        for count in tables.counts
        if count.reason == NOT_READ or (count.reason == LATE and not count.currency)
    )
    return {
        "explained": explained,
        "kept": sum(tables.kept.values()),
        "waiting": max(0, not_accepted - explained),
        "sampled": any(unread),
    }


def _unknown(begins: Mapping[int, int], part: int) -> PartitionAccount:
    """Return the account of a partition that the job has not read."""
    return PartitionAccount(begins.get(part, 0), begins.get(part, 0), 0, 0)


def _records(tables: TableCounts, reason: str) -> int:
    return sum(count.records for count in tables.counts if count.reason == reason)
