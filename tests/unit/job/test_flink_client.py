"""The client of Flink's REST, against a server that answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from spaf import clock
from spaf.bench.run.early_checkpoint import MAX_REQUESTS, PAUSE_S, EarlyCheckpoints
from spaf.errors import JobError
from spaf.job.flink_client import (
    Checkpoint,
    FlinkClient,
    JobStatus,
    SavepointRequest,
    StoredCheckpoint,
    answering,
)

JOB = "0123456789abcdef0123456789abcdef"
NOWHERE = "http://127.0.0.1:1"


class Cluster(ThreadingHTTPServer):
    """Answers each path with what was put there; 404 elsewhere."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port of the loopback."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.connections = 0
        self.bodies: list[bytes] = []

    def put(self, path: str, value: Any, status: int = 200) -> None:
        """Have a path answered."""
        self.answers[path] = (status, json.dumps(value).encode())

    @property
    def url(self) -> str:
        """The address of this server."""
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Cluster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        """Answer."""
        self.server.asked.append(f"{self.command} {self.path}")
        status, body = self.server.answers.get(self.path, (404, b'{"errors": []}'))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PATCH = do_GET  # noqa: N815 - the name is the library's

    def do_POST(self) -> None:
        """Keep the body, and answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(body.decode(errors="replace"))
        self.server.bodies.append(body)
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keep off stderr."""


def serving() -> Iterator[Cluster]:
    """Serve until the test ends."""
    with Cluster() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Serve until the test ends."""
    yield from serving()


@pytest.fixture
def other() -> Iterator[Cluster]:
    """Serve as a second JobManager of the same cluster."""
    yield from serving()


@pytest.fixture
def client(cluster: Cluster) -> Iterator[FlinkClient]:
    """Yield a client of the server."""
    with closing(FlinkClient(cluster.url)) as opened:
        yield opened


def job(state: str, *tasks: dict[str, int]) -> dict[str, Any]:
    """Return what Flink says of a job with these counts of tasks, one a vertex."""
    return {"jid": JOB, "state": state, "vertices": [{"tasks": counts} for counts in tasks]}


def test_a_checkpoint_is_requested(cluster: Cluster, client: FlinkClient) -> None:
    """Of the kind that the job is configured for; a cluster that refuses is an error."""
    path = f"/jobs/{JOB}/checkpoints"
    with pytest.raises(JobError, match="answers 404"):
        client.trigger_checkpoint(JOB)
    cluster.put(path, {"request-id": "1"})
    client.trigger_checkpoint(JOB)
    assert cluster.asked[-2:] == ['{"checkpointType":"CONFIGURED"}', f"POST {path}"]


def test_complete_checkpoints_have_their_cost(cluster: Cluster, client: FlinkClient) -> None:
    """One that failed or goes on has none."""
    times = {"id": 7, "trigger_timestamp": 1_000, "end_to_end_duration": 12, "state_size": 2_048}
    history = [{**times, "status": status} for status in ("FAILED", "IN_PROGRESS", "COMPLETED")]
    cluster.put(f"/jobs/{JOB}/checkpoints", {"history": history})
    assert client.checkpoints(JOB) == [Checkpoint(7, 1_000, 12, 2_048)]


def test_newest_checkpoint_or_savepoint_is_where_another_job_starts(
    cluster: Cluster, client: FlinkClient
) -> None:
    """The newest of both; an attempt after it that has failed says why."""
    path = f"/jobs/{JOB}/checkpoints"
    taken = {"trigger_timestamp": 2, "external_path": "file:/c/chk-7"}
    saved = {"trigger_timestamp": 3, "external_path": "s3://b/savepoint-1"}
    trace = "java.lang.Exception: no\n\tat a.b\nCaused by: java.io.IOException: read-only"
    failed = {"trigger_timestamp": 4, "failure_message": trace}
    cases = [
        ({}, StoredCheckpoint()),
        ({"completed": taken, "savepoint": None}, StoredCheckpoint("file:/c/chk-7", 2)),
        ({"completed": taken, "savepoint": saved}, StoredCheckpoint("s3://b/savepoint-1", 3)),
        ({"failed": failed}, StoredCheckpoint("", 0, "java.io.IOException: read-only")),
        (
            {"failed": {**failed, "trigger_timestamp": 1}, "completed": taken},
            StoredCheckpoint("file:/c/chk-7", 2),
        ),
    ]
    for latest, expected in cases:
        cluster.put(path, {"latest": latest})
        assert client.stored_checkpoint(JOB) == expected
    assert not StoredCheckpoint("<checkpoint-not-externally-addressable>", 2).stored
    assert not StoredCheckpoint().stored
    assert StoredCheckpoint("file:/c/chk-7", 2).stored


def test_jobs_that_run_are_known_by_their_names(cluster: Cluster, client: FlinkClient) -> None:
    """Those that have ended are none of them; the version is the cluster's."""
    jobs = [
        {"jid": state, "name": f"of {state}", "state": state} for state in ("RUNNING", "FAILED")
    ]
    cluster.put("/jobs/overview", {"jobs": jobs})
    assert client.running_jobs() == {"RUNNING": "of RUNNING"}
    cluster.put("/config", {"flink-version": "2.3.0"})
    assert client.version() == "2.3.0"


