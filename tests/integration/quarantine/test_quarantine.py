"""The quarantine with the real job: every kind of record explained, and nothing twice."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from spaf import clock, settings
from spaf.bench.run.verdict import verify
from spaf.errors import QuarantineError, TopicError
from spaf.quarantine import reader
from spaf.quarantine.reader import RowFilter
from spaf.quarantine.replay import RepairRequest, replay
from spaf.quarantine.worker import QuarantineSource, QuarantineWorker
from spaf.sale import Late, Outcome, Reason, Sale, decode
from spaf.settings import JobSettings, PostgresSettings, QuarantineSettings
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.range_reader import read
from tests.support.runs import Own, Pause, RunJob, Send, Settle, Values
from tests.support.scale import scaled

Started = Callable[[Run], AbstractContextManager[str]]
Feed = Callable[[Run, int, Values], None]
FULL_SPEED = QuarantineSettings(cpu_percent=100)
FIELDS = b'"productId":"p","productCategory":"books","productPrice":1.25,"productQuantity":3'
GOOD = b"{%s}" % FIELDS
PATIENCE_S = 60.0


def hostile(now_ms: int) -> list[bytes | None]:
    """Return records of every outcome, in a mixture."""
    late = b'{%s,"eventTime":%d,"currency":"%s"}'
    return [
        *(GOOD, None, b"", b"garbage", b"\xff\xfe\x00", b"\x1b[2J\x00", GOOD, b"{", b"null", b"7"),
        *(b'{%s,"productId":""}' % FIELDS, b'{%s,"productCategory":["x"]}' % FIELDS),
        *(b'{%s,"productPrice":1.005}' % FIELDS, b'{%s,"productQuantity":0}' % FIELDS),
        *(b'{%s,"currency":"usd"}' % FIELDS, b'{%s,"eventTime":"never"}' % FIELDS),
        b'{%s,"eventTime":%d}' % (FIELDS, now_ms + 3_600_000),
        *(late % (FIELDS, now_ms - 700_000, b"BRL"), late % (FIELDS, now_ms - 800_000, b"USD")),
        *(b"[%s,%s]" % (GOOD, GOOD), b"[%s,{}]" % GOOD, b"x" * 200_000, GOOD),
    ]


def source(session: Run) -> QuarantineSource:
    """Return what is explained."""
    return QuarantineSource(session.kafka, session.topic, session.access, session.rules)


def by_reason(session: Run) -> dict[str, int]:
    """Return what was counted."""
    with session.access.connect(Role.READ) as connection:
        return {row["reason"]: row["records"] for row in queries.quarantine_summary(connection)}


def kept(session: Run) -> list[tuple[Any, ...]]:
    """Return all rows."""
    with session.access.connect(Role.READ) as connection:
        return connection.execute(
            "SELECT kafka_partition, kafka_offset, reason, payload, payload_bytes FROM quarantine "
            "ORDER BY kafka_partition, kafka_offset"
        ).fetchall()


def account(session: Run) -> tuple[int, int]:
    """Return how many records the ledger did not accept, and how many are explained."""
    with session.access.connect(Role.READ) as connection:
        rows = connection.execute("SELECT not_accepted, explained FROM quarantine_account")
        sums = [sum(column) for column in zip(*rows.fetchall(), strict=True)]
    return (int(sums[0]), int(sums[1])) if sums else (0, 0)


def outcomes(session: Run) -> dict[tuple[int, int], tuple[Outcome, ...]]:
    """Return what the contract says of each record of the topic."""
    return {
        (record.partition, record.offset): decode(record.value, record.append_ms, session.rules)
        for record in read(session.kafka, session.topic, {}, session.end_offsets())
    }


@pytest.fixture
def started(running_job: RunJob) -> Started:
    """Return what runs the job over a session's topic, with checkpoints that come soon."""

    def start(session: Run) -> AbstractContextManager[str]:
        chosen = session.settings.model_copy(update={"job": JobSettings(checkpoint_ms=1_000)})
        return running_job(session, chosen, None)

    return start


@pytest.fixture
def feed(send: Send, pause: Pause) -> Feed:
    """Return what sends records and waits until they are in the tables."""

    def sent(session: Run, partition: int, values: Values) -> None:
        send(session, partition, values)
        pause(session)

    return sent


