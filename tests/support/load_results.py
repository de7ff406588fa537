"""The result of a load that went well, from which tests make others."""

from __future__ import annotations

from spaf.generate.locust.load_result import LoadResult, PublishDelay

LOAD = LoadResult(
    intended=100,
    sent=100,
    acked=100,
    failed=0,
    rate=10.0,
    achieved_rate=10.0,
    duration_s=10.0,
    publish_delay_ms=PublishDelay(0.1, 0.2, 0.3),
    first_intended_us=1_000,
    last_intended_us=9_000,
    seed=1,
    run_id="r",
)
