"""The client of Flink's REST API."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any, NamedTuple

import httpx

from spaf.errors import JobError
from spaf.job.flink_address import FlinkAddress
from spaf.tls import no_authorities

TIMEOUT_S = 3.0
# Flink wraps whatever keeps a task from reading its state into an exception with this message.
RESTORING = "Exception while creating StreamOperatorStateContext"
CAUSED_BY = "Caused by: "
# Prefix of the classes of the connector's own copy of Kafka's client.
SHADED = r"\borg\.apache\.flink\.kafka\.shaded\."
MAX_CAUSE_CHARS = 400
# What a failed handshake raises; a server may also answer nothing, or end the connection.
TLS_ERRORS = (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)
# What a JobManager answers, besides 503, while the leader that it knows is gone.
LOST_LEADER = re.compile(rb"RecipientUnreachableException|FencingTokenException")
FINAL_STATES = frozenset({"FAILED", "CANCELED", "FINISHED", "SUSPENDED"})


class JobStatus(NamedTuple):
    """State of one job and of its tasks."""

    id: str
    state: str
    running_tasks: int
    tasks: int

    @property
    def running(self) -> bool:
        """Whether the job and all of its tasks run."""
        return self.state == "RUNNING" and self.running_tasks == self.tasks


class JobFailure(NamedTuple):
    """A failure of a job: when, in epoch milliseconds, and its root cause."""

    at_ms: int
    cause: str
    restoring: bool = False
    """Whether a task could not read its state from the checkpoint."""


class Checkpoint(NamedTuple):
    """A complete checkpoint of a job: when it was triggered, epoch milliseconds, and its cost."""

    id: int
    triggered_ms: int
    duration_ms: int
    state_bytes: int


class StoredCheckpoint(NamedTuple):
    """The newest complete checkpoint or savepoint of a job, and why the last attempt has failed."""

    path: str = ""
    """Its URI; another text if the cluster keeps its checkpoints in memory; "" without one."""
    triggered_ms: int = 0
    failure: str = ""
    """Why the newest attempt has failed; "" if a later one is complete."""

    @property
    def stored(self) -> bool:
        """Whether another job can start from it."""
        return is_stored(self.path)


class SavepointRequest(NamedTuple):
    """A savepoint that was requested: where it is once it is complete, or why there is none."""

    complete: bool
    path: str = ""
    failure: str = ""


def is_stored(path: str) -> bool:
    """Return whether what a cluster calls a checkpoint is a URI, and not in its memory."""
    return bool(path) and not path.startswith("<")


def innermost_cause(trace: str) -> str:
    """Return the innermost cause of a Java stack trace, in one line.

    The first lines name only wrappers. A cause may have a message of several lines; those of
    suppressed exceptions are indented.
    """
    lines = trace.splitlines() or [""]
    starts = [0, *(i for i, line in enumerate(lines) if line.startswith(CAUSED_BY))]
    message: list[str] = []
    for line in lines[starts[-1] :]:
        if line.startswith("\t"):
            break
        message.append(line.strip())
    cause = " ".join(message).removeprefix(CAUSED_BY)
    cause = re.sub(SHADED, "", cause)
    return cause if len(cause) <= MAX_CAUSE_CHARS else f"{cause[:MAX_CAUSE_CHARS]} ..."


def _problem(response: httpx.Response) -> str:
    """Return the cause that an answer gives for a refusal, or else its status."""
    try:
        return innermost_cause(response.json()["errors"][-1])
    except (ValueError, LookupError, TypeError):
        return f"its answer is {response.status_code}."


def _without_leader(response: httpx.Response) -> bool:
    """Return whether a JobManager answers that none leads now."""
    return response.status_code == httpx.codes.SERVICE_UNAVAILABLE or (
        response.status_code == httpx.codes.INTERNAL_SERVER_ERROR
        and LOST_LEADER.search(response.content) is not None
    )


class FlinkClient:
    """Calls Flink's REST API over kept-alive connections; safe to share between threads.

    Of several JobManagers each one answers for the whole cluster. The client asks the one that has
    answered last, and the next one if it does not answer, or knows no leader.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        """Keep the address, such as http://127.0.0.1:8081; the first call connects."""
        self._address = FlinkAddress.plain(url)
        self._each = self._address.each
        # The JobManager that has answered last.
        self._current = 0
        self.url = str(self._address)
        encrypted = self._address.encrypted
        verify = self._address.tls.context() if encrypted else no_authorities()
        # Proxy variables are ignored: Flink is on this machine, or its operator named its address.
        self._client = httpx.Client(timeout=timeout_s, trust_env=False, verify=verify)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str) -> Any:
        """Return the JSON of a path.

        Raises:
            JobError: Flink does not answer, answers with an error, or the server is not Flink.

        """
        return self._call("GET", path)

    def ready(self) -> bool:
        """Return whether the JobManager answers."""
        try:
            self.get("/overview")
        except JobError:
            return False
        return True

    def task_managers(self) -> set[str]:
        """Return the ids of the registered TaskManagers; none while the JobManager is silent."""
        try:
            return {manager["id"] for manager in self.get("/taskmanagers")["taskmanagers"]}
        except JobError:
            return set()

    def status(self, job_id: str) -> JobStatus | None:
        """Return the status of a job, or None if Flink does not know the job.

        Raises:
            JobError: as for `get`.

        """
        path = f"/jobs/{job_id}"
        response = self._send("GET", path)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        job = self._read(response, path)
        counts = [vertex["tasks"] for vertex in job["vertices"]]
        return JobStatus(
            job_id,
            job["state"],
            sum(count.get("RUNNING", 0) for count in counts),
            sum(sum(count.values()) for count in counts),
        )

    def jobs(self, name: str) -> list[str]:
        """Return the ids of the jobs of this name that have not ended.

        Raises:
            JobError: as for `get`.

        """
        jobs = self.get("/jobs/overview")["jobs"]
        return [j["jid"] for j in jobs if j["name"] == name and j["state"] not in FINAL_STATES]

    def running_jobs(self) -> dict[str, str]:
        """Return id and name of each job that has not ended.

        Raises:
            JobError: as for `get`.

        """
        jobs = self.get("/jobs/overview")["jobs"]
        return {j["jid"]: j["name"] for j in jobs if j["state"] not in FINAL_STATES}

    def version(self) -> str:
        """Return the version of the cluster.

        Raises:
            JobError: as for `get`.

        """
        return str(self.get("/config")["flink-version"])

    def submit(self, graph: bytes) -> None:
        """Hand over a serialised job graph, as Flink's own client does; its id is in the graph.

        Raises:
            JobError: Flink does not answer, or does not take the job.

        """
        name = "job.graph"
        names = {"executionPlanFileName": name, "jobJarFileNames": [], "jobArtifactFileNames": []}
        parts = {
            "request": (None, json.dumps(names).encode(), "application/json"),
            "file_0": (name, graph, "application/octet-stream"),
        }
        response = self._send("POST", "/jobs", files=parts)
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise JobError(f"Flink refused the job: {_problem(response)}")

    def cancel(self, job_id: str) -> None:
        """Request the cancellation of a job.

        Raises:
            JobError: as for `get`.

        """
        self._call("PATCH", f"/jobs/{job_id}?mode=cancel")

    def stop_with_savepoint(self, job_id: str, folder: str | None) -> str:
        """Request that a job ends with a savepoint, and return the id of the request.

        Args:
            job_id: the job; it goes on if there is no savepoint.
            folder: URI of the folder for the savepoint; None for the cluster's own.

        Raises:
            JobError: as for `get`; also if neither folder nor cluster name a place.

        """
        body: dict[str, Any] = {"drain": False}
        if folder is not None:
            body["targetDirectory"] = folder
        response = self._send("POST", f"/jobs/{job_id}/stop", body)
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise JobError(f"Flink takes no savepoint: {_problem(response)}")
        return str(self._read(response, "/stop")["request-id"])

    def savepoint(self, job_id: str, request_id: str) -> SavepointRequest:
        """Return how far a requested savepoint is.

        Raises:
            JobError: as for `get`.

        """
        answer = self.get(f"/jobs/{job_id}/savepoints/{request_id}")
        operation = answer.get("operation") or {}
        cause = operation.get("failure-cause")
        failure = innermost_cause(cause.get("stack-trace", "")) if cause else ""
        complete = answer["status"]["id"] == "COMPLETED"
        return SavepointRequest(complete, operation.get("location") or "", failure)

    def free_slots(self) -> int:
        """Return how many task slots no job has.

        Raises:
            JobError: as for `get`.

        """
        return int(self.get("/overview")["slots-available"])

    def trigger_checkpoint(self, job_id: str) -> None:
        """Request a checkpoint of a job now; it completes later, or not.

        Raises:
            JobError: as for `get`; also of a cluster that does not permit it.

        """
        self._call("POST", f"/jobs/{job_id}/checkpoints", {"checkpointType": "CONFIGURED"})

    def failures(self, job_id: str) -> list[JobFailure]:
        """Return the failures of a job, the newest first; Flink keeps the last sixteen.

        Raises:
            JobError: as for `get`.

        """
        history = self.get(f"/jobs/{job_id}/exceptions").get("exceptionHistory", {})
        return [
            JobFailure(
                entry.get("timestamp", 0),
                innermost_cause(entry["stacktrace"]),
                restoring=RESTORING in entry["stacktrace"],
            )
            for entry in history.get("entries", [])
        ]

    def failure(self, job_id: str) -> str:
        """Return the root cause of the job's last failure in one line; empty without a failure.

        Raises:
            JobError: as for `get`.

        """
        return next((failure.cause for failure in self.failures(job_id)), "")

    def checkpoints(self, job_id: str) -> list[Checkpoint]:
        """Return the newest complete checkpoints of a job; Flink keeps the last ten of all.

        Raises:
            JobError: as for `get`.

        """
        history = self.get(f"/jobs/{job_id}/checkpoints").get("history", [])
        return [
            Checkpoint(
                checkpoint["id"],
                checkpoint["trigger_timestamp"],
                checkpoint["end_to_end_duration"],
                checkpoint["state_size"],
            )
            for checkpoint in history
            if checkpoint["status"] == "COMPLETED"
        ]

    def stored_checkpoint(self, job_id: str) -> StoredCheckpoint:
        """Return where another job could start from: the newest checkpoint or savepoint of a job.

        Raises:
            JobError: as for `get`.

        """
        latest = self.get(f"/jobs/{job_id}/checkpoints").get("latest") or {}
        whole = [latest[kind] for kind in ("completed", "savepoint") if latest.get(kind)]
        newest: dict[str, Any] = max(
            whole, key=lambda checkpoint: checkpoint["trigger_timestamp"], default={}
        )
        failed = latest.get("failed") or {}
        failure = ""
        if failed.get("trigger_timestamp", -1) > newest.get("trigger_timestamp", 0):
            failure = innermost_cause(failed.get("failure_message") or "")
        return StoredCheckpoint(
            newest.get("external_path", ""), newest.get("trigger_timestamp", 0), failure
        )

    def state_bytes(self, job_id: str) -> int:
        """Return the size of the newest complete checkpoint of a job; 0 before the first.

        Raises:
            JobError: as for `get`.

        """
        newest = self.get(f"/jobs/{job_id}/checkpoints")["latest"]["completed"]
        return int(newest["state_size"]) if newest else 0

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return self._read(self._send(method, path, body), path)

    def _send(self, method: str, path: str, body: Any = None, **content: Any) -> httpx.Response:
        """Return the answer of the first JobManager that knows a leader, or of one without.

        A request that is sent twice does no harm: a job has its id before it is handed over, and
        the cluster takes an id once.

        Raises:
            JobError: none answers.

        """
        first, leaderless = self._current, None
        failures: list[tuple[FlinkAddress, httpx.HTTPError]] = []
        for step in range(len(self._each)):
            number = (first + step) % len(self._each)
            address = self._each[number]
            try:
                response = self._client.request(method, f"{address}{path}", json=body, **content)
            except httpx.HTTPError as error:
                failures.append((address, error))
                continue
            if not _without_leader(response):
                self._current = number
                return response
            leaderless = response
        if leaderless is not None:
            return leaderless
        raise self._silent(*failures[0]) from failures[0][1]

    def _silent(self, address: FlinkAddress, error: httpx.HTTPError) -> JobError:
        """Return why no JobManager answers, from the failure of one."""
        refusal = address.refusal() if isinstance(error, TLS_ERRORS) else ""
        if refusal:
            return JobError(
                f"Flink at {address} refuses SPAF: {refusal}.",
                todo="Correct the settings of [flink] (SPAF_FLINK__...).",
            )
        return JobError(
            f"Flink at {self.url} does not answer ({type(error).__name__}).",
            todo="See `spaf status`; if it is your own cluster, check SPAF_FLINK__REST_URL.",
        )

    def _read(self, response: httpx.Response, path: str) -> Any:
        if _without_leader(response):
            raise JobError(
                f"Flink at {self.url} has no leading JobManager now.",
                todo="One is elected within seconds; if not, see `spaf status`.",
            )
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise JobError(f"Flink at {self.url} answers {response.status_code} to {path}.")
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise JobError(
                f"The server at {self.url} is not Flink: no JSON at {path}.",
                todo="Check SPAF_FLINK__REST_URL.",
            ) from error


def answering(url: str) -> FlinkAddress:
    """Return the address of the first JobManager that answers; the first one if none does.

    Flink's own client is given one address.
    """
    each = FlinkAddress.plain(url).each
    for address in each if len(each) > 1 else ():
        with contextlib.closing(FlinkClient(address)) as client:
            if client.ready():
                return address
    return each[0]
