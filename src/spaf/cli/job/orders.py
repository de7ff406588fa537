"""`spaf job stop`, `start` and `upgrade`: orders to the supervisor of the run."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.cli.terminal.output import Json, err, print_json, printable
from spaf.cli.terminal.progress import progress_line
from spaf.stack import job_orders
from spaf.stack.run import Run
from spaf.stack.state import JobAction, JobState


def stop(
    *,
    savepoint: Annotated[
        bool,
        typer.Option(
            "--savepoint",
            help="Take a savepoint first: nothing that was counted is written again at the start.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Stop the job; sales wait in the topic, and `spaf job start` goes on with them.

    The supervisor does not start it again, nor does the next `spaf up`. Without --savepoint the job
    is cancelled and its newest checkpoint kept. State is kept for 45 minutes: a job that is started
    later counts from the first record.
    """
    run = Run.attach(settings.load())
    job = job_orders.wait_for(run, job_orders.give(run, JobAction.STOP, savepoint=savepoint))
    if json:
        print_json(_report(job))
        return
    _say(f"The job is stopped; new sales wait in topic {run.topic}.")
    if job.savepoint:
        _say(f"Savepoint: {job.savepoint}")
    _say("`spaf job start` lets it go on.")


def start(*, json: Json = False) -> None:
    """Start the job that `spaf job stop` has stopped, from where it was."""
    run = Run.attach(settings.load())
    job_orders.wait_for(run, job_orders.give(run, JobAction.START))
    job = job_orders.wait_until_running(run)
    if json:
        print_json(_report(job))
        return
    _say(f"The job runs{_from_where(job)}.")


def upgrade(*, json: Json = False) -> None:
    """Let the job count by the present settings; readers of the tables see no gap.

    Settings of [job] and [sale] take effect. Where the state of the job allows, it goes on from a
    savepoint. Otherwise a second job counts the whole topic into new tables next to the old ones,
    which go on; when it has caught up, the new tables take their place in one transaction.
    """
    run = Run.attach(settings.load())
    order = job_orders.give(run, JobAction.UPGRADE)
    with progress_line() as progress:

        def show(now: JobState) -> None:
            progress(f"The upgrade {now.upgrade}" if now.upgrade else "The job is upgraded")

        job = job_orders.wait_for(run, order, show)
    job = job_orders.wait_until_running(run)
    if json:
        print_json(_report(job))
        return
    _say(job.upgraded or "The job has these settings already; nothing is changed.")


def _report(job: JobState) -> dict[str, str]:
    """Return the state of the job for --json."""
    return {
        "state": job.state,
        "id": job.id,
        "savepoint": job.savepoint,
        "resumed_from": job.resumed_from,
        "note": job.note,
        "upgraded": job.upgraded,
    }


def _from_where(job: JobState) -> str:
    if job.resumed_from:
        return f" again, from {job.resumed_from}"
    return f" again and counts from the first record: {job.note}" if job.note else ""


def _say(line: str) -> None:
    err.print(printable(line), markup=False, highlight=False, soft_wrap=True)
