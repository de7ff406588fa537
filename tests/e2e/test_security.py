"""A whole run as another account sees it: its secrets, and the answers to strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from spaf.stack.page_process import token
from spaf.stack.process import wait_until
from spaf.stack.state import RunFolder
from tests.support.commands import FullRun, Processes, Spaf

PATIENCE_S = 30.0
# Files that hold a secret because a service reads it there, by their place in the run folder.
HOLDERS = {"secrets.json": "*", "runs/page-token": "page"}
# Beyond it a file is data of Kafka or PostgreSQL, not text that was written about the run.
MAX_SEARCHED_BYTES = 64 * 2**20
FOREIGN = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
# What would bring code to the cluster or end a job, were it open.
FLINK_REFUSED = (
    ("POST", "/jars/upload"),
    ("GET", "/jars"),
    ("POST", "/jars/some.jar/run"),
    ("POST", "/jars/some.jar/plan"),
    ("DELETE", "/jars/some.jar"),
)


@pytest.fixture
def secrets(full_run: FullRun) -> dict[str, bytes]:
    """Return every secret of the run by its name."""
    home = RunFolder(full_run.home)
    return {name: value.encode() for name, value in home.passwords().items()} | {
        "page": token(home).encode()
    }


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of a run that is not the data of a service."""
    for path in folder.rglob("*"):
        try:
            if path.is_file() and path.stat().st_size <= MAX_SEARCHED_BYTES:
                yield str(path.relative_to(folder)), path.read_bytes()
        except FileNotFoundError:  # a checkpoint that was replaced meanwhile
            continue


def test_a_secret_is_only_where_it_is_read(
    full_run: FullRun, secrets: dict[str, bytes], spaf: Spaf, processes: Processes
) -> None:
    """In no log, plan, state or result, on no command line, in nothing that a command prints."""
    found = []
    for name, content in files(full_run.home.resolve()):
        for secret, value in secrets.items():
            if value in content and HOLDERS.get(name) not in ("*", secret):
                found.append((name, secret))
    for identity in processes(full_run.home):
        process = psutil.Process(identity.pid)
        line = " ".join(process.cmdline()).encode()
        found += [(process.name(), secret) for secret, value in secrets.items() if value in line]
    for words in (("status", "--json"), ("doctor", "--json"), ("logs", "taskmanager", "-n", "999")):
        done = spaf(full_run.path, *words, **full_run.variables)
        said = (done.stdout + done.stderr).encode()
        found += [(words[0], secret) for secret, value in secrets.items() if value in said]
    assert found == []


def test_flink_takes_no_code_from_a_page(full_run: FullRun) -> None:
    """The upload of jars is off; another page cannot read an answer: no header allows it."""
    with httpx.Client(base_url=flink(full_run), headers=FOREIGN, timeout=PATIENCE_S) as client:
        for method, path in FLINK_REFUSED:
            assert client.request(method, path).status_code == httpx.codes.NOT_FOUND, path
        for path in ("/overview", "/config", "/jobs/overview", "/nowhere"):
            allowed = client.get(path).headers.get("access-control-allow-origin")
            assert allowed not in ("*", FOREIGN["origin"]), path


def test_locust_starts_no_sales_for_another_page(full_run: FullRun) -> None:
    """Its page changes the load of a shop, so the same rule holds as for our own page."""
    with httpx.Client(base_url=locust(full_run), timeout=PATIENCE_S) as client:
        assert wait_until(lambda: client.get("/").status_code == httpx.codes.OK, PATIENCE_S)
        for path in ("/swarm", "/stop", "/stats/reset"):
            for method in ("GET", "POST"):
                answer = client.request(method, path, headers=FOREIGN)
                assert answer.is_client_error, (method, path, answer.status_code)


def flink(full_run: FullRun) -> str:
    """Return the address of Flink's REST API."""
    return RunFolder(full_run.home).running().services["jobmanager"].address


def locust(full_run: FullRun) -> str:
    """Return the address of Locust's page."""
    return RunFolder(full_run.home).running().services["locust"].address
