"""The record of a run, from which tests make others."""

from __future__ import annotations

from spaf.bench.results.record import SCHEMA, ResultRecord, Validity

RECORD = ResultRecord(
    schema=SCHEMA,
    name="rates-1",
    scenario="bench rates",
    command="spaf bench rates",
    started_us=1_796_000_000_000_000,
    ended_us=1_796_000_060_000_000,
    validity=Validity(valid=True),
    options={},
    settings={},
    machine={"cpu": "a processor", "cores": 2, "memory_gib": 8.0},
    versions={"spaf": "0.1.0"},
)
