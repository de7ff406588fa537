"""`spaf bench`: the measurements."""

from __future__ import annotations

from spaf.cli.scenario.group import scenario_group

page = scenario_group("bench page", {})
app = scenario_group("bench", {"page": "spaf.cli.bench:page"})
