"""`spaf status`: the state of each service, the job and the quarantine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import typer

from spaf import clock, settings
from spaf.cli.terminal.output import Json, counted, out, print_json, printable, table
from spaf.errors import NotUpError, SettingsError, StackError, StoreError
from spaf.settings import Settings
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import POSTGRES
from spaf.stack.state import RunFolder, RunState
from spaf.stack.vitals import present_services, present_trouble, run_problem
from spaf.store import queries
from spaf.store.access import Role
from spaf.trouble import DiskOutlook, Trouble

# Interval over which processor use is measured, seconds.
CPU_INTERVAL_S = 0.5
# A table may be locked; the state of the services is shown without the totals then.
TOTALS_TIMEOUT_MS = 1_000


def status(
    *,
    pid: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Print only the process id of this service."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what runs where, and what it costs; exit code 1 if something is not as it should be."""
    chosen = settings.load()
    if pid is not None:
        print_json(pid_of(RunFolder(chosen.home).running(), pid))
        return
    report, problem = status_report(chosen, RunFolder(chosen.home).running())
    if json:
        print_json(report)
    else:
        print_status(report)
    if problem:
        raise typer.Exit(1)


def pid_of(state: RunState, name: str) -> int:
    """Return the process id of a service.

    Raises:
        SettingsError: the run has no such service.
        StackError: it has no process now.

    """
    if name not in state.services:
        names = ", ".join(state.services)
        raise SettingsError(f"--pid {name}: no service of this run.", todo=f"It has: {names}.")
    pid = state.services[name].pid
    if pid is None:
        raise StackError(f"{name} has no process now.", todo="`spaf status` shows its state.")
    return pid


def status_report(chosen: Settings, state: RunState) -> tuple[dict[str, Any], str]:
    """Return the report for --json, and what is not as it should be; takes CPU_INTERVAL_S.

    Raises:
        NotUpError: the run ended meanwhile.

    """
    earlier = {name: resources(service)[1] for name, service in state.services.items()}
    clock.sleep(CPU_INTERVAL_S)
    current = RunFolder(chosen.home).read()
    if current is None:
        raise NotUpError("The run has just ended.")
    services = {}
    for service in present_services(current):
        name = service.name
        memory_mib, cpu_s = resources(service)
        # A process that was started or restarted during the interval has no earlier value.
        used_s = max(0.0, cpu_s - earlier.get(name, cpu_s))
        services[name] = {
            "state": service.state,
            "pid": service.pid,
            "address": service.address,
            "rss_mib": round(memory_mib, 1),
            "cpu_percent": round(100 * used_s / CPU_INTERVAL_S, 1),
            "restarts": service.restarts,
        }
    job = current.job
    cause = present_trouble(RunFolder(chosen.home), current)
    report = {
        "phase": current.phase,
        "services": services,
        "job": {
            "state": job.state,
            "id": job.id,
            "submissions": job.submissions,
            "resumed_from": job.resumed_from,
            "checkpoint": job.checkpoint,
            "note": job.note,
            "savepoint": job.savepoint,
            "upgrade": job.upgrade,
        },
        "trouble": None if cause is None else trouble_report(cause),
        "disk": None if current.disk is None else disk_report(current.disk),
        # Not from a server that does not answer.
        "quarantine": None if cause and cause.stage == POSTGRES else _quarantine(chosen, current),
    }
    return report, run_problem(current, cause)


def trouble_report(cause: Trouble) -> dict[str, Any]:
    """Return a cause for --json."""
    return {
        "code": cause.code,
        "stage": cause.stage,
        "what": cause.what,
        "todo": cause.todo,
        "since": round(cause.since, 3),
        "lasting": cause.lasting,
    }


def disk_report(outlook: DiskOutlook) -> dict[str, Any]:
    """Return when a disk will be full for --json."""
    return {
        **msgspec.structs.asdict(outlook),
        "soon": outlook.soon,
        "what": outlook.line,
        "todo": outlook.todo,
    }


def print_status(report: dict[str, Any]) -> None:
    """Print the report as a table and a line each for job and quarantine."""
    # Six columns and whole numbers, so that no address is folded in 80 characters.
    rows = [
        (
            name,
            f"{s['state']}, restarted {s['restarts']}x" if s["restarts"] else s["state"],
            s["address"],
            round(s["rss_mib"]),
            round(s["cpu_percent"]),
            s["pid"] and str(s["pid"]),
        )
        for name, s in report["services"].items()
    ]
    columns = ("service", "state", "address", "MiB", "CPU %", "pid")
    out.print(table("", columns, rows))
    job = report["job"]
    if report["phase"] != "running":
        out.print(f"[yellow]the run is {report['phase']}[/]")
    anew = f", counted from the first record: {job['note']}" if job["note"] else ""
    if job["upgrade"]:
        anew = f"; its upgrade {job['upgrade']}"
    line = f"job {job['id'] or '-'}: {job['state']}{anew}"
    out.print(printable(line), markup=False, highlight=False, soft_wrap=True)
    if report["trouble"] is not None:
        line = f"{report['trouble']['what']} {report['trouble']['todo']}"
        out.print(printable(line), style="red", markup=False, highlight=False, soft_wrap=True)
    disk = report.get("disk")
    if disk is not None:
        line = f"{disk['what']} {disk['todo']}" if disk["soon"] else disk["what"]
        style = "yellow" if disk["soon"] else "dim"
        out.print(printable(line), style=style, markup=False, highlight=False, soft_wrap=True)
    totals = report["quarantine"]
    if totals is not None and totals["explained"] + totals["waiting"]:
        flag = ", sampled" if totals["sampled"] else ""
        out.print(
            f"quarantine: {counted(totals['explained'], 'record')} explained, "
            f"{totals['kept']:,} kept, {totals['waiting']:,} waiting{flag}",
            highlight=False,
        )


def _quarantine(chosen: Settings, state: RunState) -> dict[str, Any] | None:
    """Return the totals of the quarantine, or None if PostgreSQL does not answer."""
    try:
        with Run(chosen, state).access.session(Role.READ) as connection:
            connection.execute(f"SET statement_timeout = {TOTALS_TIMEOUT_MS}")
            totals = queries.quarantine_totals(connection)
    except StoreError:
        return None
    return {**asdict(totals), "sampled": totals.sampled}
