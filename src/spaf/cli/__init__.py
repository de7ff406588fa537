"""The command line: one file a verb; each parses, calls, prints."""

from __future__ import annotations

import sys

import typer

from spaf.cli import bench, demo, detect, load, quarantine, query, stack, verify
from spaf.cli.terminal.output import complain, err
from spaf.errors import SpafError

INTERRUPTED = 130

app = typer.Typer(
    name="spaf",
    help="A real-time sales pipeline that measures and proves itself: "
    "Locust → Kafka → Flink → PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
stack.add(app)
load.add(app)
demo.add(app)
query.add(app)
quarantine.add(app)
verify.add(app)
bench.add(app)
detect.add(app)


def main() -> None:
    """Run the command line; a failure that we know is one message, never a traceback."""
    try:
        app()
    except SpafError as error:
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("Interrupted; what this command had started is stopped.")
        sys.exit(INTERRUPTED)
