"""The command line: one module a command; each parses, calls, prints."""

from __future__ import annotations

import sys

from spaf.bench.registry import GROUPS, SCENARIOS
from spaf.cli.lazy_group import LazyCommand, lazy_group
from spaf.cli.terminal.output import print_error
from spaf.errors import SpafError

COMMANDS = {
    "up": LazyCommand(
        "spaf.cli.up:up",
        "Start Kafka, Flink, PostgreSQL, the job and the pages; they go on in the background.",
    ),
    "down": LazyCommand("spaf.cli.down:down", "Stop everything that runs in the run folder."),
    "status": LazyCommand(
        "spaf.cli.status:status",
        "Show what runs where, and what it costs; exit code 1 if something is not as it should be.",
    ),
    "logs": LazyCommand(
        "spaf.cli.logs:logs", "Print the end of a log; without a name, which logs there are."
    ),
    "doctor": LazyCommand(
        "spaf.cli.doctor:doctor",
        "Check machine, installation, run folder and environment; exit code 1 if something fails.",
    ),
    "service": LazyCommand(
        "spaf.cli.service:service",
        "Run one service in the foreground, for a container or a host of its own.",
    ),
    "job": LazyCommand(
        "spaf.cli.job:app", "Stop, start or change the job while the services go on."
    ),
    "load": LazyCommand(
        "spaf.cli.load:load",
        "Send sales with headless Locust; exit code 0 only if every sale was acknowledged.",
    ),
    "sell": LazyCommand(
        "spaf.cli.sell:sell",
        "Append one sale to the topic by hand; show where it is and how it counts.",
    ),
    "demo": LazyCommand(
        "spaf.cli.demo:demo",
        "Start everything, sell, watch it live, and end with every sum recomputed from the topic.",
    ),
    "query": LazyCommand(
        "spaf.cli.query:query",
        "Show the newest rows: SELECT * FROM sales_summary ORDER BY created_at DESC LIMIT 10.",
    ),
    "verify": LazyCommand(
        "spaf.cli.verify:verify",
        "Recompute all tables from the topic in two ways and compare; exit code 0 if exact.",
    ),
    "detect": LazyCommand(
        "spaf.cli.detect:detect",
        "Run the job's anomaly rules over a file: one score a row; needs no stack.",
    ),
    "quarantine": LazyCommand(
        "spaf.cli.quarantine:app",
        "Records that were not accepted: list, show, export, send again.",
    ),
    "bench": LazyCommand("spaf.cli.bench:app", GROUPS["bench"]),
    "prove": LazyCommand("spaf.cli.prove:app", GROUPS["prove"]),
    "chaos": LazyCommand("spaf.cli.chaos:chaos", SCENARIOS["chaos"].summary),
    "results": LazyCommand(
        "spaf.cli.results:app", "Results of `spaf bench` and `spaf prove`: list, show."
    ),
    "size": LazyCommand(
        "spaf.cli.size:size",
        "Size a run for a rate: partitions, tasks, hosts, memory, disk, network, what breaks "
        "first.",
    ),
    "report": LazyCommand(
        "spaf.cli.report:report",
        "Write the report: method, plots, tables, failures, improvements, from records of results.",
    ),
    "slides": LazyCommand(
        "spaf.cli.slides:slides",
        "Write the talk: slides with notes, and figures and plots from records of results.",
    ),
}

app = lazy_group(
    COMMANDS,
    name="spaf",
    help="A real-time sales pipeline that measures and proves itself: "
    "Locust → Kafka → Flink → PostgreSQL.",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def main() -> None:
    """Run the command line; print an expected failure as one message, without a traceback."""
    try:
        app(prog_name="spaf")
    except SpafError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except OSError as error:
        print_error(SpafError(f"The system refused an operation: {error}"))
        sys.exit(SpafError.exit_code)