def test_every_record_that_was_not_accepted_is_explained(
    own: Own, started: Started, feed: Feed
) -> None:
    """Each has its reason and its bytes; the counts are the ledger's; once more changes nothing."""
    session = own(2)
    watcher = QuarantineWorker(source(session), FULL_SPEED)
    with started(session):
        for partition in (0, 1, 0):
            feed(session, partition, hostile(clock.now_ms()))
            watcher.catch_up()
        verdict = verify(session)
    assert verdict.exact
    found = by_reason(session)
    assert found.pop("array") == -2 * 3
    assert found.pop("late") == verdict.late == 2 * 3
    assert found == {str(reason): count for reason, count in verdict.reasons.items()}
    assert set(found) == set(Reason)
    assert account(session) == (verdict.late + verdict.rejected,) * 2
    all_kept = kept(session)
    expected = {
        place: next(o for o in all_of_it if not isinstance(o, Sale))
        for place, all_of_it in outcomes(session).items()
        if any(not isinstance(outcome, Sale) for outcome in all_of_it)
    }
    assert {(row[0], row[1]): row[2] for row in all_kept} == {
        place: "late" if isinstance(outcome, Late) else str(outcome)
        for place, outcome in expected.items()
    }
    values = {(r.partition, r.offset): r.value for r in records(session)}
    for partition, offset, _, payload, size in all_kept:
        value = values[partition, offset]
        assert payload == (None if value is None else value[:65_536])
        assert size == len(value or b"")
    with session.access.connect(Role.READ) as connection:
        assert queries.quarantine_late(connection) == [
            {"currency": "BRL", "sales": 3, "amount": Decimal("11.25")},
            {"currency": "USD", "sales": 3, "amount": Decimal("11.25")},
        ]
    again = QuarantineWorker(source(session), FULL_SPEED)
    again.catch_up()
    assert kept(session) == all_kept


def records(session: Run) -> list[Any]:
    """Return the whole topic."""
    return list(read(session.kafka, session.topic, {}, session.end_offsets()))