def test_job_is_stopped_with_a_savepoint(cluster: Cluster, client: FlinkClient) -> None:
    """In the folder that is named, or that of the cluster; a refusal has Flink's cause."""
    path = f"/jobs/{JOB}/stop"
    trace = "x.RestHandlerException: no\n\tat a.b\nCaused by: java.lang.IllegalState: no folder"
    cluster.put(path, {"errors": ["Internal server error.", trace]}, 400)
    with pytest.raises(JobError, match=r"takes no savepoint: java\.lang\.IllegalState: no f"):
        client.stop_with_savepoint(JOB, None)
    cluster.put(path, {"request-id": "r"})
    assert client.stop_with_savepoint(JOB, "s3://b") == "r"
    bodies = [json.loads(body) for body in cluster.bodies]
    assert bodies == [{"drain": False}, {"drain": False, "targetDirectory": "s3://b"}]
    path = f"/jobs/{JOB}/savepoints/r"
    states = [
        ({"status": {"id": "IN_PROGRESS"}, "operation": None}, SavepointRequest(complete=False)),
        (
            {"status": {"id": "COMPLETED"}, "operation": {"location": "s3://b/savepoint-1"}},
            SavepointRequest(complete=True, path="s3://b/savepoint-1"),
        ),
        (
            {
                "status": {"id": "COMPLETED"},
                "operation": {"failure-cause": {"class": "c", "stack-trace": trace}},
            },
            SavepointRequest(complete=True, failure="java.lang.IllegalState: no folder"),
        ),
    ]
    for answer, expected in states:
        cluster.put(path, answer)
        assert client.savepoint(JOB, "r") == expected
    cluster.put("/overview", {"slots-available": 3})
    assert client.free_slots() == 3


