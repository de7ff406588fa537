"""The process of the live page: `python -m spaf.stack.page_process PORT`.

The supervisor starts it once the job runs. It may be killed at any moment and is started again; the
run goes on without it.
"""

from __future__ import annotations

import os
import resource
import secrets
import sys

from spaf import settings
from spaf.files import SECRET_MODE, write_atomically
from spaf.serve.app import build
from spaf.serve.run_info import JobInfo, RunInfo, ServiceInfo
from spaf.serve.web.server import Server
from spaf.stack import log
from spaf.stack.resource_usage import ResourceUsage
from spaf.stack.run import Run
from spaf.stack.service_names import GROUP, LOCUST
from spaf.stack.state import RunFolder
from spaf.stack.vitals import present_trouble

# The services come first: a later sale would be worse than a later frame of the page.
NICENESS = 5
# Connections, files and sockets to the services; the usual limit of 1,024 is too low.
MIN_OPEN_FILES = 4_096


def source(run: Run) -> RunInfo:
    """Return what the page shows of a run."""
    home = run.home
    usage = ResourceUsage()
    job = run.settings.job
    return RunInfo(
        kafka=run.kafka,
        topic=run.topic,
        group=GROUP,
        flink=run.flink,
        access=run.access,
        rules=run.rules,
        outlier_score=run.contract.outlier_score,
        surge_score=run.contract.surge_score,
        series_score=run.contract.series_score,
        started_ms=round(run.started * 1_000),
        services=lambda: services(home, usage),
        job=lambda: job_info(home),
        links=lambda: links(home),
        labels=home.runs / "labels.jsonl",
        runs=home.runs,
        write_interval_s=(job.mini_batch_ms + job.flush_ms) / 1_000,
    )


def services(home: RunFolder, usage: ResourceUsage) -> list[ServiceInfo]:
    """Return the present state of every service; an empty list once the run has ended."""
    state = home.read()
    known = [] if state is None else state.services.values()
    return [
        ServiceInfo(
            service.name, service.state, service.address, service.restarts, *usage.of(service)
        )
        for service in known
    ]


def job_info(home: RunFolder) -> JobInfo:
    """Return the present state of the job; `gone` once the run has ended."""
    state = home.read()
    if state is None:
        return JobInfo("gone", "")
    return JobInfo(state.job.state, state.job.id, present_trouble(home, state))


def links(home: RunFolder) -> dict[str, str | None]:
    """Return the addresses of the web pages of Flink and Locust."""
    state = home.read()
    if state is None:
        return {"flink": None, "locust": None}
    locust = state.services.get(LOCUST)
    return {"flink": state.flink, "locust": locust.address if locust else None}


def token(home: RunFolder) -> str:
    """Return the token of this run folder's page; an open page stays valid over a restart."""
    file = home.runs / "page-token"
    if not file.exists() or file.stat().st_size == 0:
        write_atomically(file, secrets.token_urlsafe(32).encode(), mode=SECRET_MODE)
    return file.read_text()


def raise_open_files_limit() -> None:
    """Allow this process MIN_OPEN_FILES open files, as far as the hard limit permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MIN_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MIN_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve() -> None:
    """Serve the page until SIGTERM.

    Raises:
        NotUpError: no run is up.

    """
    os.nice(NICENESS)
    raise_open_files_limit()
    run = Run.attach(settings.load())
    port = int(sys.argv[1])
    public = run.settings.serve.public_url
    site = build(source(run), port, token(run.home), None if public is None else str(public))
    Server(site, port).run()


if __name__ == "__main__":
    log.configure()
    sys.exit(log.exit_code_of(serve))
