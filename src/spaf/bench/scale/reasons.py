"""Why a figure grows with a factor, where that is known."""

from __future__ import annotations

UNEXPLAINED = "not explained"
# What a sale costs and how long it takes.
COSTS = ("taskmanager_us", "stack_us", "p50", "p99")
MORE_TASKS = "more tasks than cores: their threads and buffers share the same ones"
MORE_JVMS = "more JVMs than cores: each compiles the job for itself, and sales cross between them"
# By factor and figure.
WHY = {
    ("categories", "state_mib"): "a sum for each second and category that sold",
    ("products", "state_mib"): "sums of the prices of each product that was sold",
    ("products", "stack_mib"): "the state is in the heap",
    ("partitions", "state_mib"): "sums of the prices for each partition",
    **{("parallelism", figure): MORE_TASKS for figure in COSTS},
    ("parallelism", "state_mib"): "each task has state of its own",
    **{("taskmanagers", figure): MORE_JVMS for figure in COSTS},
    ("taskmanagers", "stack_mib"): "a JVM with a heap of its own",
}
