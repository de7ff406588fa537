"""`spaf results show`: one result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
import numpy as np
import typer
from numpy.typing import NDArray

from spaf import settings
from spaf.bench import registry
from spaf.bench.results.folder import find, read, read_arrays
from spaf.bench.results.record import SAMPLES_FILE, ResultRecord
from spaf.bench.scenario import Result, Scenario
from spaf.cli.results.listing import start_of, state_of
from spaf.cli.scenario.command import print_result
from spaf.cli.terminal.output import Json, err, out, print_json, table
from spaf.stack.state import RunFolder

NAME_HELP = (
    "Name of the result, or its beginning: then the newest that begins so. A text with a slash is "
    "the path of its folder. By default the newest of all."
)


def show(
    name: Annotated[str, typer.Argument(help=NAME_HELP, show_default=False)] = "",
    *,
    json: Json = False,
) -> None:
    """Show one result: its tables, the machine, the use of each process, how to repeat it."""
    folder = find(name, RunFolder(settings.load().home).results)
    record = read(folder)
    if json:
        print_json(record)
        return
    result = result_of(record)
    if record.validity.valid and result is not None:
        print_result(result)
    for title, columns, rows in (
        ("processes", ("process", "cores, mean", "memory MiB, max"), _processes(folder, record)),
        ("", ("about", folder.name), _about(record)),
    ):
        if rows:
            out.print(table(title, columns, rows))
    for reason in record.validity.reasons:
        err.print(reason, style="red", markup=False, highlight=False)


def result_of(record: ResultRecord) -> Result | None:
    """Return the result of a record; None if there is none, or if it is of another version."""
    if record.result is None or record.scenario not in registry.SCENARIOS:
        return None
    scenario = registry.load(record.scenario)
    own = scenario.measure_run is not Scenario.measure_run
    returned = get_type_hints(scenario.measure_run if own else scenario.measure)["return"]
    try:
        result: Result = msgspec.convert(record.result, returned)
    except msgspec.ValidationError:
        return None
    return result


def _about(record: ResultRecord) -> list[tuple[str, Any]]:
    machine, versions = record.machine, record.versions
    limits = {"cpu_limit_cores": "cores", "memory_limit_mib": "MiB"}
    limited = [f"{machine[key]:g} {unit}" for key, unit in limits.items() if machine.get(key)]
    lines = {
        "command": record.command,
        "started": f"{start_of(record)} UTC",
        "seconds": None if record.seconds is None else round(record.seconds),
        "valid": state_of(record),
        "processor": f"{machine.get('cpu')}, {machine.get('cores')} cores",
        "memory": f"{machine.get('memory_gib')} GiB",
        "limits": ", ".join(limited),
        "system": machine.get("system"),
        "governor": machine.get("governor"),
        **versions,
        "files": ", ".join(
            f"{name} {file.bytes / 1024:,.0f} KiB" for name, file in record.files.items()
        ),
    }
    return [(name, value) for name, value in lines.items() if value not in ("", None)]


def _processes(folder: Path, record: ResultRecord) -> list[tuple[str, float, float]]:
    """Return mean processor use and largest memory of each process, the busiest first."""
    series = read_arrays(folder, record, SAMPLES_FILE)
    names = [key.removesuffix("/cpu_cores") for key in series if key.endswith("/cpu_cores")]
    rows = [
        (
            name,
            _over(np.nanmean, series[f"{name}/cpu_cores"]),
            _over(np.nanmax, series[f"{name}/memory_mib"]),
        )
        for name in names
    ]
    return sorted(rows, key=lambda row: -row[1])


def _over(figure: Callable[[NDArray[Any]], Any], values: NDArray[Any]) -> float:
    return float(figure(values)) if np.isfinite(values).any() else 0.0
