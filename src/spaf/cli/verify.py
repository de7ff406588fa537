"""`spaf verify`: recompute all tables from the topic, in two ways, and compare."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import structs

from spaf import clock, settings
from spaf.bench.run.verdict import verify as recompute
from spaf.bench.run.verdict import verify_dump
from spaf.cli.terminal.output import Json, counted, equation, out, print_json, print_parts
from spaf.cli.terminal.progress import StartProgress, progress_line
from spaf.errors import NotUpError, SettingsError
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.run import Run, running
from spaf.stack.state import RunFolder
from spaf.topic import admin
from spaf.topic.transactions import OpenTransaction, open_transactions
from spaf.verify import ProvenFrom, Verdict
from spaf.verify.dump import Dump
from spaf.verify.retained import NEVER

# Differences that are printed; of the others only their number.
MAX_PRINTED = 20


def verify(
    *,
    so_far: Annotated[
        bool,
        typer.Option(help="Do not wait for the job: verify up to its last complete checkpoint."),
    ] = False,
    keep_dump: Annotated[
        bool, typer.Option("--keep-dump", help="Keep the dump of the topic, and print its folder.")
    ] = False,
    dump: Annotated[
        Path | None, typer.Option(help="Read this dump instead of Kafka's topic.")
    ] = None,
    json: Json = False,
) -> None:
    """Recompute all tables from the topic in two ways and compare; exit code 0 if exact.

    Works while sales are running, and after a run has ended: then Kafka and PostgreSQL are started
    for the time of the verification, without the job.
    """
    if dump is not None and keep_dump:
        raise SettingsError("--dump and --keep-dump exclude each other: the dump is kept already.")
    with _attached(settings.load()) as (run, stopped), progress_line() as progress:
        kept = run.home.runs / f"dump-{clock.now_us()}" if keep_dump else None
        waiting: list[OpenTransaction] = []
        hint = ""
        if dump is not None:
            verdict = verify_dump(run, Dump(dump), progress)
        else:
            verdict = recompute(run, progress, so_far=so_far or stopped, keep=kept)
            waiting = open_transactions(run.kafka, run.topic, verdict.complete_to)
            if verdict.differences:
                hint = compaction(run.kafka, run.topic)
    if json:
        more = {"open_transactions": [transaction._asdict() for transaction in waiting]}
        kept_dump = {"dump": str(kept)} if kept else {}
        print_json({**structs.asdict(verdict.report()), **more, **kept_dump})
    else:
        print_verdict(verdict)
        if hint:
            out.print(hint, style="yellow", markup=False, highlight=False)
        for transaction in waiting:
            cause, seconds = transaction.trouble(run.topic), transaction.open_s(clock.now_ms())
            sentence = f"not verified yet, open for {seconds:,} s: {cause.what}"
            out.print(sentence, style="yellow", markup=False, highlight=False)
            out.print(cause.todo, style="dim", markup=False, highlight=False)
        if kept:
            out.print(f"the topic is in {kept}", markup=False, highlight=False)
    if not verdict.exact:
        raise typer.Exit(1)


@contextlib.contextmanager
def _attached(chosen: Settings) -> Iterator[tuple[Run, bool]]:
    """Yield the run that is up, or start the services of one that has ended, without its job.

    Yields:
        The run, and whether it has ended.

    Raises:
        NotUpError: there is no run at all.

    """
    if control.is_up(chosen):
        yield Run.attach(chosen), False
        return
    contract = RunFolder(chosen.home).last_contract()
    if contract is None:
        raise NotUpError(
            f"Nothing runs in {chosen.home}, and no job has run there.",
            todo="Start one with `spaf up`.",
        )
    with running(chosen, StartProgress(), bare=True) as run:
        run.contract = contract
        yield run, True


def compaction(kafka: str, topic: str) -> str:
    """Return why a compacted topic gives differences; empty for a topic that is not compacted.

    Raises:
        TopicError: Kafka does not answer.

    """
    policy = admin.topic_options(kafka, topic).get("cleanup.policy", "")
    if "compact" not in policy.split(","):
        return ""
    return (
        f"Topic {topic} is compacted (cleanup.policy={policy}): Kafka deletes all but the newest "
        "record of a key, and the tables still count the records that were deleted after the job "
        "had read them. Such rows cannot be recomputed from the topic and are no error of the job. "
        "Verify a dump that was kept before (`spaf verify --dump`)."
    )


def print_verdict(verdict: Verdict) -> None:
    """Print the equation, the compared rows, and the differences."""
    terms = equation(
        verdict.records,
        verdict.accepted,
        verdict.duplicates if verdict.deduplicated else None,
        verdict.late,
        verdict.rejected,
    )
    print_parts([*terms[:-1], f"{terms[-1]};", f"unaccounted {verdict.unaccounted:,}"])
    if verdict.without_record:
        out.print(
            f"counted apart: {counted(verdict.without_record, 'offset')} without a record "
            "(markers of transactions, aborted or compacted records)"
        )
    _print_lines(verdict.differences)
    if not verdict.formulations_agree:
        out.print("[bold red]the two recomputations DISAGREE: the verifier itself is wrong[/]")
        _print_lines(verdict.disagreements)
    _print_proven_from(verdict.proven_from)
    if verdict.exact:
        rows = "every row" if verdict.proven_from is None else "every row from there on"
        out.print(f"[bold green]exact[/]: {rows} equals its recomputation, money to the cent")
    else:
        out.print(f"[bold red]NOT exact[/]: {counted(len(verdict.differences), 'difference')}")
    compared = ", ".join(f"{name} {rows:,}" for name, rows in verdict.rows.items())
    changing = f"; {verdict.open_groups:,} still changing" if verdict.open_groups else ""
    print_parts(re.split(r"(?<=[,;:]) ", f"rows compared: {compared}{changing}"))
    if verdict.formulations_agree:
        print_parts(f"two recomputations agree: {recomputations(verdict)}".split())


def _print_proven_from(proven: ProvenFrom | None) -> None:
    """Print what was not compared, because the topic or the tables no longer hold it."""
    if proven is None:
        return
    for line in unproven(proven):
        out.print(line, style="yellow", markup=False, highlight=False)


def unproven(proven: ProvenFrom) -> list[str]:
    """Return a sentence for what the topic no longer holds, and one for what the tables do not."""
    lines = []
    if proven.deleted:
        records = ", ".join(
            f"{records:,} of partition {part}" for part, records in sorted(proven.deleted.items())
        )
        ledger = [_utc(second) for second in proven.ingest_ledger.values()]
        lines.append(
            "Not proven: the topic no longer holds the first records that were counted "
            f"({records}). Compared are sales_summary from {_utc(proven.sales_summary)} on, "
            f"ingest_ledger from {max(ledger)} on, window_anomaly from "
            f"{_utc(proven.window_anomaly)} on without its minutes, and sale_anomaly from the next "
            "whole block of job.outlier_hours on."
        )
    if proven.dropped_before is not None:
        lines.append(
            f"Rows before {_utc(proven.dropped_before)} were dropped from the tables (store.keep); "
            "their sums stay in the accounts."
        )
    return lines


def _utc(second: int | None) -> str:
    """Return a second as a person reads it."""
    if second is None:
        return "the beginning"
    if second >= NEVER:
        return "no second"
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S} UTC"


def recomputations(verdict: Verdict) -> str:
    """Return which records each recomputation decoded itself."""
    alone = verdict.records - verdict.by_decoder
    text = f"Python, and DuckDB for {counted(alone, 'record')}"
    if verdict.by_decoder:
        text += f" (Python decoded the other {verdict.by_decoder:,} for both)"
    return text


def _print_lines(differences: list[Any]) -> None:
    for difference in differences[:MAX_PRINTED]:
        out.print(f"  {difference}", style="red", markup=False, highlight=False)
    if len(differences) > MAX_PRINTED:
        out.print(f"  ... and {len(differences) - MAX_PRINTED:,} more", style="red")
