"""The controls on a real Locust with its real page, and the score of what it sells."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from spaf import clock
from spaf.errors import LoadError
from spaf.generate.anomalies.anomaly import EpisodeLabel, Label, read_labels
from spaf.generate.locust import status_file
from spaf.generate.locust.client import LocustClient, LocustRefusedError
from spaf.generate.locust.command import LoadSpec, load_command, page_command
from spaf.generate.locust.protocol import INJECT_PATH
from spaf.serve.app import build
from spaf.serve.monitor import detection_metrics
from spaf.serve.monitor.detection_metrics import DetectionMetrics
from spaf.serve.monitor.load import LoadProbe
from spaf.serve.run_info import JobInfo, RunInfo
from spaf.stack import process
from spaf.stack.ports import any_free_port
from spaf.stack.run import Run
from spaf.store.access import Role
from spaf.topic.range_reader import read
from tests.support.runs import Own

PATIENCE_S = 30.0
TOKEN = "token"  # noqa: S105 - it opens nothing


class Shop:
    """A Locust of its own, and what it has sold."""

    def __init__(self, session: Run, folder: Path, run_info: Callable[..., RunInfo]) -> None:
        """Start it; it does not sell yet."""
        self.session = session
        self.labels = folder / "labels.jsonl"
        port = any_free_port()
        self.address = f"http://127.0.0.1:{port}"
        offered = LoadSpec(session.kafka, session.topic, 7, ("BRL",), 0.0, self.labels)
        argv = page_command(offered, port=port, rate=100, autostart=False)
        self.source = run_info(
            session,
            links=lambda: {"flink": None, "locust": self.address},
            labels=self.labels,
            runs=folder,
        )
        self.log = folder / "locust.log"
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)

    def end(self) -> None:
        """End it."""
        self._child.terminate()
        self._child.wait(PATIENCE_S)

    def sales(self) -> list[dict[str, Any]]:
        """Return what is in the topic."""
        one = self.session
        records = read(one.kafka, one.topic, {}, one.end_offsets())
        return [msgspec.json.decode(record.value or b"") for record in records]


@pytest.fixture
def shop(own: Own, run_info: Callable[..., RunInfo], tmp_path: Path) -> Iterator[Shop]:
    """Yield a Locust that is ready."""
    found = Shop(own(1), tmp_path, run_info)
    try:
        with LocustClient(found.address) as remote:
            assert process.wait_until(lambda: _ready(remote), PATIENCE_S), found.log.read_text()
        yield found
    finally:
        found.end()


def _ready(remote: LocustClient) -> bool:
    try:
        return remote.status().state == "ready"
    except LoadError:
        return False


def test_start_change_inject_stop(shop: Shop) -> None:
    """All that the page may do, and every sale is what was asked for."""
    with LocustClient(shop.address) as remote:
        with pytest.raises(LocustRefusedError, match="No load runs that could sell"):
            remote.inject("price_x10", None)
        with pytest.raises(LocustRefusedError, match="No load runs whose rate"):
            remote.change(5)
        remote.start(200)
        assert process.wait_until(lambda: remote.status().acked > 100, PATIENCE_S)
        now = remote.status()
        assert (now.state, now.users, now.rate) == ("running", 100, 200.0)
        assert now.delay_ms is not None
        assert 0 <= now.delay_ms[0] <= now.delay_ms[1]
        remote.change(40)
        assert process.wait_until(lambda: remote.status().rate == 40.0, PATIENCE_S)
        assert remote.inject("price_x100", "toys").category == "toys"
        surge = remote.inject("surge", None)
        assert surge.category == "electronics"
        assert "first minute" in surge.note
        with pytest.raises(LocustRefusedError, match="has an episode already"):
            remote.inject("drought", "electronics")
        with pytest.raises(LocustRefusedError, match="no category 'nothing'"):
            remote.inject("surge", "nothing")
        assert process.wait_until(lambda: _labelled(shop) == (1, 1), PATIENCE_S)
        remote.stop()
        then = remote.status()
        assert (then.state, then.rate) == ("stopped", 0.0)
        assert then.intended == then.acked
    sold = {sale["transactionId"]: sale for sale in shop.sales()}
    assert len(sold) == then.acked
    (label,), (episode,) = read_labels(shop.labels)
    assert (label.kind, sold[label.transaction_id]["productCategory"]) == ("price_x100", "toys")
    assert (episode.kind, episode.category) == ("surge", "electronics")


def test_through_the_page(shop: Shop) -> None:
    """The routes of the page do the same, and pass Locust's refusals on."""
    assert _post(shop, "/api/inject", 409, kind="surge")["error"].startswith("No load runs")
    assert _post(shop, "/api/load", 409, action="rate", rate=5)["error"].startswith("No load runs")
    assert _post(shop, "/api/load", action="start", rate=100)["ok"]
    with LocustClient(shop.address) as remote:
        assert process.wait_until(lambda: remote.status().acked > 10, PATIENCE_S)
        assert _post(shop, "/api/inject", kind="bulk_quantity", category="toys")["ok"]
        assert _post(shop, "/api/load", action="rate", rate=0.5)["rate"] == 0.5
        assert _post(shop, "/api/load", action="stop")["ok"]
        assert remote.status().state == "stopped"


