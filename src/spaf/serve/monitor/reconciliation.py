"""Every record of the topic, as one equation.

produced = accepted + duplicates + late + rejected + in flight. It must hold in every message
although Kafka and PostgreSQL are two, and both move on while they are read. A record is in the
tables only after it is in Kafka. So the tables are read first, all in one snapshot, and the ends of
the topic after it: the ends are never behind the tables, and what lies between them is in flight.
If the ends *are* behind, the tables hold more than the topic (it was made anew, say): then the
equation misses them, and `unaccounted` tells how many.
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

    `unaccounted` is what the equation lacks, and what the ledger did not accept though the
    contract does (the quarantine's reason `disagreement`).

    Args:
        tables: one snapshot.
        ends: end of each partition, read after the tables.
        begins: first offset of each; for partitions that the job has not begun.
        current: whether `ends` are of now; those of a broker that is silent are older.
        deduplicating: whether copies are not counted.

    """
    parts = {**{part: _unknown(begins, part) for part in ends}, **tables.parts}
    known = {part: ends.get(part, one.end) for part, one in parts.items()}
    if not current:
        known = {part: max(end, parts[part].end) for part, end in known.items()}
    produced = sum(known[part] - one.start for part, one in parts.items())
    accepted = sum(one.accepted for one in parts.values()) - tables.duplicates
    late = sum(one.late for one in parts.values())
    rejected = sum(one.rejected for one in parts.values())
    in_flight = sum(max(0, known[part] - one.end) for part, one in parts.items())
    lacking = produced - accepted - tables.duplicates - late - rejected - in_flight
    return {
        "produced": produced,
        "accepted": accepted,
        "duplicates": tables.duplicates,
        "late": late,
        "rejected": rejected,
        "unaccounted": lacking + abs(_records(tables, DISAGREEMENT)),
        "in_flight": in_flight,
        "late_money": {name: str(cents) for name, cents in late_cents(tables.counts).items()},
        "deduplicating": deduplicating,
        "reasons": reasons(tables),
        "quarantine": quarantine(tables, late + rejected),
    }


def reasons(tables: TableCounts) -> list[dict[str, Any]]:
    """Return counted and kept records by reason, the most frequent first."""
    records: Counter[str] = Counter()
    for one in tables.counts:
        records[one.reason] += one.records
    found = [
        {"reason": name, "records": records[name], "kept": tables.kept.get(name, 0)}
        for name in {*records, *tables.kept}
        if records[name] or tables.kept.get(name)
    ]
    return sorted(found, key=lambda one: (-one["records"], one["reason"]))


def quarantine(tables: TableCounts, not_accepted: int) -> dict[str, Any]:
    """Return what the quarantine holds; `waiting` has still to be explained."""
    explained = sum(one.records for one in tables.counts)
    unread = (
        one.records
        for one in tables.counts
        if one.reason == NOT_READ or (one.reason == LATE and not one.currency)
    )
    return {
        "explained": explained,
        "kept": sum(tables.kept.values()),
        "waiting": max(0, not_accepted - explained),
        "sampled": any(unread),
    }


def _unknown(begins: Mapping[int, int], part: int) -> PartitionAccount:
    """Return a partition of which the job has counted nothing."""
    return PartitionAccount(begins.get(part, 0), begins.get(part, 0), 0, 0)


def _records(tables: TableCounts, reason: str) -> int:
    return sum(one.records for one in tables.counts if one.reason == reason)
