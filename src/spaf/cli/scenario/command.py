"""A command from a scenario: its fields become options, its result a table or JSON."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple, get_args

import msgspec
import typer

from spaf import settings
from spaf.bench import registry
from spaf.bench.results.provenance import assignments
from spaf.bench.runner import Order, json_of, run_recorded
from spaf.bench.scenario import Names, Rates, Result, Scenario, Seconds, SeedRange
from spaf.cli.scenario.options import (
    duration_text,
    names_of,
    names_text,
    rates_text,
    seeds_of,
    seeds_text,
)
from spaf.cli.terminal.output import Json, duration, err, out, print_json, rates_of, table
from spaf.cli.terminal.progress import StartProgress, progress_line
from spaf.settings import Settings

SHARED = "--shared-machine"
SharedMachine = Annotated[
    bool,
    typer.Option(
        SHARED, help="Report figures although other programs use the machine; the record says so."
    ),
]
ResultsName = Annotated[
    str,
    typer.Option(
        "--results",
        metavar="NAME",
        help="Name of the record below the run folder's results, or its path, which has a slash. "
        "By default the scenario and the time.",
        show_default=False,
    ),
]


class Notation(NamedTuple):
    """How the values of a type are written on the command line."""

    parse: Callable[[str], Any]
    format: Callable[[Any], str]


NOTATIONS: dict[Any, Notation] = {
    Seconds: Notation(duration, duration_text),
    Rates: Notation(rates_of, rates_text),
    SeedRange: Notation(seeds_of, seeds_text),
    Names: Notation(names_of, names_text),
}


def command(scenario: type[Scenario]) -> Callable[..., None]:
    """Return the function of a command: its signature has an option for each field."""

    def run(*, json: bool, results: str, shared_machine: bool, **options: Any) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        _run(scenario(**given), results, shared=shared_machine, as_json=json)

    kind = inspect.Parameter.KEYWORD_ONLY
    common = [
        inspect.Parameter("results", kind, default="", annotation=ResultsName),
        inspect.Parameter("shared_machine", kind, default=False, annotation=SharedMachine),
        inspect.Parameter("json", kind, default=False, annotation=Json),
    ]
    signature = inspect.Signature([*_options(scenario), *common])
    run.__doc__ = inspect.getdoc(scenario)
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    vars(run)["__signature__"] = signature
    return run


def _options(scenario: type[Scenario]) -> Iterator[inspect.Parameter]:
    for field in msgspec.structs.fields(scenario):
        value_type, meta = get_args(field.type)
        notation = NOTATIONS.get(value_type)
        default = field.default
        if notation is not None:
            value_type, default = str, notation.format(default) if default else None
        info = typer.Option(
            _flag(field.name, meta),
            help=meta.description,
            min=meta.ge,
            max=meta.le,
            parser=notation and notation.parse,
        )
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[value_type, info],
        )


def command_line(scenario: Scenario, chosen: Settings) -> str:
    """Return the line that runs a scenario again: settings and options that are not the default."""
    words = [*assignments(chosen), "spaf", registry.name_of(type(scenario))]
    for field in msgspec.structs.fields(scenario):
        value = getattr(scenario, field.name)
        if value == field.default:
            continue
        value_type, meta = get_args(field.type)
        flag = _flag(field.name, meta)
        if isinstance(value, bool):
            on, _, off = flag.partition("/")
            words.append(on if value else off)
            continue
        notation = NOTATIONS.get(value_type)
        text = str(value) if notation is None else notation.format(value)
        words += [flag, shlex.quote(text)]
    return " ".join(words)


def _flag(name: str, meta: msgspec.Meta) -> str:
    """Return how an option is written."""
    flag: str | None = (meta.extra or {})["flag"]
    return flag or f"--{name.replace('_', '-')}"


def _run(scenario: Scenario, results: str, *, shared: bool, as_json: bool) -> None:
    chosen = settings.load()
    for notice in scenario.prepare(chosen):
        err.print(notice, style="dim", markup=False, highlight=False)
    name = registry.name_of(type(scenario))
    line = command_line(scenario, chosen) + (f" {SHARED}" if shared else "")
    order = Order(scenario, name, line, results, shared)
    with progress_line() as progress:
        recorded = run_recorded(order, chosen, StartProgress(), progress)
    if as_json:
        print_json(json_of(recorded))
    elif recorded.valid:
        print_result(recorded.result)
    if recorded.reasons:
        if not recorded.valid:
            err.print("Not valid, so no figures are shown:", style="red")
        for reason in recorded.reasons:
            err.print(reason, style="red", markup=False, highlight=False)
    err.print(f"Result: {recorded.folder}", style="dim", markup=False, highlight=False)
    if recorded.reasons:
        raise typer.Exit(1)


def print_result(result: Result) -> None:
    """Print the tables and the summary of a result."""
    for title, columns, rows in result.tables():
        out.print(table(title, columns, rows))
    if result.summary():
        out.print(result.summary(), markup=False, highlight=False)