def test_checkpoints_are_requested_while_something_waits(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One a second, a few of them, none without a job; a refusal changes nothing."""
    now = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    with (
        closing(EarlyCheckpoints(cluster.url, JOB)) as checkpoints,
        closing(EarlyCheckpoints(cluster.url, "")) as no,
    ):
        for _ in range(100):
            checkpoints.request()
            no.request()
            now[0] += PAUSE_S / 2
    posts = [line for line in cluster.asked if line.startswith("POST")]
    assert posts == [f"POST /jobs/{JOB}/checkpoints"] * MAX_REQUESTS


def test_graph_is_handed_over_as_a_form(cluster: Cluster, client: FlinkClient) -> None:
    """As Flink's own client does it: the names of the files, then the file."""
    cluster.put("/jobs", {"jobUrl": "/jobs/1"}, 202)
    client.submit(b"\xac\xed graph")
    body = cluster.bodies[-1]
    assert b'name="request"' in body
    assert b'"executionPlanFileName": "job.graph"' in body
    assert b'filename="job.graph"' in body
    assert b"\r\n\r\n\xac\xed graph\r\n" in body


def test_refusal_of_a_graph_has_flinks_cause(cluster: Cluster, client: FlinkClient) -> None:
    """The innermost one; an answer without a cause is reported by its status."""
    trace = "org.x.RestHandlerException: no\n\tat a.b\nCaused by: java.io.EOFException: short"
    cluster.put("/jobs", {"errors": ["Internal server error.", trace]}, 500)
    with pytest.raises(JobError, match=r"Flink refused the job: java\.io\.EOFException: short"):
        client.submit(b"")
    cluster.put("/jobs", [], 503)
    with pytest.raises(JobError, match="its answer is 503"):
        client.submit(b"")


def test_tasks_of_all_vertices_are_added_up(cluster: Cluster, client: FlinkClient) -> None:
    """Every state of a task counts, the running ones apart."""
    counts = ({"RUNNING": 2, "INITIALIZING": 1}, {"RUNNING": 1, "DEPLOYING": 4})
    cluster.put(f"/jobs/{JOB}", job("RUNNING", *counts))
    found = client.status(JOB)
    assert found == JobStatus(JOB, "RUNNING", 3, 8)
    assert not found.running


def test_job_runs_when_every_task_does(cluster: Cluster, client: FlinkClient) -> None:
    """Only then can sales flow."""
    cluster.put(f"/jobs/{JOB}", job("RUNNING", {"RUNNING": 2, "FAILED": 0}, {"RUNNING": 1}))
    found = client.status(JOB)
    assert found == JobStatus(JOB, "RUNNING", 3, 3)
    assert found.running


def test_job_that_is_failing_does_not_run_though_its_tasks_do() -> None:
    """The state of the job comes first."""
    assert not JobStatus(JOB, "FAILING", 3, 3).running


def test_job_that_the_cluster_does_not_know_is_none(client: FlinkClient) -> None:
    """404 is an answer, not an error."""
    assert client.status(JOB) is None


def test_other_answers_are_errors_with_address_code_and_path(
    cluster: Cluster, client: FlinkClient
) -> None:
    """What went wrong can be looked up."""
    cluster.put("/jobs/x", {}, status=500)
    message = rf"^Flink at http://127\.0\.0\.1:{cluster.server_port} answers 500 to /jobs/x\.$"
    with pytest.raises(JobError, match=message):
        client.status("x")


def test_job_whose_id_holds_404_is_not_taken_for_unknown(
    cluster: Cluster, client: FlinkClient
) -> None:
    """An error of the cluster is not the answer that there is no such job."""
    cluster.put("/jobs/a404", {}, status=500)
    with pytest.raises(JobError):
        client.status("a404")


def test_silent_cluster_is_told_with_what_to_check() -> None:
    """No traceback of a connection."""
    with closing(FlinkClient(NOWHERE)) as client:
        assert not client.ready()
        assert client.task_managers() == set()
        match = r"127\.0\.0\.1:1 does not answer \(ConnectError\)"
        with pytest.raises(JobError, match=match) as raised:
            client.jobs("x")
    assert "SPAF_FLINK__REST_URL" in raised.value.todo


def test_server_that_is_not_flink_is_told(cluster: Cluster, client: FlinkClient) -> None:
    """A page of another program at that address is an error for a person to read."""
    cluster.answers["/jobs/overview"] = (200, b"<html>")
    with pytest.raises(JobError, match="is not Flink"):
        client.jobs("x")


def test_jobs_are_those_of_the_name_that_have_not_ended(
    cluster: Cluster, client: FlinkClient
) -> None:
    """Ended jobs and those of others are not ours to watch."""
    states = ["RUNNING", "RESTARTING", "FAILED", "CANCELED", "FINISHED", "SUSPENDED", "CREATED"]
    mine = [{"jid": state, "name": "mine", "state": state} for state in states]
    other = {"jid": "other", "name": "other", "state": "RUNNING"}
    cluster.put("/jobs/overview", {"jobs": [*mine, other]})
    assert client.jobs("mine") == ["RUNNING", "RESTARTING", "CREATED"]


def test_cancel_asks_by_patch(cluster: Cluster, client: FlinkClient) -> None:
    """The request is Flink's own, and its empty answer is fine."""
    cluster.answers[f"/jobs/{JOB}?mode=cancel"] = (202, b"")
    client.cancel(JOB)
    assert cluster.asked == [f"PATCH /jobs/{JOB}?mode=cancel"]


TRACE = "org.x.JobException: gone\n\tat a\nCaused by: b.Wrapper: w\n\tat b\nCaused by: c.Root: r\n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"exceptionHistory": {"entries": [{"stacktrace": TRACE}]}}, "c.Root: r"),
        ({"exceptionHistory": {"entries": [{"stacktrace": "a.B: x\n\tat y"}]}}, "a.B: x"),
        (
            {"exceptionHistory": {"entries": [{"stacktrace": "new"}, {"stacktrace": TRACE}]}},
            "new",
        ),
        ({"exceptionHistory": {"entries": [{"stacktrace": ""}]}}, ""),
        ({"exceptionHistory": {"entries": []}}, ""),
        ({}, ""),
    ],
)
def test_failure_is_the_last_cause_of_the_newest_entry(
    cluster: Cluster, client: FlinkClient, answer: dict[str, Any], expected: str
) -> None:
    """One line says why, not a stack trace of wrappers."""
    cluster.put(f"/jobs/{JOB}/exceptions", answer)
    assert client.failure(JOB) == expected


