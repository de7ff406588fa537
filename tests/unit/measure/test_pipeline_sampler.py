"""What the job and the database did in an interval."""

from __future__ import annotations

import numpy as np

from spaf.measure.pipeline_sampler import PipelineUse
from spaf.measure.system_sampler import Series

SERIES: Series = {
    "pipeline/at_us": np.arange(6, dtype=np.int64) * 1_000_000,
    "job/lag_records": np.array([900.0, 10.0, 20.0, np.nan, 30.0, 900.0]),
    "job/busy_share": np.array([np.nan] * 6),
    "postgres/commits_per_second": np.array([np.nan, 100.0, 300.0, 200.0, 200.0, 0.0]),
    "postgres/wal_bytes_per_second": np.array([np.nan, 2.0**20, 2.0**20, 2.0**20, 2.0**20, 0.0]),
    "checkpoint/at_us": np.array([500_000, 1_500_000, 2_500_000], dtype=np.int64),
    "checkpoint/ms": np.array([900, 12, 15], dtype=np.int64),
    "checkpoint/bytes": np.array([2**30, 2**20, 2**21], dtype=np.int64),
}


def test_an_interval_has_its_own_samples_only() -> None:
    """Gaps are left out; what never answered is None, not zero."""
    found = PipelineUse.of(SERIES, 1_000_000, 4_000_000)
    assert (found.lag_records_mean, found.lag_records_max) == (20.0, 30.0)
    assert (found.busy_share, found.backpressured_share) == (None, None)
    assert (found.checkpoints, found.checkpoint_ms_max, found.checkpoint_mib_max) == (2, 15.0, 2.0)
    assert (found.commits_per_second, found.wal_mib_per_second) == (200.0, 1.0)


def test_an_interval_without_samples_has_no_figures() -> None:
    """It was shorter than a second."""
    found = PipelineUse.of(SERIES, 10, 20)
    assert (found.lag_records_max, found.checkpoints, found.checkpoint_ms_max) == (None, 0, None)
