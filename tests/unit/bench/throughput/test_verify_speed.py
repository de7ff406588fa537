"""The measurement of a verification, on a small dump."""

from __future__ import annotations

from pathlib import Path

from spaf.bench.run.verdict import Stages
from spaf.bench.selftest.selftest import build
from spaf.bench.throughput.verify_speed import STAGES, verify_correct_tables
from spaf.verify import parallel
from spaf.verify.dump import Dump, DumpHeader


def test_every_stage_is_timed(tmp_path: Path) -> None:
    """What was counted, how long each stage took, and that the tables were right."""
    world = build(0)
    dump = Dump(tmp_path)
    dump.write(0, 0, world.records)
    dump.write_header(DumpHeader("t", {0: 0}, world.end, world.rules, world.detection))
    stages, steps = Stages(), []
    with stages.stage("python"):
        answers = parallel.recompute(dump, world.end, 1)
    result = verify_correct_tables(
        dump, answers, lambda doing, *_, **__: steps.append(doing), stages
    )
    assert result.reasons == []
    assert result.events == len(world.records)
    assert tuple(result.stages) == STAGES
    assert result.stages["python"] > 0
    assert result.stages["duckdb"] > 0
    assert abs(result.seconds - sum(result.stages.values())) < 0.01
    assert set(steps) == {"recomputing in DuckDB"}