def test_a_repaired_record_is_sent_once(
    own: Own,
    started: Started,
    feed: Feed,
    settle: Settle,
) -> None:
    """It counts in the second of its own time; the record that it came from stays what it is."""
    session = own(2)
    where = source(session)
    stamp = clock.now_ms() - 5_000
    with started(session):
        bad = b'{%s,"productPrice":-1,"eventTime":%d,"sentAt":7}' % (FIELDS, stamp)
        old = b'{%s,"eventTime":%d}' % (FIELDS, stamp - 700_000)
        feed(session, 1, [bad, b"garbage", old])
        QuarantineWorker(where, FULL_SPEED).catch_up()
        wrong, garbage, late = (reader.find(where, 1, offset) for offset in range(3))
        with pytest.raises(QuarantineError, match=r"rejected again \(price\)"):
            replay(where, wrong, RepairRequest())
        with pytest.raises(QuarantineError, match="no JSON object"):
            replay(where, garbage, RepairRequest(["productPrice=1"]))
        with pytest.raises(QuarantineError, match="would be late"):
            replay(where, late, RepairRequest())
        assert sum(session.end_offsets().values()) == 3
        fixed = RepairRequest(["productPrice=0.50"])
        new = replay(where, wrong, fixed)
        assert (new.partition, new.offset) == (1, 3)
        with pytest.raises(QuarantineError, match=r"already, as 1:3"):
            replay(where, reader.find(where, 1, 0), fixed)
        replay(where, wrong, RepairRequest(["productPrice=0.50"], again=True))
        replay(where, garbage, RepairRequest(instead=b'{%s,"currency":"EUR"}' % FIELDS))
        replay(where, late, RepairRequest(now=True))
        verdict = settle(session)
        QuarantineWorker(where, FULL_SPEED).catch_up()
    assert verdict.exact
    assert (verdict.accepted, verdict.late, verdict.rejected) == (4, 1, 2)
    with session.access.connect(Role.READ) as connection:
        summary = {(row[0], row[2]): (row[3], row[5]) for row in queries.summary(connection)}
    assert summary[stamp // 1_000, "BRL"] == (2, Decimal("3.00"))
    assert [count for (_, currency), (count, _) in summary.items() if currency == "EUR"] == [1]
    assert [reader.find(where, 1, offset).replays for offset in range(3)] == [2, 1, 1]
    with session.access.connect(Role.READ) as connection:
        newest = reader.newest(connection, RowFilter(), 2)
        assert [(row.offset, row.reason) for row in newest] == [(2, "late"), (1, "unreadable")]
        just_now = datetime.fromtimestamp(clock.now_ms() / 1_000, UTC)
        assert reader.newest(connection, RowFilter(since=just_now), 2) == []
        assert [row.offset for row in reader.every(connection, RowFilter())] == [0, 1, 2]
        (only,) = reader.every(connection, RowFilter("late", just_now - timedelta(minutes=5)))
    assert (only.payload, only.replays, only.amount) == (old, 1, Decimal("3.75"))
    assert b"sentAt" not in (records(session)[3].value or b"")
    with pytest.raises(TopicError, match="was accepted"):
        reader.find(where, 1, 3)
    with pytest.raises(TopicError, match="holds no offset 99"):
        reader.find(where, 0, 99)


# Two spans of 10,000 of which some are read, and a rest that is read whole.
FLOOD = scaled(24_000, 100_000)
BOUND = 2_000
# Several steps of the process: each reads at most 10,000 offsets.
GARBAGE, PRICES = scaled(20_000, 40_000), scaled(2_000, 5_000)


def test_a_flood_neither_stops_the_job_nor_fills_the_disk(
    own: Own, started: Started, feed: Feed
) -> None:
    """Past the bound some of the records are read, all are counted, and it says so."""
    session = own(1)
    task_manager = session.state().services["taskmanager"].pid
    bounded = QuarantineSettings(max_records=BOUND, cpu_percent=100)
    with started(session):
        feed(session, 0, [b'{%s,"productPrice":-1}' % FIELDS] * 50)
        QuarantineWorker(source(session), bounded).catch_up()
        feed(session, 0, [b"garbage"] * FLOOD)
        QuarantineWorker(source(session), bounded).catch_up()
        feed(session, 0, [b'{%s,"productQuantity":-1}' % FIELDS] * 50)
        QuarantineWorker(source(session), bounded).catch_up()
        verdict = verify(session)
    assert verdict.exact
    assert account(session) == (FLOOD + 100,) * 2
    found = by_reason(session)
    assert found["price"] == found["quantity"] == 50
    assert found["unreadable"] + found["not_read"] == FLOOD
    assert found["unreadable"] >= FLOOD // 20
    assert Counter(row[2] for row in kept(session)) == {
        "price": 50,
        "quantity": 50,
        "unreadable": BOUND - 100,
    }
    with session.access.connect(Role.READ) as connection:
        assert queries.quarantine_totals(connection).sampled
    assert session.state().services["taskmanager"].pid == task_manager


def write_ledger(session: Run) -> None:
    """Write the ledger that the job would write, and that all of it is certain."""
    found: dict[tuple[int, int], list[int]] = {}
    for record in records(session):
        outcomes = decode(record.value, record.append_ms, session.rules)
        if outcomes == (Reason.UNREADABLE,):
            continue
        key = (record.partition, record.append_ms // 1_000)
        row = found.setdefault(key, [0, 0, 0, record.offset, record.offset])
        for outcome in outcomes:
            row[0 if isinstance(outcome, Sale) else 1 if isinstance(outcome, Late) else 2] += 1
        row[4] = record.offset
    with session.access.session(Role.SINK) as connection:
        connection.cursor().executemany(
            "INSERT INTO ledger_second VALUES (%s, to_timestamp(%s), %s, %s, %s, %s, %s)",
            [(*key, *row) for key, row in found.items()],
        )
        ends = session.end_offsets()
        queries.upsert_position(connection, dict.fromkeys(ends, 0), ends)


@contextlib.contextmanager
def process(session: Run, log: Path) -> Iterator[None]:
    """Run the process as the supervisor does; kill it at the end of the block."""
    chosen = session.settings.model_copy(
        update={
            "kafka": session.settings.kafka.model_copy(update={"topic": session.topic}),
            "postgres": PostgresSettings(schema_name=session.access.schema),
            "quarantine": FULL_SPEED,
        }
    )
    with log.open("ab") as file:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "spaf.stack.quarantine_process"],
            env={**os.environ, **settings.environment(chosen)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            child.kill()
            child.wait()


def test_killed_in_the_middle_it_loses_and_doubles_nothing(
    own: Own, send: Send, tmp_path: Path
) -> None:
    """At any moment, again and again: what was not finished is done again; the sums hold."""
    session = own(1)
    log = tmp_path / "log"
    many: list[bytes | None] = [
        *[b"garbage"] * GARBAGE,
        *[b'{%s,"productPrice":-1}' % FIELDS] * PRICES,
    ]
    send(session, 0, many)
    write_ledger(session)
    steps: list[int] = []
    while account(session)[1] < GARBAGE + PRICES:
        assert len(steps) < 50, log.read_text()
        with process(session, log):
            further = partial(_is_further, session, account(session)[1])
            assert wait_until(further, PATIENCE_S, poll=0.005), log.read_text()
        steps.append(account(session)[1])
        assert len(kept(session)) == steps[-1]
    assert len(steps) > 1
    assert account(session) == (GARBAGE + PRICES, GARBAGE + PRICES)
    assert by_reason(session) == {"unreadable": GARBAGE, "price": PRICES}
    assert Counter(row[2] for row in kept(session)) == {"unreadable": GARBAGE, "price": PRICES}


def test_other_rules_explain_anew(own: Own, send: Send, caplog: pytest.LogCaptureFixture) -> None:
    """The job judges everything again when its rules change; what it says is explained anew."""
    caplog.set_level(logging.INFO, logger="spaf.quarantine")
    session = own(1)
    late = b'{%s,"eventTime":%d}' % (FIELDS, clock.now_ms() - 700_000)
    send(session, 0, [late, GOOD, b"garbage"])
    write_ledger(session)
    QuarantineWorker(source(session), FULL_SPEED).catch_up()
    assert by_reason(session) == {"late": 1, "unreadable": 1}
    patient = replace_rules(source(session), 800_000)
    with session.access.session(Role.SINK) as connection:
        connection.execute("UPDATE ledger_second SET accepted = accepted + late, late = 0")
    QuarantineWorker(patient, FULL_SPEED).catch_up()
    assert by_reason(session) == {"unreadable": 1}
    assert caplog.messages == ["the rules have changed: everything is explained anew"]
    # The ledger still says what it said under other rules: nothing is lost for that.
    with session.access.session(Role.SINK) as connection:
        connection.execute("UPDATE ledger_second SET accepted = accepted - 1, late = 1")
    QuarantineWorker(replace_rules(patient, 800_001), FULL_SPEED).catch_up()
    assert by_reason(session) == {"unreadable": 1, "disagreement": 1}
    assert "the ledger has 1 late and 1 rejected, the contract says 0 and 1" in caplog.messages[-1]
    assert account(session) == (2, 2)


def test_two_processes_explain_nothing_twice(own: Own, send: Send, tmp_path: Path) -> None:
    """One that a killed supervisor has left and its successor: the second one stops."""
    session = own(1)
    log = tmp_path / "log"
    send(session, 0, [b"garbage"] * 30_000)
    write_ledger(session)
    with process(session, log), process(session, log):
        assert wait_until(lambda: account(session)[1] == 30_000, PATIENCE_S), log.read_text()
    assert by_reason(session) == {"unreadable": 30_000}
    assert len(kept(session)) == 30_000


def test_what_retention_has_deleted_is_counted(own: Own, send: Send) -> None:
    """The ledger still knows how many there were."""
    session = own(1)
    send(session, 0, [b"garbage"] * 10 + [GOOD] + [b"garbage"] * 5)
    write_ledger(session)
    admin = AdminClient({"bootstrap.servers": session.kafka})
    (deleted,) = admin.delete_records([TopicPartition(session.topic, 0, 4)]).values()
    deleted.result()
    QuarantineWorker(source(session), FULL_SPEED).catch_up()
    assert by_reason(session) == {"unreadable": 11, "not_read": 4}
    assert account(session) == (15, 15)


def replace_rules(where: QuarantineSource, max_lateness_ms: int) -> QuarantineSource:
    """Return the same source under other rules."""
    return replace(where, rules=replace(where.rules, max_lateness_ms=max_lateness_ms))


def _is_further(session: Run, done: int) -> bool:
    """Say whether more is explained than before."""
    return account(session)[1] > done
