"""`spaf size`: how large a run must be for a rate, from what a sale has cost in the records."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from spaf import settings
from spaf.cli.records_argument import chosen_figures
from spaf.cli.terminal.output import Json, err, out, print_json, printable, table
from spaf.errors import SettingsError
from spaf.report.sizing.costs import measured_costs
from spaf.report.sizing.limits import columns
from spaf.report.sizing.sizing import PLANNED_SHARE, Sizing, SizingRequest, sizing
from spaf.settings import MAX_PARTITIONS, duration_s

RATE = re.compile(r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)([kKM]?)", re.ASCII)
FACTORS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6}
# Beyond this no measured cost says anything. Sales a second.
MAX_SIZED_RATE = 1e9
DAY_S = 86_400
# Tables have one decimal.
MIN_SHOWN = 0.1
# Years after which a number of days is a typing error.
MAX_KEEP_S = 100 * 366 * DAY_S


def size(  # noqa: PLR0913 - one parameter an option
    *,
    rate: Annotated[str, typer.Option(help="Sales a second: 250000, 250k or 1e6.")],
    keep: Annotated[
        str, typer.Option(help="How long topic and tables keep what they have: 7d, 36h.")
    ] = "7d",
    replication: Annotated[int, typer.Option(help="Copies of the topic.", min=1, max=9)] = 3,
    cores: Annotated[int, typer.Option(help="Cores of each host.", min=1, max=1_024)] = 8,
    categories: Annotated[
        int | None,
        typer.Option(help="Categories that sell; without it, those of the record.", min=1),
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            help="Partitions of the topic; without it, one a task.", min=1, max=MAX_PARTITIONS
        ),
    ] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option(
            "--results",
            help="Folder of records; without one, those of the run folder, else those of the "
            "repository.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Size a run for a rate: partitions, tasks, hosts, memory, disk, network, what breaks first.

    Every size is a cost that was measured, multiplied by the rate; the records and their machine
    are named. Measure your own with `spaf bench sustain`, `drain`, `rates`, `scale`, `verify` and
    `capacity`.
    """
    request = SizingRequest(
        rate=_rate(rate),
        keep_s=_keep(keep),
        replication=replication,
        host_cores=cores,
        categories=categories,
        partitions=partitions,
    )
    sized = sizing(request, measured_costs(chosen_figures(results, settings.load())))
    if json:
        print_json(sized.as_dict())
    else:
        _print(sized)


def _rate(text: str) -> float:
    """Return the sales a second that a text means.

    Raises:
        SettingsError: it is no rate, or not one that can be sized.

    """
    match = RATE.fullmatch(text.strip())
    value = float(match[1]) * FACTORS[match[2]] if match else None
    if value is None:
        raise SettingsError(
            f"--rate {text}: not a rate.", todo="Write sales a second: 250000, 250k or 1e6."
        )
    if not 0 < value <= MAX_SIZED_RATE:
        raise SettingsError(
            f"--rate {text}: must be above 0 and at most {MAX_SIZED_RATE:,.0f} sales a second."
        )
    return value


def _keep(text: str) -> int:
    """Return the seconds that a text means.

    Raises:
        SettingsError: it is no duration, or too short or too long.

    """
    seconds = duration_s(text)
    if seconds is None:
        raise SettingsError(f"--keep {text}: not a duration.", todo="Write 7d, 36h, 90m or 3600.")
    if not 0 < seconds <= MAX_KEEP_S:
        raise SettingsError(f"--keep {text}: must be above 0 and at most 100 years.")
    return seconds


def _print(sized: Sizing) -> None:
    request = sized.request
    out.print(
        f"{request.rate:,.10g} sales a second, kept for {_days(request.keep_s)}, "
        f"{request.replication} copies of the topic, hosts of {request.host_cores} cores",
        highlight=False,
    )
    _print_one_machine(sized)
    _print_job(sized)
    _print_storage(sized)
    if sized.limits:
        names = ("what breaks", "at sales/s", "reached", "because", "way out")
        out.print(table("\nwhat breaks first", names, columns(sized.limits)))
    _print_sources(sized)


def _print_one_machine(sized: Sizing) -> None:
    if sized.one_machine:
        out.print(
            "One machine with everything on it holds this rate, as `spaf up` starts it. The sizes "
            "below are those of services on hosts of their own, at a task's highest rate: at a low "
            "rate a sale costs more (`spaf results show rates`).",
            highlight=False,
        )


def _print_job(sized: Sizing) -> None:
    if not sized.job:
        return
    names = (
        *("job", "tasks, partitions", "cores", "TaskManagers", "MiB each", "PostgreSQL cores"),
        "settings",
    )
    rows = [
        (
            *(job.mode, job.tasks, _shown(job.cores), job.task_managers),
            *(round(job.memory_mib), _shown(job.postgres_cores), job.settings),
        )
        for job in sized.job
    ]
    out.print(table("\nthe job, one way or the other", names, rows))
    planned = f"Each task is planned for {PLANNED_SHARE:.0%} of the most that was measured"
    out.print(f"{planned}: the rest catches up after a stop.", style="dim", highlight=False)


def _print_storage(sized: Sizing) -> None:
    kafka, postgres = sized.kafka, sized.postgres
    rows: list[tuple[str, str]] = []
    if kafka is not None:
        rows += [
            ("Kafka brokers, cores together", f"{kafka.brokers:,}, {_shown(kafka.cores)}"),
            ("Kafka partitions, at least", f"{kafka.partitions:,}"),
            ("Kafka disk a day, all copies", _gib(kafka.disk_gib_per_day)),
            (f"Kafka disk for {_days(sized.request.keep_s)}", _gib(kafka.disk_gib)),
            (
                "network of each broker, in and out",
                f"{_shown(kafka.mbit_in)} and {_shown(kafka.mbit_out)} Mbit/s",
            ),
        ]
    if postgres is not None:
        rows += [
            ("PostgreSQL rows a day", f"{postgres.rows_per_day:,}"),
            ("PostgreSQL disk a day", _gib(postgres.disk_gib_per_day)),
            (f"PostgreSQL disk for {_days(sized.request.keep_s)}", _gib(postgres.disk_gib)),
            ("PostgreSQL write-ahead log a day, not kept", _gib(postgres.wal_gib_per_day)),
        ]
    if sized.state_mib is not None:
        rows.append(("state of the job in a checkpoint", f"{sized.state_mib:,.1f} MiB"))
    if rows:
        out.print(table("\ndisk and network", ("what", "size"), rows))


def _print_sources(sized: Sizing) -> None:
    rows = [
        (source.command, source.record, source.measured, source.machine)
        for source in sized.sources.values()
    ]
    if rows:
        names = ("measured by", "record", "on", "machine")
        out.print(table("\nwhere the figures come from", names, rows))
    for reason in sized.gaps.values():
        err.print(printable(f"Not known: {reason}"), style="yellow", markup=False, highlight=False)


def _gib(value: float | None) -> str:
    if value is None:
        return "not known"
    for unit, of_a_gib in (("TiB", 1 / 1_024), ("GiB", 1.0)):
        if value * of_a_gib >= 1:
            return f"{value * of_a_gib:,.1f} {unit}"
    return f"{_shown(value * 1_024)} MiB"


def _shown(value: float) -> str:
    """Return a size with a decimal; one that is smaller is not nothing."""
    return "< 0.1" if 0 < value < MIN_SHOWN else f"{value:,.1f}"


def _days(seconds: int) -> str:
    return f"{seconds / DAY_S:g} days" if seconds >= DAY_S else f"{seconds / 3_600:g} hours"
