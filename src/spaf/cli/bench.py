"""`spaf bench`: the laboratory."""

from __future__ import annotations

import typer

from spaf.cli.bench_differential import differential
from spaf.cli.bench_drain import drain
from spaf.cli.bench_rates import rates
from spaf.cli.bench_replay import replay


def add(app: typer.Typer) -> None:
    """Add the verb and what can be measured."""
    lab = typer.Typer(
        help="Measure and prove: throughput, latency, agreement, determinism.", no_args_is_help=True
    )
    lab.command()(drain)
    lab.command()(rates)
    lab.command()(differential)
    lab.command()(replay)
    app.add_typer(lab, name="bench")