def test_a_page_of_another_site_cannot_inject(shop: Shop) -> None:
    """What a browser could be made to send is refused, and Locust allows no other origin."""
    with LocustClient(shop.address) as remote:
        remote.start(100)
        assert process.wait_until(lambda: remote.status().acked > 10, PATIENCE_S)
        url = shop.address + INJECT_PATH
        form = httpx.post(url, data={"kind": "price_x10"})
        plain = httpx.post(url, content=b'{"kind":"price_x10"}', headers={"X-SPAF": "1"})
        rebound = httpx.post(
            url, json={"kind": "price_x10"}, headers={"X-SPAF": "1", "Host": "evil.example"}
        )
        assert {one.status_code for one in (form, plain, rebound)} == {403}
        evil = {"Origin": "http://evil.example"}
        assert httpx.options(url, headers=evil).status_code == 403
        # Nor what Locust has itself: it would let any site start and stop the load.
        assert httpx.post(f"{shop.address}/stop", headers=evil).status_code == 403
        own = {"Origin": shop.address}
        assert httpx.get(shop.address, headers=own).status_code == 200
        assert remote.status().state == "running"
        assert httpx.post(f"{shop.address}/stop", headers=own).status_code == 200
    assert not any(_labelled(shop))


def test_the_score_of_what_was_sold(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of a real load, rows as the job would write them: found, missed and false."""
    with LocustClient(shop.address) as remote:
        remote.start(100)
        assert process.wait_until(lambda: remote.status().acked > 10, PATIENCE_S)
        for kind in ("price_x10", "bulk_quantity"):
            remote.inject(kind, None)
        assert process.wait_until(lambda: _labelled(shop)[0] == 2, PATIENCE_S)
        remote.stop()
    labels, _ = read_labels(shop.labels)
    score = DetectionMetrics(shop.source)
    assert score.poll() == {"kinds": {}, "precision": None, "recall": None}
    with shop.session.access.connect(Role.SINK, autocommit=True) as sink:
        for offset, (name, kind) in enumerate(
            [(labels[0].transaction_id, "high_price"), ("7-other-1", "low_price")]
        ):
            sink.execute(
                "INSERT INTO sale_anomaly VALUES (0, %s, %s, %s, 'toys', 1, 1, 9)",
                [offset, kind, name],
            )
    found = score.poll()
    one = {"labelled": 1, "found": 1, "alerts": 1, "true_alerts": 1}
    assert found == {"kinds": {"high_price": one}, "precision": 1.0, "recall": 1.0}
    assert score.poll() == found, "rows that were read again count twice"
    score._counts.finalise(1e12, 0)
    assert score.poll() == {
        "kinds": {
            "high_price": one,
            "low_price": {"labelled": 0, "found": 0, "alerts": 1, "true_alerts": 0},
            "bulk_quantity": {"labelled": 1, "found": 0, "alerts": 0, "true_alerts": 0},
        },
        "precision": 0.5,
        "recall": 0.5,
    }
    # Another process of the page reads everything again, in pieces, and comes to the same.
    monkeypatch.setattr(detection_metrics, "MAX_ROWS", 2)
    again = DetectionMetrics(shop.source)
    assert again.poll() == found
    again.close()
    # A new job writes its rows again: everything is counted from the beginning.
    score._run = replace(shop.source, job=lambda: JobInfo("RUNNING", "k"))
    assert score.poll() == found
    score.close()


def test_a_headless_load_is_seen_while_it_sells(own: Own, tmp_path: Path) -> None:
    """It has no page to poll; its file names rate and counts, and goes with it."""
    session = own(1)
    offered = LoadSpec(session.kafka, session.topic, 7, ("BRL",), 0.0)
    argv = load_command(offered, rate=50, seconds=4, result=tmp_path / "load-1.json")
    probe = LoadProbe(lambda: None, tmp_path)
    with (tmp_path / "load.log").open("wb") as log:
        child = subprocess.Popen(argv, cwd=tmp_path, stdout=log, stderr=log)
    assert process.wait_until(lambda: probe.poll().headless is not None, PATIENCE_S)
    page, headless, written_at = probe.poll()
    assert page is None
    assert written_at is not None
    assert clock.monotonic() - written_at < status_file.MAX_AGE_S
    assert headless is not None
    assert headless.rate == 50
    assert process.wait_until(lambda: (probe.poll().headless or headless).acked > 50, PATIENCE_S)
    assert child.wait(PATIENCE_S) == 0, (tmp_path / "load.log").read_text()
    assert probe.poll() == (None, None, None)
    assert list(tmp_path.glob("*.status")) == []


def _post(shop: Shop, path: str, status: int = 200, **body: Any) -> Any:
    app = build(shop.source, 18_082, TOKEN)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        headers = {"x-spaf-token": TOKEN}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:18082", timeout=PATIENCE_S
        ) as client:
            return await client.post(path, json=body, headers=headers)

    found = asyncio.run(ask())
    assert found.status_code == status, found.text
    return found.json()


def _labelled(shop: Shop) -> tuple[int, int]:
    """Return how many sales and episodes have a label."""
    if not shop.labels.exists():
        return 0, 0
    found: tuple[list[Label], list[EpisodeLabel]] = read_labels(shop.labels)
    return len(found[0]), len(found[1])
