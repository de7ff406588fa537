"""The committed faults: records of chaos and of power cuts without their samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from spaf.bench.results.folder import read, write, write_arrays
from spaf.bench.results.record import SCHEMA, ResultRecord, Validity
from tools import collect_faults


def record(scenario: str, result: Any) -> ResultRecord:
    """Return a record with this result."""
    return ResultRecord(
        schema=SCHEMA,
        name="seed-1",
        scenario=scenario,
        command=f"spaf {scenario}",
        started_us=1,
        validity=Validity(valid=False),
        options={},
        settings={},
        machine={},
        versions={},
        result=result,
    )


def test_each_record_with_a_result_is_taken_without_its_samples(tmp_path: Path) -> None:
    """Also one that is not valid: a fault that was not survived must not vanish with it."""
    source, target = tmp_path / "source", tmp_path / "target"
    given: dict[str, tuple[str, Any]] = {
        "seed-1": ("chaos", {"faults": []}),
        "power-1": ("prove power-cut", {"cuts": []}),
        "killed": ("chaos", None),
        "drain": ("bench drain", {}),
    }
    for name, (scenario, result) in given.items():
        (source / name).mkdir(parents=True)
        samples = write_arrays(source / name, "samples.npz", {"a": np.zeros(3)})
        kept = msgspec.structs.replace(record(scenario, result), files={"samples.npz": samples})
        write(source / name, kept)
    assert sorted(collect_faults.collect(source, target)) == ["power-1", "seed-1"]
    files = [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()]
    assert sorted(files) == ["power-1/record.json", "seed-1/record.json"]
    assert read(target / "seed-1") == record("chaos", {"faults": []})
    assert len(collect_faults.collect(source, target)) == 2
