"""The measurement of a verification, on a small dump."""

from __future__ import annotations

from pathlib import Path

from spaf.bench.run.verdict import Stages
from spaf.bench.selftest.selftest import build
from spaf.bench.throughput.verify_speed import STAGES, speed
from spaf.verify import parallel
from spaf.verify.dump import Dump, DumpHeader


def test_every_stage_is_timed(tmp_path: Path) -> None:
    """What was counted, how long each stage took, and that the tables were right."""
    world = build(0)
    dump = Dump(tmp_path)
    dump.write(0, 0, world.records)
    dump.write_header(DumpHeader("t", {0: 0}, world.end, world.rules, world.detection))
    watch, told = Stages(), []
    with watch.stage("python"):
        one = parallel.recompute(dump, world.end, 1)
    found = speed(dump, one, lambda doing, *_: told.append(doing), watch)
    assert found.exact
    assert found.events == len(world.records)
    numbers = found.as_dict()
    assert tuple(numbers["stages"]) == STAGES
    assert numbers["stages"]["python"] > 0
    assert numbers["stages"]["duckdb"] > 0
    assert abs(numbers["seconds"] - sum(numbers["stages"].values())) < 0.01
    assert set(told) == {"recomputing in DuckDB"}
