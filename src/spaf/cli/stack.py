"""`spaf up`, `down`, `status`, `logs`: the services."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spaf import clock, settings
from spaf.cli.terminal.output import Json, err, out, print_json, table
from spaf.cli.terminal.progress import StartProgress
from spaf.errors import NotUpError, SettingsError, StoreError
from spaf.stack import control
from spaf.stack.process import log_tail
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE
from spaf.stack.state import RunFolder, RunState
from spaf.store import queries
from spaf.store.access import Role

# Processor use is the difference between two looks this far apart, seconds.
CPU_INTERVAL = 0.5


def add(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(logs)


def up(*, json: Json = False) -> None:
    """Start Kafka, Flink, PostgreSQL, the job and the pages; they go on in the background."""
    chosen = settings.load()
    if control.is_up(chosen):
        err.print("SPAF is already up.")
    state = control.up(chosen, StartProgress())
    if json:
        print_json(_status(chosen, state))
    else:
        _print_status(_status(chosen, state))
        page = state.services.get(SERVE)
        if page is not None:
            err.print(f"\nThe page: [bold]{page.address}[/]", highlight=False)
        err.print("Start sales there, on Locust's page or with `spaf load`; end with `spaf down`.")


def down(
    *,
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Delete the run folder too: data, logs, passwords.")
    ] = False,
) -> None:
    """Stop everything that runs in the run folder."""
    chosen = settings.load()
    found = control.down(chosen, wipe=wipe)
    err.print("Stopped." if found else "Nothing was running.")
    if wipe:
        err.print(f"{chosen.home} is deleted.")


def status(*, json: Json = False) -> None:
    """Show what runs where, and what it costs; exit code 1 if something is not as it should be."""
    chosen = settings.load()
    found = _status(chosen, RunFolder(chosen.home).running())
    if json:
        print_json(found)
    else:
        _print_status(found)
    healthy = all(s["state"] in ("running", "external") for s in found["services"].values())
    if not healthy or found["phase"] != "running" or found["job"]["state"] != "RUNNING":
        raise typer.Exit(1)


def logs(
    name: Annotated[
        str | None,
        typer.Argument(help="A service, `spaf` (the supervisor), `job-submit` or `load`."),
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=10_000, help="Lines to print, the last ones.")
    ] = 50,
) -> None:
    """Print the end of a log; without a name, which logs there are."""
    home = RunFolder(settings.load().home)
    known = sorted(path.stem for path in home.logs.glob("*.log"))
    if name is None:
        out.print("\n".join(known) or f"no logs yet in {home.logs}", highlight=False)
        return
    file = home.logs / f"{Path(name).name}.log"
    if not file.exists():
        raise SettingsError(
            f"There is no log of {name!r} in {home.logs}.",
            todo=f"Logs: {', '.join(known) or 'none yet'}",
        )
    out.print(log_tail(file, lines), markup=False, highlight=False, soft_wrap=True)


def _status(chosen: settings.Settings, state: RunState) -> dict[str, Any]:
    before = {name: resources(s) for name, s in state.services.items()}
    clock.sleep(CPU_INTERVAL)
    current = RunFolder(chosen.home).read()
    if current is None:
        raise NotUpError("The run has just ended.")
    services = {}
    for name, service in current.services.items():
        memory, cpu = resources(service)
        # A process that has ended or was started again in between has no earlier time.
        used = max(0.0, cpu - before.get(name, (0.0, cpu))[1])
        services[name] = {
            "state": service.state,
            "pid": service.pid,
            "address": service.address,
            "rss_mib": round(memory, 1),
            "cpu_percent": round(100 * used / CPU_INTERVAL, 1),
            "restarts": service.restarts,
        }
    job = current.job
    return {
        "phase": current.phase,
        "services": services,
        "job": {"state": job.state, "id": job.id, "submissions": job.submissions},
        "quarantine": _quarantine(chosen, current),
    }


def _quarantine(chosen: settings.Settings, state: RunState) -> dict[str, Any] | None:
    """Return what was not accepted, in numbers; None while the tables cannot be asked."""
    try:
        with Run(chosen, state).access.session(Role.READ) as connection:
            found = queries.quarantine(connection)
    except StoreError:
        return None
    return {**asdict(found), "sampled": found.sampled}


def _print_status(found: dict[str, Any]) -> None:
    # Six columns with whole numbers: so that no address is folded in 80 characters.
    rows = [
        (
            name,
            f"{s['state']}, restarted {s['restarts']}x" if s["restarts"] else s["state"],
            s["address"],
            round(s["rss_mib"]),
            round(s["cpu_percent"]),
            s["pid"] and str(s["pid"]),
        )
        for name, s in found["services"].items()
    ]
    columns = ("service", "state", "address", "MiB", "CPU %", "pid")
    out.print(table("", columns, rows))
    job = found["job"]
    if found["phase"] != "running":
        out.print(f"[yellow]the run is {found['phase']}[/]")
    out.print(f"job {job['id'] or '-'}: {job['state']}", highlight=False)
    held = found["quarantine"]
    if held is not None and held["explained"] + held["waiting"]:
        flag = ", sampled" if held["sampled"] else ""
        out.print(
            f"quarantine: {held['explained']:,} records explained, {held['kept']:,} kept, "
            f"{held['waiting']:,} waiting{flag}",
            highlight=False,
        )