def test_the_next_job_manager_is_asked_once_the_first_is_lost(
    cluster: Cluster, other: Cluster
) -> None:
    """And it stays the first one to be asked: each failed attempt may take a timeout."""
    for one in (cluster, other):
        one.put("/overview", {})
    with closing(FlinkClient(f"{NOWHERE},{cluster.url}, {other.url}")) as client:
        assert client.ready()
        assert client.ready()
        assert (len(cluster.asked), len(other.asked)) == (2, 0)
        cluster.put("/overview", {"errors": ["no leader"]}, status=503)
        assert client.ready()
        assert client.ready()
        assert (len(cluster.asked), len(other.asked)) == (3, 2)


GONE = "org.apache.flink.runtime.rpc.exceptions.RecipientUnreachableException: Could not send"


@pytest.mark.parametrize(("status", "error"), [(503, "no leader"), (500, GONE)])
def test_a_job_manager_without_a_leader_answers_if_no_other_does(
    cluster: Cluster, other: Cluster, status: int, error: str
) -> None:
    """While a leader is elected, none of them can say anything of the job."""
    for one in (cluster, other):
        one.put(f"/jobs/{JOB}", {"errors": [error]}, status=status)
    with (
        closing(FlinkClient(f"{cluster.url},{other.url}")) as client,
        pytest.raises(JobError, match="no leading JobManager"),
    ):
        client.status(JOB)


def test_an_unknown_job_is_not_looked_for_at_the_next_job_manager(
    cluster: Cluster, other: Cluster
) -> None:
    """The answer of each one is that of the whole cluster."""
    with closing(FlinkClient(f"{cluster.url},{other.url}")) as client:
        assert client.status(JOB) is None
    assert other.asked == []


def test_silence_of_all_job_managers_names_all_of_them() -> None:
    """With the setting that has them."""
    with closing(FlinkClient(f"{NOWHERE},http://127.0.0.1:2")) as client:
        match = r"Flink at http://127\.0\.0\.1:1,http://127\.0\.0\.1:2 does not answer"
        with pytest.raises(JobError, match=match):
            client.jobs("x")


def test_flinks_own_client_gets_a_job_manager_that_answers(cluster: Cluster) -> None:
    """It takes one address; of one alone it is not found out whether it answers."""
    cluster.put("/overview", {})
    assert answering(f"{NOWHERE},{cluster.url}") == cluster.url.rstrip("/")
    assert answering(f"{NOWHERE},http://127.0.0.1:2") == NOWHERE
    assert answering(NOWHERE) == NOWHERE


@pytest.mark.parametrize("address", ["http://h:1", "http://h:1/"])
def test_address_may_end_with_a_slash(address: str) -> None:
    """An address from the settings ends with one."""
    with closing(FlinkClient(address)) as client:
        assert client.url == "http://h:1"


def test_readiness_and_task_managers_over_one_connection(
    cluster: Cluster, client: FlinkClient
) -> None:
    """A poll every few milliseconds must not open a connection each time."""
    assert not client.ready()
    assert client.task_managers() == set()
    cluster.put("/overview", {"taskmanagers": 1})
    cluster.put("/taskmanagers", {"taskmanagers": [{"id": "taskmanager"}, {"id": "other"}]})
    assert client.ready()
    assert client.task_managers() == {"taskmanager", "other"}
    assert cluster.connections == 1


def test_a_failure_to_read_a_checkpoint_is_told_apart(
    cluster: Cluster, client: FlinkClient
) -> None:
    """By what Flink wraps around each cause of it; the cause itself may be anything."""
    wrapped = (
        "java.lang.Exception: Exception while creating StreamOperatorStateContext.\n\tat a.b\n"
        "Caused by: java.io.UTFDataFormatException\n\tat c.d\n"
    )
    entries = [
        {"timestamp": 2, "stacktrace": wrapped},
        {"timestamp": 1, "stacktrace": "java.io.IOException: the database is away\n\tat a.b\n"},
    ]
    cluster.put(f"/jobs/{JOB}/exceptions", {"exceptionHistory": {"entries": entries}})
    first, second = client.failures(JOB)
    assert (first.restoring, first.cause) == (True, "java.io.UTFDataFormatException")
    assert not second.restoring
