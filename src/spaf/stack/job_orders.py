"""Orders of a command to the supervisor about the job, and their outcome."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from spaf import clock
from spaf.errors import JobError
from spaf.settings import Settings
from spaf.stack.process import POLL_S
from spaf.stack.run import Run
from spaf.stack.state import JobAction, JobOrder, JobPhase, JobState

# Longer than any stop, seconds; an upgrade takes as long as the log needs to be read.
ORDER_TIMEOUT_S = 150.0
# From the order to the running job, with a job that has to be planned, seconds.
START_TIMEOUT_S = 120.0
ORDER_BYTES = 8

JobWatcher = Callable[[JobState], None]


def give(run: Run, action: JobAction, *, savepoint: bool = False) -> JobOrder:
    """Give an order to the supervisor of a run."""
    sections = ("sale", "job")
    changed = {} if action is not JobAction.UPGRADE else _sections(run.settings, sections)
    order = JobOrder(secrets.token_hex(ORDER_BYTES), action, savepoint, changed)
    run.home.write_job_order(order)
    return order


def _sections(settings: Settings, names: tuple[str, ...]) -> dict[str, dict[str, object]]:
    return {name: getattr(settings, name).model_dump(mode="json") for name in names}


def wait_for(run: Run, order: JobOrder, watch: JobWatcher = lambda _: None) -> JobState:
    """Wait until an order is carried out, and return the state of the job then.

    Raises:
        JobError: it could not be carried out, or was not in time.
        NotUpError: the run has ended.

    """
    deadline = clock.monotonic() + ORDER_TIMEOUT_S
    while True:
        job = run.state().job
        watch(job)
        if job.order == order.id:
            break
        last = run.home.job_order()
        if last is not None and last.id != order.id:
            raise JobError("Another order has taken the place of this one.")
        # An upgrade takes as long as it goes on.
        if job.upgrade:
            deadline = clock.monotonic() + ORDER_TIMEOUT_S
        if clock.monotonic() > deadline:
            raise JobError(
                f"The supervisor has not carried out the order within {ORDER_TIMEOUT_S:.0f} s.",
                todo="See `spaf status` and `spaf logs spaf`.",
            )
        clock.sleep(POLL_S)
    if job.order_problem:
        raise JobError(job.order_problem)
    return job


def wait_until_running(run: Run) -> JobState:
    """Wait until the job runs, and return its state.

    Raises:
        JobError: it does not run, for a cause that stays until a person does something.
        NotUpError: the run has ended.

    """
    deadline = clock.monotonic() + START_TIMEOUT_S
    while (job := run.state().job).state is not JobPhase.RUNNING:
        cause = run.lasting_trouble()
        if cause is not None and cause.code != "job_stopped":
            raise JobError(f"The job does not run: {cause.what}", todo=cause.todo)
        if clock.monotonic() > deadline:
            raise JobError(
                f"The job is {job.state} after {START_TIMEOUT_S:.0f} s.",
                todo="See `spaf status` and `spaf logs spaf`.",
            )
        clock.sleep(POLL_S)
    return job
