"""`spaf status`: the state of each service, the job and the quarantine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from spaf import clock, settings
from spaf.cli.terminal.output import Json, counted, out, print_json, table
from spaf.errors import NotUpError, StoreError
from spaf.settings import Settings
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.state import RunFolder, RunState
from spaf.store import queries
from spaf.store.access import Role

# Interval over which processor use is measured, seconds.
CPU_INTERVAL_S = 0.5


def status(*, json: Json = False) -> None:
    """Show what runs where, and what it costs; exit code 1 if something is not as it should be."""
    chosen = settings.load()
    report = status_report(chosen, RunFolder(chosen.home).running())
    if json:
        print_json(report)
    else:
        print_status(report)
    healthy = all(s["state"] in ("running", "external") for s in report["services"].values())
    if not healthy or report["phase"] != "running" or report["job"]["state"] != "RUNNING":
        raise typer.Exit(1)


def status_report(chosen: Settings, state: RunState) -> dict[str, Any]:
    """Return the report for --json; takes CPU_INTERVAL_S.

    Raises:
        NotUpError: the run ended meanwhile.

    """
    earlier = {name: resources(service)[1] for name, service in state.services.items()}
    clock.sleep(CPU_INTERVAL_S)
    current = RunFolder(chosen.home).read()
    if current is None:
        raise NotUpError("The run has just ended.")
    services = {}
    for name, service in current.services.items():
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
    return {
        "phase": current.phase,
        "services": services,
        "job": {"state": job.state, "id": job.id, "submissions": job.submissions},
        "quarantine": _quarantine(chosen, current),
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
    out.print(f"job {job['id'] or '-'}: {job['state']}", highlight=False)
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
            totals = queries.quarantine_totals(connection)
    except StoreError:
        return None
    return {**asdict(totals), "sampled": totals.sampled}
