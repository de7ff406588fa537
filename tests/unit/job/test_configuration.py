"""Options of the job: what the settings switch on, and what must never be missing."""

from __future__ import annotations

import pytest

from spaf.job.configuration import KEY_GROUPS_PER_TASK, options
from spaf.settings import JobSettings

MINI_BATCH = "table.exec.mini-batch."
RESUME = "execution.state-recovery.path"
FOLDER = "execution.checkpointing.dir"


def test_mini_batch_is_off_by_default_and_results_leave_at_once() -> None:
    """Latency first: nothing waits for company."""
    found = options("spaf", JobSettings(), None, None)
    assert [key for key in found if key.startswith(MINI_BATCH)] == []
    assert found["execution.buffer-timeout.interval"] == "0 ms"


def test_mini_batch_is_switched_on_with_its_time() -> None:
    """Throughput first: events are gathered for as long as was asked."""
    found = options("spaf", JobSettings(mini_batch_ms=20), None, None)
    assert found[f"{MINI_BATCH}enabled"] == "true"
    assert found[f"{MINI_BATCH}allow-latency"] == "20 ms"
    assert int(found[f"{MINI_BATCH}size"]) > 0


@pytest.mark.parametrize(
    ("mini_batch_ms", "timeout_ms"), [(1, 5), (20, 10), (50, 25), (200, 100), (10_000, 100)]
)
def test_buffers_wait_for_half_a_mini_batch_within_bounds(
    mini_batch_ms: int, timeout_ms: int
) -> None:
    """Each task has a thread that flushes; a long mini-batch must not delay every exchange."""
    found = options("spaf", JobSettings(mini_batch_ms=mini_batch_ms), None, None)
    assert found["execution.buffer-timeout.interval"] == f"{timeout_ms} ms"


def test_new_job_has_nothing_to_resume_from() -> None:
    """A job without a checkpoint starts at the committed offsets."""
    found = options("spaf", JobSettings(), None, None)
    assert [key for key in found if key.startswith("execution.state-recovery")] == []
    assert FOLDER not in found


def test_resumed_job_names_its_checkpoint_and_leaves_it_to_us() -> None:
    """The old checkpoint is not Flink's to delete."""
    found = options("spaf", JobSettings(), "file:///c", "file:///c/chk-7")
    assert (found[RESUME], found[FOLDER]) == ("file:///c/chk-7", "file:///c")
    assert found["execution.state-recovery.claim-mode"] == "NO_CLAIM"


def test_checkpoints_outlive_the_job() -> None:
    """A canceled job leaves what the next one resumes from, and more than one of it."""
    found = options("spaf", JobSettings(checkpoint_ms=250), None, None)
    kept = found["execution.checkpointing.externalized-checkpoint-retention"]
    assert kept == "RETAIN_ON_CANCELLATION"
    assert int(found["execution.checkpointing.num-retained"]) > 1
    assert found["execution.checkpointing.interval"] == "250 ms"


def test_number_of_key_groups_grows_with_the_tasks() -> None:
    """A checkpoint costs each task the same, and keys have room to spread."""
    one, four = (options("spaf", JobSettings(parallelism=n), None, None) for n in (1, 4))
    assert (one["parallelism.default"], four["parallelism.default"]) == ("1", "4")
    groups = [int(found["pipeline.max-parallelism"]) for found in (one, four)]
    assert groups == [KEY_GROUPS_PER_TASK, 4 * KEY_GROUPS_PER_TASK]


def test_compiled_plan_repeats_no_password() -> None:
    """Tables are named in the plan, not copied with their options."""
    assert (
        options("spaf", JobSettings(), None, None)["table.plan.compile.catalog-objects"]
        == "IDENTIFIER"
    )


def test_every_option_is_text() -> None:
    """PyFlink takes strings only."""
    found = options("spaf", JobSettings(mini_batch_ms=1), "c", "c/chk-1")
    assert {type(value) for value in found.values()} == {str}
