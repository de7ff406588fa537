"""What other producers append: every codec, keys, headers, transactions that end and that hang."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Producer

from spaf import clock
from spaf.bench.run.verdict import verify
from spaf.quarantine import reader
from spaf.quarantine.reader import RowFilter
from spaf.quarantine.reason_messages import sentence
from spaf.quarantine.worker import QuarantineSource, QuarantineWorker
from spaf.settings import JobSettings, QuarantineSettings
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic.record_reader import held_offsets, newest
from spaf.topic.transactions import open_transactions
from tests.support.runs import Own, Pause, RunJob

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SALE = (
    b'{"productId":"p","productCategory":"%s","productPrice":1.5,"productQuantity":1,"note":"%s"}'
)
NOTE = b"x" * 200
KEYS = (None, b"", b"\x00\xff", "ção".encode())
HEADERS: list[tuple[str, str | bytes | None]] = [
    ("a", None),
    ("a", b"\xff\xfe"),
    ("", b""),
    ("ção", "é".encode()),
    ("a", b"\x1b[2J"),
]
FLUSH_S = 30.0


def append(session: Run, values: list[bytes], **options: Any) -> None:
    """Append records by a producer with these options, in one batch."""
    producer = Producer({"bootstrap.servers": session.kafka, "linger.ms": 200, **options})
    for number, value in enumerate(values):
        producer.produce(session.topic, value, KEYS[number % len(KEYS)], headers=[*HEADERS])
    assert producer.flush(FLUSH_S) == 0


def transactional(session: Run, name: str) -> Producer:
    """Return a producer that is ready for its first transaction."""
    producer = Producer({"bootstrap.servers": session.kafka, "transactional.id": name})
    producer.init_transactions(FLUSH_S)
    return producer


def transaction(producer: Producer, topic: str, values: list[bytes]) -> None:
    """Begin a transaction and append records in it; it stays open."""
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(FLUSH_S) == 0


def total(session: Run) -> dict[str, int]:
    """Return the records of the topic by outcome."""
    with session.access.session(Role.READ) as connection:
        return queries.ingest_total(connection)


def per_second(session: Run) -> tuple[int, ...]:
    """Return the same from the ledger: accepted, late, rejected, without a record, offsets."""
    with session.access.session(Role.READ) as connection:
        row = connection.execute(
            "SELECT sum(accepted)::int, sum(late)::int, sum(rejected)::int, "
            "sum(without_record)::int, sum(max_offset - min_offset + 1)::int FROM ingest_ledger"
        ).fetchone()
    assert row is not None
    return row


@pytest.fixture
def session(own: Own) -> Run:
    """Return a topic of one partition with empty tables."""
    return own(1)


def test_records_of_other_producers_count(session: Run, running_job: RunJob, pause: Pause) -> None:
    """Codecs, keys and headers change nothing; markers and aborted records are no rejections."""
    source = QuarantineSource(session.kafka, session.topic, session.access, session.rules)
    worker = QuarantineWorker(source, QuarantineSettings(cpu_percent=100))
    chosen = session.settings.model_copy(update={"job": JobSettings(checkpoint_ms=1_000)})
    with running_job(session, chosen, None):
        for codec in CODECS:
            append(session, [SALE % (codec.encode(), NOTE)] * 20, **{"compression.type": codec})
        append(session, [b"\0\0\0\0\x07avro"], **{"compression.type": "zstd"})
        producer = transactional(session, f"{session.topic}-ends")
        transaction(producer, session.topic, [SALE % (b"committed", NOTE), b"{}"] * 3)
        producer.commit_transaction(FLUSH_S)
        for _ in range(2):
            transaction(producer, session.topic, [SALE % (b"aborted", NOTE), b"{"] * 4)
            producer.abort_transaction(FLUSH_S)
        # The log ends with offsets without a record; the job has no more to read.
        pause(session)
        worker.catch_up()
        counted = {"records": 107, "accepted": 103, "late": 0, "rejected": 4, "without_record": 19}
        assert total(session).items() >= counted.items()
        assert per_second(session) == (103, 0, 4, 19, 126)

        hanging = transactional(session, f"{session.topic}-hangs")
        transaction(hanging, session.topic, [SALE % (b"open", NOTE)] * 2)
        append(session, [SALE % (b"behind", NOTE)] * 3)
        (found,) = open_transactions(session.kafka, session.topic, [0], min_open_s=0)
        assert (found.partition, found.offset, found.waiting) == (0, 126, 5)
        assert abs(clock.now_ms() - found.since_ms) < 60_000
        assert "5 records wait behind it" in found.trouble(session.topic).what
        assert open_transactions(session.kafka, session.topic, [0], min_open_s=600) == []
        # What cannot be read yet is neither counted nor waited for.
        assert session.end_offsets() == {0: 126}
        hanging.commit_transaction(FLUSH_S)
        pause(session)
        assert open_transactions(session.kafka, session.topic, [0], min_open_s=0) == []
        verdict = verify(session)
        # The marker counts as rejected until the quarantine has read the gap.
        assert (verdict.exact, verdict.accepted, verdict.without_record) == (True, 108, 20)
        assert total(session)["rejected"] == 4 + 1
        worker.catch_up()
        assert (total(session)["rejected"], total(session)["without_record"]) == (4, 20)

    (bad, *_) = newest_row(session)
    assert "schema id 7" in bad[2]
    envelope = reader.envelope(source, bad[0], bad[1])
    assert envelope == (KEYS[0], tuple(HEADERS))
    records = newest(session.kafka, session.topic, held_offsets(session.kafka, session.topic), 50)
    assert len(records) > 20


def newest_row(session: Run) -> list[tuple[int, int, str]]:
    """Return place and reason of the unreadable records in the quarantine."""
    with session.access.session(Role.READ) as connection:
        rows = reader.newest(connection, RowFilter("unreadable"), 10)
    return [(row.partition, row.offset, sentence(row.reason, row.payload)) for row in rows]
