"""`spaf bench`: the measurements."""

from __future__ import annotations

import typer

from spaf.cli.bench.detection import detection
from spaf.cli.bench.differential import differential
from spaf.cli.bench.drain import drain
from spaf.cli.bench.overhead import overhead
from spaf.cli.bench.page import page
from spaf.cli.bench.rates import rates
from spaf.cli.bench.replay import replay
from spaf.cli.bench.verify import verify

app = typer.Typer(
    help="Measure and prove: throughput, latency, agreement, detection.",
    no_args_is_help=True,
    add_completion=False,
)
for bench in (rates, page, drain, overhead, verify, differential, replay, detection):
    app.command()(bench)
