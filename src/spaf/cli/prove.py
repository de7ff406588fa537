"""`spaf prove`: the proofs."""

from __future__ import annotations

from spaf.cli.scenario.group import scenario_group

app = scenario_group("prove", {})
