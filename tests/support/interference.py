"""A minute of a machine that nothing disturbs, from which tests make others."""

from __future__ import annotations

from spaf.measure.interference import Interference

QUIET = Interference(
    seconds=60.0,
    cores=2,
    other_cores=0.05,
    other_name="cron",
    unseen_cores=0.02,
    steal_cores=0.001,
    throttled_s=0.0,
    heat_throttles=0,
    clock_step_ms=0.0,
)
