"""The load generator as a process: real Locust, real broker."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from spaf.generate.locust.command import LoadSpec, load_command
from spaf.generate.locust.load_result import LoadResult
from spaf.sale import Sale, decode
from spaf.stack.ports import any_free_port
from spaf.topic.range_reader import read
from tests.support.runs import Own


def test_every_sale_that_was_asked_for_is_on_the_topic(own: Own, tmp_path: Path) -> None:
    """Rate times duration sales are intended, acknowledged and there; labels name true sales."""
    session = own(1)
    labels, result = tmp_path / "labels.jsonl", tmp_path / "result.json"
    offered = LoadSpec(session.kafka, session.topic, 7, ("BRL", "USD"), 0.2, labels)
    argv = load_command(offered, rate=60, seconds=2, result=result)
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = LoadResult.read(result)
    assert (found.intended, found.sent, found.acked, found.failed) == (120, 120, 120, 0)
    records = list(read(session.kafka, session.topic, {}, session.end_offsets()))
    sales = [decode(record.value, record.append_ms, session.rules) for record in records]
    ids = {sale.transaction_id for (sale,) in sales if isinstance(sale, Sale)}
    assert len(records) == len(ids) == 120, "lost, doubled or refused"
    labelled = [json.loads(line)["transactionId"] for line in labels.read_text().splitlines()]
    assert 0 < len(labelled) < 60
    assert len(set(labelled)) == len(labelled)
    assert ids.issuperset(labelled)
    assert not any(b"factor" in (record.value or b"") for record in records), "the label travels"


def test_a_broker_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    """Without a broker the load ends with what is wrong and where, and with no traceback."""
    address = f"127.0.0.1:{any_free_port()}"
    offered = LoadSpec(address, "nowhere", 1, ("BRL",), 0.0)
    argv = load_command(offered, rate=10, seconds=1, result=tmp_path / "result.json")
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert f"no Kafka broker answers at {address}" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.strip().splitlines()) <= 2, ran.stderr
    assert not (tmp_path / "result.json").exists()
