"""What Flink's REST says of a job, over real HTTP with answers made by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, jsonify
from werkzeug.serving import make_server

from spaf import clock
from spaf.errors import JobError
from spaf.serve.monitor.flink import (
    DETAIL_EVERY,
    FlinkMetrics,
    FlinkProbe,
    TaskTimes,
    checkpoint_age_s,
    times,
)


def vertex(name: str, busy: float, waits: float, idle: float) -> dict[str, Any]:
    """Return a vertex as `/jobs/ID` has it."""
    metrics = {
        "accumulated-busy-time": busy,
        "accumulated-backpressured-time": waits,
        "accumulated-idle-time": idle,
    }
    return {"id": name, "name": name, "metrics": metrics}


class Cluster:
    """A REST API with the answers of the test."""

    def __init__(self) -> None:
        """Begin with a job of two vertices."""
        self.vertices = [vertex("source", 0, 0, 0), vertex("sink", 0, 0, 0)]
        self.completed_ms: int | None = None
        self.asked: list[str] = []


@pytest.fixture
def cluster() -> Cluster:
    """Return a cluster of its own."""
    return Cluster()


@pytest.fixture
def rest(cluster: Cluster) -> Iterator[str]:
    """Return the address of the cluster's REST."""
    app = Flask("flink")

    @app.get("/jobs/j/status")
    def status() -> Any:
        cluster.asked.append("status")
        return jsonify({"status": "RUNNING"})

    @app.get("/jobs/j")
    def job() -> Any:
        return jsonify({"vertices": cluster.vertices})

    @app.get("/jobs/j/checkpoints")
    def checkpoints() -> Any:
        cluster.asked.append("checkpoints")
        at = cluster.completed_ms
        return jsonify({"latest": {"completed": at and {"latest_ack_timestamp": at}}})

    @app.get("/jobs/j/metrics")
    def metrics() -> Any:
        return jsonify([{"id": "numRestarts", "value": "3"}])

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_shares_are_those_between_two_looks(cluster: Cluster, rest: str) -> None:
    """Of the busiest vertex and of the one that waits most; standing counters say naught."""
    flink = FlinkProbe(rest, lambda: "j")
    assert flink.poll() == FlinkMetrics("RUNNING", None, None, "", None, 3)
    cluster.vertices = [vertex("source", 100, 800, 100), vertex("sink", 950, 0, 50)]
    cluster.completed_ms = clock.now_ms() - 5_000
    polls = [flink.poll() for _ in range(DETAIL_EVERY)]
    found = FlinkMetrics("RUNNING", 0.95, 0.8, "sink", cluster.completed_ms, 3)
    assert polls[-1] == found
    assert 5.0 <= (checkpoint_age_s(found) or 0) < 60
    assert [flink.poll() for _ in range(DETAIL_EVERY)] == [found] * DETAIL_EVERY
    assert cluster.asked.count("checkpoints") == 3, "asked for at each look"
    assert cluster.asked.count("status") == 1 + 2 * DETAIL_EVERY
    flink.close()


def test_tasks_that_begin_anew(cluster: Cluster, rest: str) -> None:
    """After a restart the counters step back; the shares stay until there are two looks again."""
    flink = FlinkProbe(rest, lambda: "j")
    for busy in (0, 500, 20):
        cluster.vertices = [vertex("source", busy, 0, busy)]
        for _ in range(DETAIL_EVERY):
            found = flink.poll()
    assert found.busy == 0.5
    flink.close()


def test_no_job_and_no_flink(rest: str) -> None:
    """A job that is not there yet waits; one that Flink does not know, and no Flink, are errors."""
    assert FlinkProbe(rest, lambda: "").poll() == FlinkMetrics("waiting")
    silent = "http://127.0.0.1:9"
    for address, error in ((rest, "answers 404 to /jobs/x/status"), (silent, "does not answer")):
        flink = FlinkProbe(address, lambda: "x")
        with pytest.raises(JobError, match=f"^Flink at {address} {error}"):
            flink.poll()
        flink.close()


def test_odd_counters_are_unknown() -> None:
    """A vertex of a task without busy time has NaN, and an old Flink has none at all."""
    assert times({}) == TaskTimes(0, 0, 0)
    assert times({"metrics": {"accumulated-busy-time": float("nan")}}) == TaskTimes(0, 0, 0)
    assert times({"metrics": {"accumulated-busy-time": "NaN"}}) == TaskTimes(0, 0, 0)
    assert checkpoint_age_s(FlinkMetrics("RUNNING")) is None
