"""A command from a scenario: its fields become options, its result a table or JSON."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple, get_args

import msgspec
import typer

from spaf import settings
from spaf.bench.run.machine import machine
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

    def run(*, json: bool, **options: Any) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        _run(scenario(**given), as_json=json)

    json_option = inspect.Parameter(
        "json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json
    )
    signature = inspect.Signature([*_options(scenario), json_option])
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
            meta.extra["flag"] or f"--{field.name.replace('_', '-')}",
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


def _run(scenario: Scenario, *, as_json: bool) -> None:
    chosen = settings.load()
    for notice in scenario.prepare(chosen):
        err.print(notice, style="dim", markup=False, highlight=False)
    with progress_line() as progress:
        result = scenario.measure(chosen, StartProgress(), progress)
    if as_json:
        print_json({"machine": machine(), **msgspec.to_builtins(result)})
    else:
        _print(result)
    if result.reasons:
        err.print("; ".join(result.reasons), style="red", markup=False, highlight=False)
        raise typer.Exit(1)


def _print(result: Result) -> None:
    for title, columns, rows in result.tables():
        out.print(table(title, columns, rows))
    if result.summary():
        out.print(result.summary(), markup=False, highlight=False)
