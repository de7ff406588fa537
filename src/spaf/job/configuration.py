"""Options of the job that differ from Flink's defaults, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from spaf.job.build import STATE_SLACK_S
from spaf.settings import JobSettings

# A kill may leave the newest checkpoint incomplete.
MAX_CHECKPOINTS = 3
MAX_MINI_BATCH_EVENTS = 50_000
# Key groups of a task. Each state has a table for each of them, and a checkpoint copies and writes
# all tables, full or empty: with Flink's default of 128 that is most of its work. More than one, so
# that keys spread evenly.
KEY_GROUPS_PER_TASK = 16
# With mini-batches a buffer waits for further rows for half a mini-batch before it leaves its task,
# within these bounds, ms. Each task has a thread for that: at 5 ms those of the whole job took a
# twentieth of the processor time of a drain. 100 is Flink's default.
MIN_BUFFER_TIMEOUT_MS = 5
MAX_BUFFER_TIMEOUT_MS = 100
STATE_TTL = "table.exec.state.ttl"


def options(
    name: str, settings: JobSettings, checkpoints: str | None, resume_from: str | None
) -> dict[str, str]:
    """Return Flink's options for the job.

    Args:
        name: the job's name, by which SPAF finds it again on a cluster that outlives SPAF.
        settings: parallelism, mini-batch, checkpoint interval.
        checkpoints: URI of a folder of the cluster's machine; None for the cluster's own.
        resume_from: URI of the checkpoint to start from; None starts at the committed offsets.

    """
    chosen = {
        "pipeline.name": name,
        "parallelism.default": str(settings.parallelism),
        "pipeline.max-parallelism": str(key_groups(settings)),
        # SQL operators copy what they keep; a copy between them costs a fifth of the time.
        "pipeline.object-reuse": "true",
        # Limits the delay of a closed second. A shorter interval costs processor time without
        # benefit: only the traffic of whole seconds waits for a watermark.
        "pipeline.auto-watermark-interval": "100 ms",
        # A result leaves its task at once instead of waiting up to 100 ms for further ones.
        "execution.buffer-timeout.interval": "0 ms",
        "table.local-time-zone": "UTC",
        # Each sink's key is the key of its query; the operator that checks it is expensive.
        "table.exec.sink.upsert-materialize": "NONE",
        # Classify each record once for all four results, instead of once for each.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        "execution.checkpointing.interval": f"{settings.checkpoint_ms} ms",
        "execution.checkpointing.timeout": "60 s",
        "execution.checkpointing.min-pause": "100 ms",
        "execution.checkpointing.tolerable-failed-checkpoints": "3",
        "execution.checkpointing.num-retained": str(MAX_CHECKPOINTS),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "state.backend.type": "hashmap",
        # State of a block of sales expires after it; the sums of a second have hints of their own.
        STATE_TTL: f"{_state_ttl_s(settings)} s",
        # The compiled plan names tables instead of repeating their options, such as a password.
        "table.plan.compile.catalog-objects": "IDENTIFIER",
    }
    if checkpoints is not None:
        chosen["execution.checkpointing.dir"] = checkpoints
    if resume_from is not None:
        chosen["execution.state-recovery.path"] = resume_from
        # The old checkpoint stays, and SPAF deletes it.
        chosen["execution.state-recovery.claim-mode"] = "NO_CLAIM"
    if settings.mini_batch_ms:
        chosen |= {
            "table.exec.mini-batch.enabled": "true",
            "table.exec.mini-batch.allow-latency": f"{settings.mini_batch_ms} ms",
            "table.exec.mini-batch.size": str(MAX_MINI_BATCH_EVENTS),
            "execution.buffer-timeout.interval": f"{_buffer_timeout_ms(settings)} ms",
        }
    return chosen


def accelerated(settings: JobSettings, acceleration: int) -> dict[str, str]:
    """Return the options that differ where a log is compressed: the lifetime of state."""
    return {STATE_TTL: f"{_state_ttl_s(settings) * 1_000 // acceleration} ms"}


def changed(options: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return options with changes; None leaves an option to Flink's default."""
    return {key: value for key, value in {**options, **changes}.items() if value is not None}


def key_groups(settings: JobSettings) -> int:
    """Return the number of key groups; a checkpoint with another number is not resumed."""
    return KEY_GROUPS_PER_TASK * settings.parallelism


def _buffer_timeout_ms(settings: JobSettings) -> int:
    half = settings.mini_batch_ms // 2
    return min(max(half, MIN_BUFFER_TIMEOUT_MS), MAX_BUFFER_TIMEOUT_MS)


def _state_ttl_s(settings: JobSettings) -> int:
    return settings.outlier_hours * 3600 + STATE_SLACK_S
