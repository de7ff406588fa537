"""What the page shows of a run that is up; imported only then, because it imports most of SPAF."""

from __future__ import annotations

from collections.abc import Mapping

from spaf import settings
from spaf.job.flink_address import FlinkAddress
from spaf.serve.app import Site, build
from spaf.serve.run_info import JobInfo, RunInfo, ServiceInfo, Thresholds
from spaf.serve.sweep_view import SweepRunner
from spaf.serve.web.roles import Roles
from spaf.settings import Settings
from spaf.stack.resource_usage import ResourceUsage
from spaf.stack.run import Run
from spaf.stack.service_names import JOBMANAGER, LOCUST, SERVE
from spaf.stack.state import JobContract, RunFolder, RunState, ServiceState, ServiceStatus
from spaf.stack.vitals import present_services, present_trouble

# Name of Flink's page among the links.
FLINK = "flink"


def site(
    port: int, token: str, public_url: str | None, sweep: SweepRunner, roles: Roles | None = None
) -> Site:
    """Return the whole page of the run that is up.

    Raises:
        NotUpError: no run is up.

    """
    return build(source(Run.attach(settings.load()), sweep), port, token, public_url, roles)


def source(run: Run, sweep: SweepRunner) -> RunInfo:
    """Return what the page shows of a run."""
    home = run.home
    usage = ResourceUsage()
    job = run.settings.job
    return RunInfo(
        kafka=run.kafka,
        topic=run.topic,
        group=run.group,
        flink=run.flink,
        access=run.access,
        rules=run.rules,
        started_ms=round(run.started * 1_000),
        thresholds=lambda: thresholds(home, run.contract),
        services=lambda: services(home, usage),
        job=lambda: job_info(home),
        links=lambda: links(home),
        public_links=lambda: public_links(links(home), run.settings),
        labels=home.runs / "labels.jsonl",
        runs=home.runs,
        sweep=sweep,
        write_interval_s=(job.mini_batch_ms + job.flush_ms) / 1_000,
    )


def services(home: RunFolder, usage: ResourceUsage) -> list[ServiceInfo]:
    """Return the present state of every service; an empty list once the run has ended."""
    state = home.read()
    known = [] if state is None else present_services(state)
    return [
        ServiceInfo(
            service.name, _status(service), service.address, service.restarts, *usage.of(service)
        )
        for service in known
    ]


def _status(service: ServiceState) -> ServiceStatus:
    """Return the state of a service; the page runs, even if the supervisor has not seen it yet."""
    return ServiceStatus.RUNNING if service.name == SERVE else service.state


def job_info(home: RunFolder) -> JobInfo:
    """Return the present state of the job; `gone` once the run has ended."""
    state = home.read()
    if state is None:
        return JobInfo("gone", "")
    job = state.job
    return JobInfo(job.state, job.id, present_trouble(home, state), state.disk, job.group)


def thresholds(home: RunFolder, first: JobContract) -> Thresholds:
    """Return the thresholds of the present job; those of `first` once the run has ended."""
    state = home.read()
    contract = first if state is None else state.contract
    return Thresholds(contract.outlier_score, contract.surge_score, contract.series_score)


def links(home: RunFolder) -> dict[str, str | None]:
    """Return the addresses of the web pages of Flink and Locust."""
    state = home.read()
    if state is None:
        return {FLINK: None, LOCUST: None}
    locust = state.services.get(LOCUST)
    return {FLINK: _flink_page(state), LOCUST: locust.address if locust else None}


def public_links(links: Mapping[str, str | None], settings: Settings) -> dict[str, str | None]:
    """Return the addresses of these pages for a browser, which may not reach SPAF's own."""
    public = {FLINK: settings.flink.public_url, LOCUST: settings.locust.public_url}
    return {
        name: address if address is None or public[name] is None else str(public[name])
        for name, address in links.items()
    }


def _flink_page(state: RunState) -> str:
    """Return the address of the first JobManager that runs, as far as it is known."""
    running = (
        service.address
        for service in state.services.values()
        if service.name.startswith(JOBMANAGER) and service.state is ServiceStatus.RUNNING
    )
    return next(running, FlinkAddress(state.flink).each[0])
