"""Options of the job: each that differs from Flink's default, with its reason."""

from __future__ import annotations

from pathlib import Path

from spaf.job.build import STATE_SLACK_S
from spaf.settings import JobSettings

# Checkpoints that are kept: a kill may leave the newest one incomplete.
CHECKPOINTS_RETAINED = 3
# Events that a mini-batch holds at most.
MINI_BATCH_EVENTS = 50_000


def options(
    name: str, settings: JobSettings, checkpoints: Path | None, resume_from: Path | None
) -> dict[str, str]:
    """Return Flink's options for the job.

    Args:
        name: the job's name, by which it is found again on a cluster that outlives us.
        settings: parallelism, mini-batch, checkpoint interval.
        checkpoints: folder that both the cluster and SPAF see; None leaves it to the cluster.
        resume_from: checkpoint to start from; None starts at the committed offsets.

    """
    chosen = {
        "pipeline.name": name,
        "parallelism.default": str(settings.parallelism),
        # A changed parallelism must still find its state.
        "pipeline.max-parallelism": "128",
        # SQL operators copy what they keep; copying between them too costs a fifth.
        "pipeline.object-reuse": "true",
        # Bounds how long a closed second waits to be seen. Shorter costs processor time in vain:
        # only the traffic of whole seconds waits for a watermark.
        "pipeline.auto-watermark-interval": "100 ms",
        # A result leaves its task at once instead of waiting up to 100 ms for company.
        "execution.buffer-timeout.interval": "0 ms",
        "table.local-time-zone": "UTC",
        # Each sink's key is the key of its query; the operator that would check costs much.
        "table.exec.sink.upsert-materialize": "NONE",
        # Judge each record once for all four results, instead of once for each.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        "execution.checkpointing.interval": f"{settings.checkpoint_ms} ms",
        "execution.checkpointing.timeout": "60 s",
        "execution.checkpointing.min-pause": "100 ms",
        "execution.checkpointing.tolerable-failed-checkpoints": "3",
        "execution.checkpointing.num-retained": str(CHECKPOINTS_RETAINED),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "state.backend.type": "hashmap",
        # What a block of sales has taught is given up after it; the sums of a second say their own.
        "table.exec.state.ttl": f"{settings.outlier_hours * 3600 + STATE_SLACK_S} s",
        # The compiled plan names tables instead of repeating their options, a password among them.
        "table.plan.compile.catalog-objects": "IDENTIFIER",
    }
    if checkpoints is not None:
        chosen["execution.checkpointing.dir"] = checkpoints.resolve().as_uri()
    if resume_from is not None:
        chosen["execution.state-recovery.path"] = resume_from.resolve().as_uri()
        # The old checkpoint stays ours to delete.
        chosen["execution.state-recovery.claim-mode"] = "NO_CLAIM"
    if settings.mini_batch_ms:
        chosen |= {
            "table.exec.mini-batch.enabled": "true",
            "table.exec.mini-batch.allow-latency": f"{settings.mini_batch_ms} ms",
            "table.exec.mini-batch.size": str(MINI_BATCH_EVENTS),
            "execution.buffer-timeout.interval": "5 ms",
        }
    return chosen
