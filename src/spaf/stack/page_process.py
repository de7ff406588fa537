"""The process of the live page: `python -m spaf.stack.page_process PORT`.

The supervisor starts it beside Locust. It may be killed at any moment and started again; whatever
goes wrong in it must not end the run.
"""

from __future__ import annotations

import logging
import os
import resource
import secrets
import sys
from pathlib import Path

from spaf import clock, settings
from spaf.errors import SpafError
from spaf.files import SECRET_MODE, write_atomically
from spaf.serve.app import build
from spaf.serve.run_info import JobInfo, RunInfo, ServiceInfo
from spaf.serve.web.server import Server
from spaf.settings import Settings
from spaf.stack.log import configure as configure_log
from spaf.stack.resource_usage import ResourceUsage
from spaf.stack.service_names import GROUP, LOCUST
from spaf.stack.state import RunFolder

log = logging.getLogger(__name__)

# The services come first: a page that is drawn a little later is better than a later sale.
NICENESS = 5
# Before it ends after a failure that is not understood, seconds: see the same in `quarantine`.
PAUSE_AFTER_DEFECT_S = 20.0
# Open connections, files and a neighbour's sockets; the usual limit of 1,024 is too near.
OPEN_FILES = 4_096


def source(chosen: Settings, home: RunFolder) -> RunInfo:
    """Return what the page shows of the run in the run folder.

    Raises:
        NotUpError: nothing runs there.

    """
    state = home.running()
    dsn = None if chosen.postgres.dsn is None else chosen.postgres.dsn.get_secret_value()
    costs = ResourceUsage()
    return RunInfo(
        kafka=state.kafka,
        topic=chosen.kafka.topic,
        group=GROUP,
        flink=state.flink,
        access=home.access(state, chosen.postgres.schema_name, dsn),
        # Those that the job was started with.
        rules=state.contract.rules(),
        outlier_score=state.contract.outlier_score,
        surge_score=state.contract.surge_score,
        started_ms=round(state.supervisor_started * 1_000),
        services=lambda: services(home, costs),
        job=lambda: job(home),
        links=lambda: links(home),
        labels=home.runs / "labels.jsonl",
        runs=home.runs,
        gathers_s=(chosen.job.mini_batch_ms + chosen.job.flush_ms) / 1_000,
    )


def services(home: RunFolder, costs: ResourceUsage) -> list[ServiceInfo]:
    """Return how every service is now; none once the run has ended."""
    state = home.read()
    found = [] if state is None else list(state.services.values())
    return [
        ServiceInfo(one.name, one.state, one.address, one.restarts, *costs.of(one)) for one in found
    ]


def job(home: RunFolder) -> JobInfo:
    """Return how the job is now."""
    state = home.read()
    return JobInfo("gone", "") if state is None else JobInfo(state.job.state, state.job.id)


def links(home: RunFolder) -> dict[str, str | None]:
    """Return the addresses of the pages that the services have themselves."""
    state = home.read()
    if state is None:
        return {"flink": None, "locust": None}
    locust = state.services.get(LOCUST)
    return {"flink": state.flink, "locust": locust.address if locust else None}


def token(home: RunFolder) -> str:
    """Return the token of this run folder's page: an open page keeps it when we start again."""
    file: Path = home.runs / "page-token"
    if not file.exists() or file.stat().st_size == 0:
        write_atomically(file, secrets.token_urlsafe(32).encode(), mode=SECRET_MODE)
    return file.read_text()


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> int:
    """Serve the page until SIGTERM."""
    os.nice(NICENESS)
    try:
        chosen = settings.load()
        home = RunFolder(chosen.home)
        port = int(sys.argv[1])
        _allow_open_files()
        Server(build(source(chosen, home), port, token(home)), port).run()
    except SpafError as error:
        log.error("stopped: %s", error)  # noqa: TRY400 - the message says all of it
        return error.exit_code
    except Exception:
        log.exception("stopped by a defect")
        clock.sleep(PAUSE_AFTER_DEFECT_S)
        return 1
    return 0


if __name__ == "__main__":
    configure_log()
    sys.exit(main())
