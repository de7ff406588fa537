"""The accounts over real tables: the sums that are kept are those of the tables, at all times."""

from __future__ import annotations

import random

import pytest

from spaf import clock
from spaf.errors import StoreError
from spaf.serve.monitor import reconciliation
from spaf.serve.monitor.ledger import REREAD_EVERY_S, LedgerReader
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Access, Role
from tests.support.runs import Own

ROW = (
    "INSERT INTO ledger_second VALUES (%s, to_timestamp(%s), %s, %s, %s, %s, %s) "
    "ON CONFLICT (kafka_partition, append_second) DO UPDATE SET accepted = excluded.accepted, "
    "late = excluded.late, refused = excluded.refused, max_offset = excluded.max_offset"
)
POSITION = (
    "INSERT INTO topic_position VALUES (%s, %s, %s) ON CONFLICT (kafka_partition) DO UPDATE "
    "SET done_offset = excluded.done_offset"
)
NOW_S = 1_795_000_000


def shown_totals(ledger: LedgerReader) -> tuple[int, int, int, int]:
    """Return what the ledger's look adds up to, as ingest_total has it."""
    tables = ledger.poll()
    ends = {part: one.end for part, one in tables.parts.items()}
    found = reconciliation.message(tables, ends, {}, current=True, deduplicating=False)
    assert (found["unaccounted"], found["in_flight"]) == (0, 0)
    return found["produced"], found["accepted"], found["late"], found["rejected"]


def total(session: Run) -> tuple[int, int, int, int]:
    """Return the same from the view."""
    with session.access.session(Role.READ) as connection:
        row = queries.ingest_total(connection)
    return row["records"], row["accepted"], row["late"], row["rejected"]


def test_as_the_view_says_whatever_comes(own: Own) -> None:
    """Seconds come, change while they are open, have gaps, and partitions lag behind others."""
    session = own(1)
    rng = random.Random(5)  # noqa: S311 - a test
    ledger = LedgerReader(session.access, once=False)
    ends, second = [100, 0, 7], [NOW_S - 900, NOW_S - 900, NOW_S - 30]
    with session.access.connect(Role.SINK, autocommit=True) as sink:
        for part, end in enumerate(ends):
            sink.execute(POSITION, [part, end, end])
        for _ in range(250):
            for part in range(3):
                if rng.random() < 0.3:
                    continue  # this one lags behind
                second[part] += rng.choice((1, 1, 1, 7))
                first = ends[part] + rng.choice((0, 0, 2))  # unreadable ones before it
                counts = [rng.randrange(30), rng.randrange(3), rng.randrange(3)]
                counts[0] += 1
                for share in (1, 0):  # the row is written twice, the second time whole
                    row = [max(counts[0] - share, 1), *counts[1:]]
                    last = first + sum(row) - 1
                    sink.execute(ROW, [part, second[part], *row, first, last])
                    if rng.random() < 0.2:
                        assert shown_totals(ledger) == total(session)
                ends[part] = last + 1
                if rng.random() < 0.1:
                    ends[part] += 3  # unreadable ones behind it, known by a checkpoint
                    sink.execute(POSITION, [part, 0, ends[part]])
        assert shown_totals(ledger) == total(session)
        assert all(one.since is not None and one.accepted for one in ledger._closed.values())
    ledger.close()


def test_rows_that_are_written_anew_are_summed_anew(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a job that begins anew, and after a while."""
    session = own(1)
    ledger = LedgerReader(session.access, once=False)
    with session.access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute(POSITION, [0, 0, 0])
        for second in range(300):
            sink.execute(ROW, [0, NOW_S + second, 10, 0, 0, 10 * second, 10 * second + 9])
        assert shown_totals(ledger) == (3_000, 3_000, 0, 0)
        sink.execute(ROW, [0, NOW_S, 4, 5, 1, 0, 9])
        assert shown_totals(ledger) == (3_000, 3_000, 0, 0), "an old second was read again"
        ledger.reread = True
        assert shown_totals(ledger) == (3_000, 2_994, 5, 1)
        sink.execute(ROW, [0, NOW_S, 10, 0, 0, 0, 9])
        later = clock.monotonic() + REREAD_EVERY_S + 1
        monkeypatch.setattr(clock, "monotonic", lambda: later)
        assert shown_totals(ledger) == (3_000, 3_000, 0, 0)
    ledger.close()


def test_quarantine_and_duplicates(own: Own) -> None:
    """Copies are distinguished if not counted; reasons and money are those of the tables."""
    session = own(1)
    ledger = LedgerReader(session.access, once=True)
    with session.access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute(POSITION, [0, 0, 10])
        sink.execute(ROW, [0, NOW_S, 6, 2, 2, 0, 9])
        sink.execute("INSERT INTO duplicate_block VALUES (now(), now(), 4, 1)")
        sink.execute(
            "INSERT INTO quarantine_count VALUES (0, 'late', 'BRL', 2, 12.34), "
            "(0, 'price', '', 1, 0)"
        )
        sink.execute(
            "INSERT INTO quarantine (kafka_partition, kafka_offset, append_time, reason, "
            "payload_bytes) VALUES (0, 1, now(), 'price', 0)"
        )
        tables = ledger.poll()
    found = reconciliation.message(tables, {0: 12}, {}, current=True, deduplicating=True)
    terms = ("produced", "accepted", "duplicates", "late", "rejected", "in_flight")
    assert [found[term] for term in terms] == [12, 2, 4, 2, 2, 2]
    assert found["late_money"] == {"BRL": "1234"}
    assert found["quarantine"] == {"explained": 3, "kept": 1, "waiting": 1, "sampled": False}
    ledger.close()


def test_a_database_that_went_away_is_connected_again(own: Own) -> None:
    """A look that fails is an error of ours; the next one works."""
    session = own(1)
    ledger = LedgerReader(session.access, once=False)
    ledger.poll()
    assert ledger._reader._connection is not None
    ledger._reader._connection.pgconn.finish()
    with pytest.raises(StoreError, match="PostgreSQL"):
        ledger.poll()
    assert shown_totals(ledger) == (0, 0, 0, 0)
    ledger.close()


def test_no_database_is_an_error_of_ours() -> None:
    """No server at that address."""
    nowhere = Access.own("127.0.0.1", 1, "public", {"spaf_read": "x"})
    with pytest.raises(StoreError, match="refused spaf_read"):
        LedgerReader(nowhere, once=False).poll()


def test_days_cost_no_more_than_minutes(own: Own) -> None:
    """Seven days of one partition: the first look sums them all, the others next to nothing."""
    session = own(1)
    seconds = 7 * 86_400
    with session.access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute(POSITION, [0, 0, 0])
        sink.execute(
            "INSERT INTO ledger_second SELECT 0, to_timestamp(%s + n), 99, 1, 0, 100 * n, "
            "100 * n + 99 FROM generate_series(0, %s) AS n",
            [NOW_S, seconds - 1],
        )
    ledger = LedgerReader(session.access, once=False)
    took = []
    for _ in range(21):
        began = clock.monotonic()
        assert shown_totals(ledger) == (100 * seconds, 99 * seconds, seconds, 0)
        took.append(clock.monotonic() - began)
    first, others = took[0], sorted(took[1:])
    print(f"\n7 days: first look {1e3 * first:.0f} ms, others {1e3 * others[10]:.1f} ms")  # noqa: T201
    assert others[10] < first / 5
    ledger.close()
