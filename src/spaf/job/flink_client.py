"""The job as the cluster's REST shows it."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx

from spaf.errors import JobError

TIMEOUT_S = 3.0
FINAL_STATES = frozenset({"FAILED", "CANCELED", "FINISHED", "SUSPENDED"})


class JobStatus(NamedTuple):
    """What the cluster says of one job."""

    id: str
    state: str
    running_tasks: int
    tasks: int

    @property
    def running(self) -> bool:
        """Say whether every task of the job runs."""
        return self.state == "RUNNING" and self.running_tasks == self.tasks


class FlinkClient:
    """A small client of Flink's REST."""

    def __init__(self, url: str) -> None:
        """Keep the address, such as http://127.0.0.1:8081."""
        self.url = str(url).rstrip("/")

    def get(self, path: str) -> Any:
        """Return the JSON of a path.

        Raises:
            JobError: the cluster does not answer, or something else does.

        """
        return self._call("GET", path)

    def status(self, job_id: str) -> JobStatus | None:
        """Return the job's status, or None if the cluster does not know the job."""
        path = f"/jobs/{job_id}"
        answer = self._send("GET", path)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        job = self._read(answer, path)
        counts = [vertex["tasks"] for vertex in job["vertices"]]
        return JobStatus(
            job_id,
            job["state"],
            sum(count.get("RUNNING", 0) for count in counts),
            sum(sum(count.values()) for count in counts),
        )

    def jobs(self, name: str) -> list[str]:
        """Return the ids of the jobs of this name that have not ended."""
        jobs = self.get("/jobs/overview")["jobs"]
        return [j["jid"] for j in jobs if j["name"] == name and j["state"] not in FINAL_STATES]

    def cancel(self, job_id: str) -> None:
        """Ask the cluster to cancel the job."""
        self._call("PATCH", f"/jobs/{job_id}?mode=cancel")

    def failure(self, job_id: str) -> str:
        """Return the root cause of the job's last failure, one line."""
        found = self.get(f"/jobs/{job_id}/exceptions").get("exceptionHistory", {})
        entries = found.get("entries", [])
        if not entries:
            return ""
        lines: list[str] = entries[0]["stacktrace"].splitlines()
        causes = [line for line in lines if "Caused by" in line]
        return (causes[-1:] or lines[:1] or [""])[0].removeprefix("Caused by: ")

    def _call(self, method: str, path: str) -> Any:
        return self._read(self._send(method, path), path)

    def _send(self, method: str, path: str) -> httpx.Response:
        try:
            return httpx.request(method, f"{self.url}{path}", timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            raise JobError(
                f"Flink at {self.url} does not answer ({type(error).__name__}).",
                todo="See `spaf status`; if it is your own cluster, check SPAF_FLINK__REST_URL.",
            ) from error

    def _read(self, answer: httpx.Response, path: str) -> Any:
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise JobError(f"Flink at {self.url} answers {answer.status_code} to {path}.")
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise JobError(
                f"What answers at {self.url} is not Flink: no JSON at {path}.",
                todo="Check SPAF_FLINK__REST_URL.",
            ) from error
