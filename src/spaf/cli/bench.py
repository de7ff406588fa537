"""`spaf bench`: the laboratory."""

from __future__ import annotations

import typer

from spaf.cli.bench_differential import differential
from spaf.cli.bench_drain import drain
from spaf.cli.bench_rates import rates


def add(app: typer.Typer) -> None:
    """Add the verb and what can be measured."""
    lab = typer.Typer(help="Measure: throughput, latency at rates.", no_args_is_help=True)
    lab.command()(drain)
    lab.command()(rates)
    lab.command()(differential)
    app.add_typer(lab, name="bench")
